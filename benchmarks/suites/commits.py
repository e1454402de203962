"""This working tree against a commit: the same fits by both packages, in one run, by turns.

Only the folder ``nno_sklearn`` is the commit's; cases and measuring are those of the working tree.
Each package has a process of its own. A ratio above 1 says that the working tree is faster.
"""

import io
import subprocess
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks import cases
from benchmarks.competitors import ours
from benchmarks.data import MissingDataError
from benchmarks.report import Table, number
from benchmarks.worker import STARTUP, FitError, Worker

ROOT = Path(__file__).parents[2]
#: The commit's package, and the working tree's.
VERSIONS = ("before", "now")


def add_arguments(parser):
    """Say which commit, cases and solvers."""
    parser.add_argument("--against", metavar="COMMIT", default="HEAD", help="as git names it")
    parser.add_argument("--case", nargs="+", metavar="NAME", help="beginnings or glob patterns")
    parser.add_argument("--group", nargs="+", choices=cases.GROUPS)
    parser.add_argument(
        "--competitor", nargs="+", default=["ours *"], help="glob patterns such as '*auto'"
    )
    parser.add_argument("--tol", type=float, default=1e-6, help="relative duality gap of all fits")
    # Other processes disturb a fit of milliseconds, and BLAS threads that wait count as work.
    parser.set_defaults(repeats=25, time_limit=60.0, threads=1)


def run(options):
    """Time every case with every solver; written at the end."""
    console = Console()
    if not console.is_terminal:
        console.width = 140
    chosen = cases.select(options.case, options.group, options.quick)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        export(options.against, folder)
        for case in chosen:
            with console.status(case.name):
                try:
                    rows += compare(case, {"before": folder, "now": str(ROOT)}, options)
                except MissingDataError as error:
                    console.print(f"{case.name} skipped: {error}")
    results = pd.DataFrame(rows)
    table = ratio_table(results, options.against)
    console.print(table.rich())
    results.to_csv(options.output / "commits.csv", index=False, float_format="%.6g")
    (options.output / "commits.md").write_text(f"# Commits\n\n{_LEGEND}\n\n{table.markdown()}")
    console.print(f"{options.threads} threads; written to {options.output}")


def export(commit, folder):
    """Write the package of a commit into a folder.

    Raises
    ------
    SystemExit
        If git does not know the commit; the message is git's.
    """
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", commit, "nno_sklearn"]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        raise SystemExit(f"--against {commit}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def compare(case, packages, options):
    """Measure a case.

    Parameters
    ----------
    case : benchmarks.cases.Case
    packages : dict of {"before", "now"} to str
        Folders to import nno_sklearn from.
    options : Namespace
        Of the command line: ``competitor``, ``tol``, ``repeats``, ``time_limit``.

    Returns
    -------
    list of dict
        One record for each solver and version.
    """
    objective, records = case.objective(), []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(VERSIONS)) as pool:
        path = str(Path(folder) / "objective.joblib")
        joblib.dump(objective, path)
        started = pool.map(lambda version: Worker(path, packages[version]), VERSIONS)
        workers = dict(zip(VERSIONS, started, strict=True))
        try:
            for name in chosen_competitors(options.competitor, objective):
                for version, found in by_turns(name, workers, options).items():
                    record = {"case": case.name, "competitor": name, "version": version}
                    records.append(record | summarised(found, objective))
        finally:
            for worker in workers.values():
                worker.close()
    return records


def chosen_competitors(patterns, objective):
    """Names of those of our solvers that can minimise the objective."""
    return [
        one.name
        for one in (ours.REFERENCE, *ours.COMPETITORS)
        if one.supports(objective) and any(fnmatchcase(one.name, pattern) for pattern in patterns)
    ]


def by_turns(name, workers, options):
    """Fits of each version, after one that warms up; of one that fails, the error instead.

    Returns
    -------
    dict of {"before", "now"} to (list of Fit or str)
    """
    fits = {version: [] for version in VERSIONS}
    for turn in range(options.repeats + 1):
        for version in VERSIONS if turn % 2 else VERSIONS[::-1]:
            if isinstance(fits[version], str):
                continue
            try:
                fit = workers[version].fit(name, options.tol, STARTUP + options.time_limit)
            except FitError as error:
                fits[version] = str(error)
            else:
                fits[version] += [fit] if turn else []
    return fits


def summarised(fits, objective):
    """Medians of fits as a dict of plain values; of a failure, the reason."""
    if isinstance(fits, str):
        return {"failure": fits}
    coef, intercept, passes = fits[-1].solution
    cpu_seconds = [fit.cpu_seconds for fit in fits]
    return {
        "cpu_seconds": np.median(cpu_seconds),
        "least_cpu_seconds": min(cpu_seconds),
        "seconds": np.median([fit.seconds for fit in fits]),
        "fits": len(fits),
        "passes": passes,
        "objective": objective.value(coef, intercept),
        "failure": "",
    }


def ratio_table(results, commit):
    """Processor time of both, ratios, and whether both did the same work to the same end."""
    columns = (
        "before ms",
        "now ms",
        "÷",
        "least ÷ least",
        "passes",
        "passes now",
        "F now / before",
    )
    table, ratios = Table(f"Working tree against {commit}", ("case, solver", *columns)), []
    for (case, solver), pair in results.groupby(["case", "competitor"], sort=False):
        before, now = (pair[pair["version"] == version].iloc[0] for version in VERSIONS)
        failures = [f"{one.version}: {one.failure}" for one in (before, now) if one.failure]
        if failures:
            table.rows.append([f"{case}, {solver}", "; ".join(failures), *"––––––"])
            continue
        ratios.append(before.cpu_seconds / now.cpu_seconds)
        least = before.least_cpu_seconds / now.least_cpu_seconds
        cells = (1000 * before.cpu_seconds, 1000 * now.cpu_seconds, ratios[-1], least)
        cells = map(number, (*cells, before.passes, now.passes))
        change = f"1{now.objective / before.objective - 1:+.0e}"
        table.rows.append([f"{case}, {solver}", *cells, change])
    if ratios:
        mean, least = np.exp(np.mean(np.log(ratios))), min(ratios)
        table.title += f": ÷ has geometric mean {mean:.3f}, least {least:.3f}"
    return table


_LEGEND = """\
Medians of processor time of warm fits to the same relative duality gap; *÷* is before over now:
above 1 the working tree is faster. Other processes disturb *least ÷ least*, of the fastest fits,
less. *passes* count how often X was read; *F* is the objective that was reached."""
