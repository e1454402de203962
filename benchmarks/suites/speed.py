"""Time to a given accuracy, against every peer with the same objective."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks import cases, plots
from benchmarks.curve import COLD_TARGET, TARGETS
from benchmarks.data import MissingDataError
from benchmarks.report import Report, Table, percent, text, words
from benchmarks.runner import Effort, run_case

TITLE, KEY = "Speed", "case"
#: What the tables of cases are about, and the summary that is printed.
TARGET = 1e-6
PEERS = ("scikit-learn", "skglm", "celer", "glum", "adelie", "glmnet", "statsmodels")


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
        "--cold-repeats",
        type=int,
        help="fresh processes behind a cold figure; None: 3, or 0 with --quick",
    )
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count seconds of the processor: for one thread on a machine that others use",
    )
    parser.add_argument("--no-plots", action="store_true")
    parser.add_argument("--list", action="store_true", help="print the cases and end")


def run(options):
    """Run the cases that are asked for; everything is written after each of them."""
    chosen = cases.select(options.case, options.group, options.quick)
    if options.list:
        for case in chosen:
            print(case.name, case.group)
        return
    clock = "cpu_seconds" if options.processor_time else "seconds"
    effort = Effort(options.repeats, time_limit=options.time_limit, clock=clock)
    if options.quick:  # warm figures, good for an order
        effort = replace(effort, cold_repeats=0, pause=0.0)
    if options.cold_repeats is not None:
        effort = replace(effort, cold_repeats=options.cold_repeats)
    report = Report(sys.modules[__name__], options)
    load = report.environment["load"]
    if load is not None and load > 0.5:
        report.console.print(f"[red]Others use this machine (load {load:.1f}): figures vary.")
    for i, case in enumerate(chosen, 1):
        with report.console.status(case.name) as status:
            prefix = f"{i}/{len(chosen)} {case.name}: "
            try:
                rows = run_case(
                    case,
                    effort,
                    options.competitor,
                    lambda text, status=status, prefix=prefix: status.update(prefix + text),
                )
            except MissingDataError as error:
                report.console.print(f"{case.name} skipped: {error}")
                continue
        report.add(rows)
        bandwidth = report.environment["bandwidth"]
        report.show(case_table(pd.DataFrame(rows).assign(bandwidth=bandwidth)))
        if not options.no_plots:
            plots.draw_all(report.results, options.output / "plots")
    if len(report.results):
        report.show(summary_table(report.results, TARGET), descent_table(report.results))
    report.end()


def tables(results):
    """Summaries, and one table for each case."""
    summaries = [summary_table(results, target) for target in TARGETS]
    by_case = [case_table(rows) for _, rows in results.groupby("case", sort=False)]
    return [*summaries, descent_table(results), *by_case]


def case_table(rows):
    """Competitors of a case, fastest first."""
    first = rows.iloc[0]
    title = (
        f"{first.case}: n={first.n_samples:,} p={first.n_features:,} "
        f"alpha={first.alpha:.3g} l1_ratio={first.l1_ratio:g}{_clock(rows)}"
    )
    seconds = rows.pivot(index="competitor", columns="accuracy", values="seconds")
    at = rows[np.isclose(rows["accuracy"], TARGET)].set_index("competitor")
    at = at.sort_values("seconds", kind="stable")
    share = at["passes"] * at["n_bytes"] / at["seconds"] / at["bandwidth"]
    columns = {
        "competitor": at.index + np.where(at["is_auto"], " (auto)", ""),
        **{f"{target:.0e}": seconds.loc[at.index, target] for target in TARGETS},
        "passes": at["passes"],
        "GB/s share": share.astype(float).map(percent),
        "mem / X": at["memory"] / at["n_bytes"],
        "cold": at["cold_seconds"],
        "fits": at["fits"],
        "ended": words(at["note"]),
    }
    return Table(title, pd.DataFrame(columns))


def _clock(rows):
    """What a title says where figures are seconds of the processor."""
    clock = rows.get("clock", pd.Series(dtype=object))  # older results are all of the wall clock
    return ", processor seconds" if clock.eq("cpu_seconds").any() else ""


def summary_table(results, target):
    """Per group, each peer's best solver against our best, and against our "auto"."""
    results = results.assign(package=results["competitor"].str.split().str[0])
    at = results[np.isclose(results["accuracy"], target)]
    cold = results[np.isclose(results["accuracy"], COLD_TARGET)]
    warm_best, warm_auto = _best(at, "seconds"), _auto(at, "seconds")
    cold_best, cold_auto = _best(cold, "cold_seconds"), _auto(cold, "cold_seconds")
    rows = []
    for group, members in at.groupby("group", sort=False):
        for peer in PEERS:
            shared = members.loc[members["package"] == peer, "case"].unique()
            if not len(shared):
                continue
            best, auto, cold_ours, cold_ours_auto = (
                ratios(table.reindex(shared)[peer], ours.reindex(shared))
                for table, ours in (
                    (warm_best, warm_best["ours"]),
                    (warm_best, warm_auto),
                    (cold_best, cold_best["ours"]),
                    (cold_best, cold_auto),
                )
            )
            rows.append(
                {
                    "group": group,
                    "peer": peer,
                    "cases": len(shared),
                    "best mean": mean_ratio(best),
                    "best min": best.min(),
                    "auto mean": mean_ratio(auto),
                    "auto min": auto.min(),
                    "only we": int(np.isinf(best).sum()),
                    "cold best": mean_ratio(cold_ours),
                    "cold auto": mean_ratio(cold_ours_auto),
                }
            )
    return Table(f"Time of the best peer ÷ ours, to {target:.0e}", pd.DataFrame(rows))


