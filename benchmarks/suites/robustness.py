"""Thousands of small random problems: every claim of every fit against extended precision.

A problem is drawn by its number, over losses, penalties, solvers, formats, precisions, scales,
offsets, weights, ranks and shapes, and fitted as drawn, in an equivalent form, and to 1e-10 by the
solvers that differ in problems so small. The objective is computed again from ``coef_`` and
``intercept_``; a certificate is broken where ``objective_`` is another one, where ``dual_gap_`` is
smaller than the distance to the best point that anyone found, or where a fit says that it has
converged and is further away than ``tol``. The exit code is then 1.

Each problem is drawn a second time, under its number plus a million, with other losses and with
penalties that have a shape. Their best points are those of the fits; where the objective is not
convex, a fit that says it has converged must not fall by more than ``tol`` as one coefficient
changes. All fits are judged, also those that say they did not converge, as after 100 iterations
towards 1e-10: their objective and their gap must be true all the same.
"""

import sys
from time import perf_counter

import pandas as pd
from joblib import Parallel, delayed

from benchmarks.fuzzing import checks, problems
from benchmarks.report import Report, Table, console, words

TITLE, KEY = "Robustness", "number"
CERTIFICATE = (checks.NOT_FINITE, *(check.__name__ for check in checks.CERTIFICATE))
#: Seconds beyond which a fit of a problem so small is listed.
SLOW = 1.0
#: Problems between two savings of the results.
CHUNK = 100
QUANTILES = (0.5, 0.95, 1.0)
#: Problems listed for each kind of fault, and slow fits.
EXAMPLES, SLOWEST = 3, 15


