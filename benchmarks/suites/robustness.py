"""Thousands of small random problems: every claim of every fit against extended precision.

A problem is drawn by its number, over losses, penalties, solvers, formats, precisions, scales,
offsets, weights, ranks and shapes, and fitted as drawn, in an equivalent form, and by all solvers
to 1e-10. The objective is computed again from ``coef_`` and ``intercept_``; a certificate is
broken where ``objective_`` is another one, where ``dual_gap_`` is smaller than the distance to the
best point that anyone found, or where a fit says that it has converged and is further away than
``tol``. The exit code is then 1.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed
from rich.console import Console

from benchmarks import environment
from benchmarks.fuzzing import checks, problems
from benchmarks.report import Table, number

CERTIFICATE = (checks.NOT_FINITE, *(check.__name__ for check in checks.CERTIFICATE))
#: Seconds beyond which a fit of a problem so small is listed.
SLOW = 1.0
#: Problems between two savings of the results.
CHUNK = 100
QUANTILES = (0.5, 0.95, 1.0)


def add_arguments(parser):
    """Say which problems."""
    parser.add_argument("--problems", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first problem")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of problems, shown in full")
    parser.add_argument("--resume", action="store_true", help="keep the problems solved before")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--examples", type=int, default=3, help="problems listed for each kind")


def run(options):
    """Fit and judge the problems; results are saved after every hundred."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140
    if options.only:
        outcomes = [examine(one) for one in options.only]
        for outcome in outcomes:
            console.print(_in_full(outcome), markup=False)
    else:
        outcomes = _solve(options, console)
        machine, start = environment.describe(options.threads), options.seed
        tables = [fault_table(outcomes), trait_table(outcomes), solver_table(outcomes)]
        tables += [example_table(outcomes, options.examples), slow_table(outcomes)]
        for table in tables:
            console.print(table.rich())
        text = "\n".join(table.markdown() for table in tables if table.rows)
        title = f"# Robustness\n\nProblems {start} to {start + len(outcomes) - 1}. {_LEGEND}\n\n"
        (options.output / "robustness.md").write_text(title + text)
        (options.output / "robustness.json").write_text(json.dumps(machine, indent=1) + "\n")
        console.print(f"written to {options.output}")
    broken = sum(fault["kind"] in CERTIFICATE for one in outcomes for fault in one.faults)
    console.print(f"{broken} broken certificates in {len(outcomes)} problems")
    if broken:
        raise SystemExit(1)


@dataclass
class Outcome:
    """A problem, its fits (run, solver, converged, passes, seconds) and its faults."""

    number: int
    problem: str
    traits: list[str]
    fits: list[dict] = field(default_factory=list)
    faults: list[dict] = field(default_factory=list)


def examine(seed):
    """The outcome of problem number ``seed``."""
    problem = problems.draw(seed)
    runs = [*checks.as_drawn(problem), *checks.all_solvers(problem)]
    fits, faults = checks.examine(problem, runs)
    parameters = [problem.loss, str(problem.penalty), problem.solver, problem.layout]
    return Outcome(
        number=seed,
        problem=str(problem),
        traits=parameters + [_without_numbers(trait) for trait in problem.traits],
        fits=[
            {
                "run": one.run.name,
                "solver": one.run.problem.solver,
                "converged": bool(one.converged),
                "passes": float(one.n_passes),
                "seconds": one.seconds,
            }
            for one in fits
        ],
        faults=[fault._asdict() for fault in faults],
    )


def _without_numbers(trait):
    return " ".join(word for word in trait.split() if not word[0].isdigit()).removesuffix(" to")


def _solve(options, console):
    """Outcomes of all problems, those of an earlier run included where they are wanted."""
    path = options.output / "robustness.jsonl"
    known = _saved(path) if options.resume else {}
    path.write_text("".join(_line(one) for one in known.values()))
    count = min(options.problems, 100) if options.quick else options.problems
    numbers = range(options.seed, options.seed + count)
    left, start = [one for one in numbers if one not in known], perf_counter()
    with Parallel(options.jobs) as parallel, console.status("") as status, path.open("a") as file:
        for begin in range(0, len(left), CHUNK):
            chunk = parallel(delayed(examine)(one) for one in left[begin : begin + CHUNK])
            known |= {outcome.number: outcome for outcome in chunk}
            file.write("".join(map(_line, chunk)))
            file.flush()
            done = begin + len(chunk)
            faults = sum(bool(outcome.faults) for outcome in known.values())
            minutes = (perf_counter() - start) * (len(left) - done) / done / 60
            status.update(f"{done} of {len(left)}, {faults} with faults, {minutes:.0f} min left")
    return [known[one] for one in numbers]


def _line(outcome):
    return json.dumps(asdict(outcome)) + "\n"


