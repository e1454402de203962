"""This working tree against a commit: the same fits by both packages, in one run, by turns.

Only the folder ``nno_sklearn`` is the commit's; cases and measuring are those of the working tree.
Each package has a process of its own. A ratio above 1 says that the working tree is faster.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from benchmarks import cases
from benchmarks.competitors import ours
from benchmarks.data import MissingDataError
from benchmarks.report import Report, Table, words
from benchmarks.worker import STARTUP, FitError, Worker

TITLE, KEY = "Commits", "case"
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
    report = Report(sys.modules[__name__], options)
    chosen = cases.select(options.case, options.group, options.quick)
    with tempfile.TemporaryDirectory() as folder:
        export(options.against, folder)
        for case in chosen:
            with report.console.status(case.name):
                try:
                    rows = compare(case, {"before": folder, "now": str(ROOT)}, options)
                except MissingDataError as error:
                    report.console.print(f"{case.name} skipped: {error}")
                    continue
            report.add([{"against": options.against, **row} for row in rows])
    if len(report.results):
        report.show(*tables(report.results))
    report.end()


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
        return {"cpu_seconds": np.nan, "fits": 0, "failure": fits}
    coef, intercept, passes, _ = fits[-1].solution
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


def tables(results):
    """One for each commit."""
    return [ratio_table(commit, rows) for commit, rows in results.groupby("against", sort=False)]


def ratio_table(commit, rows):
    """Processor time of both, ratios, and whether both did the same work to the same end."""
    wide = rows.pivot(index=["case", "competitor"], columns="version").reindex(
        pd.MultiIndex.from_frame(rows[["case", "competitor"]].drop_duplicates())
    )

    def ratio(column):
        return wide[column, "before"] / wide[column, "now"]

    ratios = ratio("cpu_seconds")
    mean, least = np.exp(np.log(ratios).mean()), ratios.min()
    failures = wide["failure"].apply(words)
    columns = {
        "before ms": 1000 * wide["cpu_seconds", "before"],
        "now ms": 1000 * wide["cpu_seconds", "now"],
        "÷": ratios,
        "least ÷ least": ratio("least_cpu_seconds"),
        "passes": wide["passes", "before"],
        "passes now": wide["passes", "now"],
        "F now / before": (1 / ratio("objective") - 1).map("1{:+.0e}".format),
        "failed before": failures["before"],
        "failed now": failures["now"],
    }
    if not (failures != "").any(axis=None):
        del columns["failed before"], columns["failed now"]
    return Table(
        f"Working tree against {commit}: ÷ has geometric mean {mean:.3f}, least {least:.3f}",
        pd.DataFrame(columns).reset_index(),
    )


LEGEND = """\
Medians of processor time of warm fits to the same relative duality gap; *÷* is before over now:
above 1 the working tree is faster. Other processes disturb *least ÷ least*, of the fastest fits,
less. *passes* count how often X was read; *F* is the objective that was reached."""