def add_arguments(parser):
    """Say which problems."""
    parser.add_argument("--problems", type=int, default=1000, help="of each of both kinds")
    parser.add_argument("--seed", type=int, default=0, help="number of the first problem")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of problems, shown in full")
    parser.add_argument(
        "--fit-time", type=float, help="processor seconds beyond which fits get few iterations"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")


def run(options):
    """Fit and judge the problems; results are saved after every hundred."""
    if options.only:
        results = pd.DataFrame(
            [row for one in options.only for row in examine(one, options.fit_time)]
        )
        for _, rows in results.groupby("number", sort=False):
            console().print(_in_full(rows), markup=False)
    else:
        report = Report(sys.modules[__name__], options)
        _solve(options, report)
        report.show(*tables(report.results))
        report.end()
        results = report.results
    fits, broken = _fits(results), int(results["claim"].isin(CERTIFICATE).sum())
    count, raised = results["number"].nunique(), int((results["claim"] == "raises").sum())
    unfinished = int((~fits["converged"].astype(bool)).sum())
    console().print(
        f"{len(fits)} fits were judged, of which {unfinished} say that they did not converge; "
        f"{raised} raised an error"
    )
    console().print(f"{broken} broken certificates in {count} problems")
    if broken:
        raise SystemExit(1)


def examine(seed, fit_time=None):
    """Fits and faults of problem number ``seed``, its fits in full or within ``fit_time`` seconds.

    Returns
    -------
    list of dict
        One row for each fit and each claim that it breaks ("" for none), and one for each fit that
        is none, with what it raised.
    """
    problem = problems.draw(seed).replaced(seconds=fit_time)
    runs = [*checks.as_drawn(problem), *checks.precise(problem)]
    fits, faults = checks.examine(problem, runs)
    traits = [problem.loss, str(problem.penalty), problem.solver, problem.layout]
    traits += [_without_numbers(trait) for trait in problem.traits]
    facts = {"number": seed, "problem": str(problem), "traits": "|".join(dict.fromkeys(traits))}
    known = {
        one.run.name: {
            "solver": one.run.problem.solver,
            "converged": bool(one.converged),
            "passes": float(one.n_passes),
            "seconds": one.seconds,
        }
        for one in fits
    }
    claims = [(fault.run, fault.kind, fault.detail) for fault in faults]
    faulty = {run for run, _, _ in claims}
    claims += [(run, "", "") for run in known if run not in faulty]
    missing = dict.fromkeys(("solver", "converged", "passes", "seconds"))
    return [
        {**facts, "fit": run, **known.get(run, missing), "claim": claim, "detail": detail}
        for run, claim, detail in claims
    ]


def _without_numbers(trait):
    return " ".join(word for word in trait.split() if not word[0].isdigit()).removesuffix(" to")


def _solve(options, report):
    """Fit all problems; with ``--append``, those of an earlier run are not solved again."""
    count = min(options.problems, 50) if options.quick else options.problems
    known = set(report.results["number"]) if len(report.results) else set()
    numbers = range(options.seed, options.seed + count)
    both = [kind + one for one in numbers for kind in (0, problems.SHAPED)]
    left = [one for one in both if one not in known]
    start = perf_counter()
    with Parallel(options.jobs) as parallel, report.console.status("") as status:
        for begin in range(0, len(left), CHUNK):
            chunk = parallel(
                delayed(examine)(one, options.fit_time) for one in left[begin : begin + CHUNK]
            )
            report.add([row for rows in chunk for row in rows])
            done = begin + len(chunk)
            faults = _faults(report.results)["number"].nunique()
            minutes = (perf_counter() - start) * (len(left) - done) / done / 60
            status.update(f"{done} of {len(left)}, {faults} with faults, {minutes:.0f} min left")


def tables(results):
    """Faults, where they are, what precise fits cost, examples, and what is slow."""
    made = (fault_table, trait_table, solver_table, example_table, slow_table)
    return [table for table in (make(results) for make in made) if len(table.frame)]


def _faults(results):
    """Rows with a broken claim."""
    return results[words(results["claim"]) != ""]


def _fits(results):
    """A row for each fit."""
    return results.dropna(subset="passes").drop_duplicates(["number", "fit"])


def fault_table(results):
    """How often each claim is broken; certificates also where they never are."""
    faults, rows = _faults(results), []
    for claim in dict.fromkeys((*CERTIFICATE, *faults["claim"])):
        numbers = faults.loc[faults["claim"] == claim, "number"]
        rows.append(
            {
                "claim": claim.replace("_", " "),
                "problems": numbers.nunique(),
                "fits": len(numbers),
                "first problems": " ".join(map(str, sorted(numbers.unique())[:8])),
            }
        )
    return Table("Broken claims", pd.DataFrame(rows))


def trait_table(results):
    """Where faults are: problems with each trait, and those of them with a fault."""
    by_number = results.drop_duplicates("number").set_index("number")
    has_trait = by_number["traits"].str.get_dummies("|").astype(bool)
    is_faulty = has_trait.index.isin(_faults(results)["number"])
    count, faulty = has_trait.sum(), has_trait[is_faulty].sum()
    share = (faulty / count)[faulty > 0].sort_values(ascending=False, kind="stable")
    columns = {
        "trait": share.index,
        "problems": count[share.index],
        "with faults": faulty[share.index],
        "share": share.map("{:.1%}".format),
    }
    return Table("Where claims are broken", pd.DataFrame(columns))


def solver_table(results):
    """What the fits to 1e-10 cost with each solver, and how many did not get there."""
    fits, rows = _fits(results), []
    of = {
        solver: fits[fits["fit"] == f"{solver} to {checks.REFERENCE_TOL:g}"].set_index("number")
        for solver in problems.SOLVERS
    }
    for solver, mine in of.items():
        passes = mine["passes"].astype(float)
        ratios = (passes / of["gd"]["passes"].clip(lower=1.0)).dropna()
        if len(mine):
            rows.append(
                {
                    "solver": solver,
                    "fits": len(mine),
                    "unfinished": int((~mine["converged"].astype(bool)).sum()),
                    f"over {SLOW:g} s": int((mine["seconds"] > SLOW).sum()),
                    **{f"passes {q:.0%}": passes.quantile(q) for q in QUANTILES},
                    **{f"÷ gd {q:.0%}": ratios.quantile(q) for q in QUANTILES},
                }
            )
    return Table(f"Fits to {checks.REFERENCE_TOL:g}", pd.DataFrame(rows))


def example_table(results):
    """The first problems of each kind of fault."""
    faults = _faults(results).drop_duplicates(["number", "claim"])
    first = faults.groupby("claim", sort=False).head(EXAMPLES)
    shown = first[["number", "claim", "fit", "detail"]]
    return Table(
        "Examples: --only NUMBER shows one",
        shown.assign(claim=[claim.replace("_", " ") for claim in shown["claim"]]),
    )


def slow_table(results):
    """Fits that take long for their size, slowest first."""
    fits = _fits(results)
    slow = fits[fits["seconds"] > SLOW].nlargest(SLOWEST, "seconds")
    columns = ["number", "fit", "seconds", "passes", "converged", "problem"]
    return Table("The slowest", slow[columns].astype({"converged": str}))


def _in_full(rows):
    """A problem, its fits and its faults."""
    lines = [f"{rows['number'].iloc[0]}: {rows['problem'].iloc[0]}"]
    for one in _fits(rows).itertuples():
        ended = "converged" if one.converged else "unfinished"
        lines.append(f"  {one.fit}: {ended}, {one.passes:.0f} passes, {one.seconds:.2f} s")
    for one in _faults(rows).itertuples():
        lines.append(f"  {one.claim.replace('_', ' ').upper()} ({one.fit}): {one.detail}")
    return "\n".join(lines)


LEGEND = """\
Distances, gaps and roundings are in units of the best constant model's objective. *÷ gd* compares
passes over X with those of "gd" on the same problem, where both ended."""
