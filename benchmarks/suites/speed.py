"""Time to a given accuracy, against every peer with the same objective."""

from dataclasses import replace

from rich.console import Console

from benchmarks import cases, environment, plots, report, results
from benchmarks.data import MissingDataError
from benchmarks.runner import Effort, run_case


def add_arguments(parser):
    """Say which cases and which competitors."""
    parser.add_argument(
        "--case",
        nargs="+",
        metavar="NAME",
        help="beginnings or glob patterns of names; see --list",
    )
    parser.add_argument("--group", nargs="+", choices=cases.GROUPS)
    parser.add_argument(
        "--competitor",
        nargs="+",
        default=["*"],
        metavar="NAME",
        help="glob patterns such as 'ours *' or '*lbfgs'",
    )
    parser.add_argument(
        "--append",
        action="store_true",
        help="keep the cases that OUTPUT/speed.json has already",
    )
    parser.add_argument(
        "--cold-repeats",
        type=int,
        help="fresh processes behind a cold figure; None: 3, or 0 with --quick",
    )
    parser.add_argument("--no-plots", action="store_true")
    parser.add_argument("--list", action="store_true", help="print the cases and end")


def run(options):
    """Run the cases that are asked for; everything is written after each of them."""
    chosen = cases.select(options.case, options.group, options.quick)
    console = Console()
    if not console.is_terminal:
        console.width = 140  # a file has no width of its own
    if options.list:
        for case in chosen:
            console.print(f"{case.name}  [dim]{case.group}[/dim]")
        return
    effort = Effort(options.repeats, time_limit=options.time_limit)
    if options.quick:  # warm figures, good for an order
        effort = replace(effort, cold_repeats=0, pause=0.0)
    if options.cold_repeats is not None:
        effort = replace(effort, cold_repeats=options.cold_repeats)
    machine = environment.describe(options.threads)
    if machine["load"] is not None and machine["load"] > 0.5:
        console.print(f"[red]Others use this machine (load {machine['load']:.1f}): figures vary.")
    path = options.output / "speed.json"
    done = {r.name: r for r in results.load(path)} if options.append and path.exists() else {}
    for i, case in enumerate(chosen, 1):
        with console.status(case.name) as status:
            prefix = f"{i}/{len(chosen)} {case.name}: "
            try:
                done[case.name] = run_case(
                    case,
                    effort,
                    machine,
                    options.competitor,
                    lambda text, status=status, prefix=prefix: status.update(prefix + text),
                )
            except MissingDataError as error:
                console.print(f"{case.name} skipped: {error}")
                continue
        console.print(report.case_table(done[case.name]).rich())
        _write(list(done.values()), options)
    finished = list(done.values())
    for table in (report.summary_table(finished), report.descent_table(finished)):
        console.print(table.rich())
    console.print(f"{options.threads} threads; written to {options.output}")


def _write(done, options):
    results.save(done, options.output / "speed.json")
    (options.output / "speed.md").write_text(report.markdown(done))
    if not options.no_plots:
        plots.draw_all(done, options.output / "plots")