def _best(rows, column):
    """Least time of each package (column) on each case (row)."""
    every = rows.pivot_table(column, "case", "package", "min", dropna=False)
    return every.reindex(columns=["ours", *PEERS])


def _auto(rows, column):
    return rows[rows["is_auto"]].set_index("case")[column]


def ratios(theirs, ours):
    """Time of a peer over ours, case by case; above 1 we are ahead.

    0 where the peer reached the target and we did not, inf where only we did; cases that neither
    solved are left out.
    """
    solved = theirs.notna() | ours.notna()
    return theirs[solved].astype(float).fillna(np.inf) / ours[solved].astype(float).fillna(np.inf)


def mean_ratio(ratio):
    """Geometric mean where both reached the target, 0 if we failed anywhere; nan for none."""
    finite = ratio[ratio < np.inf]
    return np.exp(np.log(finite).mean()) if (finite > 0).all() else 0.0


def descent_table(results, target=TARGET):
    """Our "gd" against L-BFGS in time, and against plain accelerated descent in passes."""
    numbers, rows = ["seconds", "passes", "last_passes"], []
    # As floats, as a fit that told nothing has None, nan here.
    results = results.astype(dict.fromkeys(["accuracy", *numbers], float))
    at = results[np.isclose(results["accuracy"], target)]
    for case, members in at.groupby("case", sort=False):
        of = members.set_index("competitor")
        missing = pd.Series(np.nan, numbers)
        curves = {name: of.loc[name] if name in of.index else missing for name in _DESCENTS}
        if "ours gd" not in of.index:
            continue
        gd, plain = curves["ours gd"], curves["plain accelerated"]
        lbfgs = pd.Series([curves[name]["seconds"] for name in _DESCENTS[2:]], dtype=float).min()
        is_bound = pd.isna(plain["passes"]) and pd.notna(plain["last_passes"])  # it was on its way
        passes = plain["last_passes"] if is_bound else plain["passes"]
        share = gd["passes"] / passes
        rows.append(
            {
                "case": case,
                "gd s": gd["seconds"],
                "lbfgs s": lbfgs,
                "gd ÷ lbfgs": gd["seconds"] / lbfgs,
                "gd passes": gd["passes"],
                "plain passes": ("> " if is_bound else "") + text(passes),
                "gd ÷ plain": ("< " if is_bound and pd.notna(share) else "") + text(share),
            }
        )
    return Table(f"gd, to {target:.0e}", pd.DataFrame(rows))


_DESCENTS = ("ours gd", "plain accelerated", "scikit-learn lbfgs", "scikit-learn glm-lbfgs")

LEGEND = """\
Columns "1e-03" … are seconds (of the processor in one thread, where a title says so: others used
the machine) to that true relative suboptimality, `(F - F*) / F(best constant
model)`: medians of warm fits, interpolated on each competitor's own curve; "–" is not reached.
*passes* and *GB/s share* are at 1e-6: passes × bytes of X ÷ seconds over what this machine reads.
*mem / X* is the growth of the process at its peak, over the bytes of X. *cold* is the first fit in
a fresh process, import included, to 1e-6. *fits* is the least number of fits behind a median.

In the summaries *best* is the fastest of our solvers, *auto* the one that `solver="auto"` takes.
Above 1 we are ahead. Means are geometric, over the cases that both solved; 0 says that we did not
solve a case that the peer solved, *only we* counts the reverse."""
