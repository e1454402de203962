"""Whether the choice of a solver changes a result: cross-validated scores, all else by default.

Five folds, the score of each estimator's own ``score``. Sets of more rows are a seeded sample.
"""

import sys
import warnings
from fnmatch import fnmatch
from time import process_time
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate

from benchmarks import data
from benchmarks.report import Report, Table
from nno_sklearn import NNOClassifier, NNORegressor

TITLE, KEY = "The same score by every solver", "case"
SOLVERS = ("gd", "nearest_neighbor", "proximal", "auto")
#: Rows of a sample, and its stored entries: fewer rows where these are long.
ROWS, ENTRIES = 5000, 2_500_000
FOLDS = 5
#: Scores are the same if they differ by this share of their standard error.
SAME = 0.1
#: Differences below it, in standard errors, are those of rounding.
ROUNDING = 1e-9
#: Sets that take longer to make than to fit; others have columns like theirs.
HUGE = (
    "tall-4000000x50",
    "tall-100000x300",
    "tall-50000x1000",
    "isotropic-50000x1000",
    "ridge-1000000x50",
    "ridge-50000x1000",
    "correlated-2000x20000",
)
#: Losses of sets that are not for log-loss or squared error alone.
LOSSES = {
    "small_counts": ("poisson",),
    "wide_counts-100x3000": ("poisson",),
    "motor_claims": ("poisson",),
    "motor_amounts": ("gamma",),
    "bike_sharing": ("squared_error", "poisson"),
    "bike_sharing_unit_scale": ("huber",),
    "diabetes_unit_scale": ("huber",),
    "diabetes_grades": ("ordinal",),
    "grades-5000x50": ("ordinal",),
    "golub_raw": ("log_loss", "squared_hinge", "hinge"),
}
QUICK = ("small_counts", "iris_scaled", "labels-500x20", "numbers-500x20")


class Case(NamedTuple):
    """A set of :mod:`benchmarks.data`, and a loss; None is the estimator's default."""

    data: str
    loss: str | None = None

    @property
    def name(self):
        return self.data if self.loss is None else f"{self.data}-{self.loss}"


def cases():
    """All of them."""
    names = (name for name in data.names() if name not in HUGE)
    return [Case(name, loss) for name in names for loss in LOSSES.get(name, (None,))]


def add_arguments(parser):
    """Say which cases."""
    parser.add_argument(
        "--case", nargs="+", metavar="NAME", help="beginnings or glob patterns; see --list"
    )
    parser.add_argument("--list", action="store_true", help="print the cases and end")


def run(options):
    """Measure each case; everything is written after each of them."""
    chosen = select(options.case, options.quick)
    if options.list:
        for case in chosen:
            print(case.name)
        return
    report = Report(sys.modules[__name__], options)
    for case in chosen:
        try:
            rows = list(measured(case))
        except data.MissingDataError as error:
            report.console.print(f"{case.name} skipped: {error}")
            continue
        report.add(rows)
        report.show(case_table(pd.DataFrame(rows)))
    if len(report.results):
        report.show(summary_table(report.results))
    report.end()


def select(patterns, quick):
    """Cases whose names begin with or match one of the patterns; None for all, or the quick."""
    if patterns is None:
        return [case for case in cases() if not quick or case.data in QUICK]
    return [case for case in cases() if any(fnmatch(case.name, f"{one}*") for one in patterns)]


def measured(case):
    """A row for each solver."""
    X, y, weight = sample(*data.load_weighted(case.data))
    is_labels = y.dtype.kind in "iu"
    model = (NNOClassifier if is_labels else NNORegressor)(random_state=0)
    if case.loss:
        model.set_params(loss=case.loss)
    folds = (StratifiedKFold if is_labels else KFold)(FOLDS, shuffle=True, random_state=0)
    facts = {"case": case.name, "n": X.shape[0], "p": X.shape[1], "loss": model.loss}
    params = {} if weight is None else {"sample_weight": weight}
    for solver in SOLVERS:
        model.set_params(solver=solver)
        start = process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # these fits are counted
            found = cross_validate(model, X, y, cv=folds, params=params, return_estimator=True)
        yield {
            **facts,
            "solver": solver,
            "score": found["test_score"].mean(),
            "error": found["test_score"].std(ddof=1) / np.sqrt(FOLDS),
            "unconverged": sum(not one.converged_ for one in found["estimator"]),
            "seconds": process_time() - start,
        }


def sample(X, y, weight, seed=0):
    """The set, or rows of it that are drawn at random."""
    stored = X.size / X.shape[0]  # of a sparse matrix, what it stores
    n_samples = int(min(ROWS, ENTRIES / stored, X.shape[0]))
    if n_samples == X.shape[0]:
        return X, y, weight
    rows = np.sort(np.random.default_rng(seed).choice(X.shape[0], n_samples, replace=False))
    return X[rows], y[rows], None if weight is None else weight[rows]


def tables(results):
    """How many agree, and all cases."""
    return [summary_table(results), case_table(results)]


def compared(results):
    """A line for each case: scores by solver, and how far these are apart in standard errors.

    The standard error is the mean of the solvers'. Equal scores are 0 apart, also where all folds
    have the same score.
    """
    by_case = results.groupby("case", sort=False)
    scores = results.pivot(index="case", columns="solver", values="score").loc[list(by_case.groups)]
    lines = by_case.agg({"n": "first", "p": "first", "loss": "first"}).join(scores[[*SOLVERS]])
    lines["standard error"] = by_case["error"].mean()
    apart = scores.max(axis=1) - scores.min(axis=1)
    apart = (apart / lines["standard error"]).where(apart > 0, 0.0)
    lines["apart"] = apart.mask(apart < ROUNDING, 0.0)
    lines["unconverged"] = by_case["unconverged"].sum()
    return lines.reset_index()


def case_table(results):
    """A line for each case."""
    lines = compared(results)
    for solver in SOLVERS:
        lines[solver] = lines[solver].map("{:.4f}".format)
    return Table("Cross-validated scores", lines)


def summary_table(results):
    """How many cases agree, and how far the others are apart."""
    lines = compared(results)
    line = {
        "folds": FOLDS,
        "cases": len(lines),
        f"within {SAME:g}": int((lines["apart"] <= SAME).sum()),
        "largest": lines["apart"].max(),
        "fits": FOLDS * len(results),
        "unconverged": int(lines["unconverged"].sum()),
    }
    return Table("All cases", pd.DataFrame([line]))


LEGEND = f"""\
Parameters are those by default, but for *solver*. A set of more rows is a sample of {ROWS:,}, or of
fewer where rows are long ({ENTRIES:,} entries). *standard error*: of the mean score over the
{FOLDS} folds, on average over solvers. *apart*: the largest difference between two solvers' scores,
in standard errors. *unconverged*: fits that say that they did not converge, of {FOLDS} by each of
{len(SOLVERS)} solvers."""