def _saved(path):
    if not path.exists():
        return {}
    outcomes = [Outcome(**json.loads(line)) for line in path.read_text().splitlines()]
    return {outcome.number: outcome for outcome in outcomes}


def fault_table(outcomes):
    """How often each claim is broken; certificates also where they never are."""
    table = Table("Broken claims", ("claim", "problems", "fits", "first problems"))
    faults = [(one.number, fault["kind"]) for one in outcomes for fault in one.faults]
    fits = Counter(kind for _, kind in faults)
    for kind in dict.fromkeys((*CERTIFICATE, *fits)):
        where = list(dict.fromkeys(seed for seed, other in faults if other == kind))
        first = " ".join(map(str, where[:8]))
        table.rows.append([kind.replace("_", " "), str(len(where)), str(fits[kind]), first])
    return table


def trait_table(outcomes):
    """Where faults are: problems with each trait, and those of them with a fault."""
    table = Table("Where claims are broken", ("trait", "problems", "with faults", "share"))
    every = Counter(trait for one in outcomes for trait in set(one.traits))
    faulty = Counter(trait for one in outcomes if one.faults for trait in set(one.traits))
    for trait, count in sorted(every.items(), key=lambda item: -faulty[item[0]] / item[1]):
        if faulty[trait]:
            share = f"{faulty[trait] / count:.1%}"
            table.rows.append([trait, str(count), str(faulty[trait]), share])
    return table


def solver_table(outcomes):
    """What the fits to 1e-10 cost with each solver, and how many did not get there."""
    columns = ("solver", "fits", "unfinished", f"over {SLOW:g} s")
    shares = [f"{q:.0%}" for q in QUANTILES]
    columns += (*(f"passes {q}" for q in shares), *(f"÷ gd {q}" for q in shares))
    table = Table(f"Fits to {checks.REFERENCE_TOL:g}", columns)
    for solver in problems.SOLVERS:
        name = f"{solver} to {checks.REFERENCE_TOL:g}"
        fits = [(_fit_of(one, name), _fit_of(one, name.replace(solver, "gd"))) for one in outcomes]
        fits = [(mine, gd) for mine, gd in fits if mine]
        if not fits:
            continue
        passes = [mine["passes"] for mine, _ in fits]
        ratios = [mine["passes"] / max(gd["passes"], 1.0) for mine, gd in fits if gd]
        cells = [number(float(np.quantile(passes, q))) for q in QUANTILES]
        cells += [number(float(np.quantile(ratios, q))) if ratios else "–" for q in QUANTILES]
        unfinished = sum(not mine["converged"] for mine, _ in fits)
        slow = sum(mine["seconds"] > SLOW for mine, _ in fits)
        table.rows.append([solver, str(len(fits)), str(unfinished), str(slow), *cells])
    return table


def _fit_of(outcome, name):
    return next((fit for fit in outcome.fits if fit["run"] == name), None)


def example_table(outcomes, count):
    """The first problems of each kind of fault."""
    table = Table("Examples: --only NUMBER shows one", ("number", "claim", "run", "detail"))
    seen = Counter()
    for outcome in outcomes:
        for kind in dict.fromkeys(fault["kind"] for fault in outcome.faults):
            seen[kind] += 1
            if seen[kind] <= count:
                fault = next(fault for fault in outcome.faults if fault["kind"] == kind)
                words = kind.replace("_", " "), fault["run"], fault["detail"]
                table.rows.append([str(outcome.number), *words])
    return table


def slow_table(outcomes):
    """Fits that take long for their size, slowest first."""
    table = Table("The slowest", ("number", "run", "seconds", "passes", "converged", "problem"))
    fits = [(fit["seconds"], one, fit) for one in outcomes for fit in one.fits]
    for seconds, one, fit in sorted(fits, key=lambda entry: -entry[0])[:15]:
        if seconds > SLOW:
            cells = f"{seconds:.1f}", number(fit["passes"]), str(fit["converged"])
            table.rows.append([str(one.number), fit["run"], *cells, one.problem])
    return table


def _in_full(outcome):
    lines = [f"{outcome.number}: {outcome.problem}"]
    for fit in outcome.fits:
        ended = "converged" if fit["converged"] else "unfinished"
        lines.append(f"  {fit['run']}: {ended}, {fit['passes']:.0f} passes, {fit['seconds']:.2f} s")
    for fault in outcome.faults:
        kind = fault["kind"].replace("_", " ")
        lines.append(f"  {kind.upper()} ({fault['run']}): {fault['detail']}")
    return "\n".join(lines)


_LEGEND = """\
Distances, gaps and roundings are in units of the best constant model's objective. *÷ gd* compares
passes over X with those of "gd" on the same problem, where both ended."""
