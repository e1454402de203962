"""Ablation: which rows make the start and the curvature of "nearest_neighbor", and what they cost.

Each variant makes a small problem, starts at its optimum and descends in its curvature to a
relative duality gap of 1e-6. Costs are processor time in units of one pass over X.
"""

import sys
from dataclasses import asdict, dataclass
from time import process_time

import numpy as np
import pandas as pd
from scipy import linalg
from sklearn.utils import check_random_state

from benchmarks import data
from benchmarks.condensing import PROJECTED, ROWS, curvature_preconditioner, landmark_curvature
from benchmarks.report import Report, Table, words
from nno_sklearn.losses import LogLoss, MultinomialLogLoss
from nno_sklearn.penalties import L2
from nno_sklearn.problem import Objective, Problem, hessian_blocks
from nno_sklearn.solvers import GradientDescent, NearestNeighborSolver
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.run import Run
from nno_sklearn.solvers.secants import LBFGS

TITLE, KEY = "Landmarks", "data"
DATA = ("ijcnn1", "cod_rna", "a9a", "w8a", "covtype_20k", "mnist_odd", "tall-200000x100")
QUICK = ("ijcnn1", "covtype_20k")
TOL, STALE, N_CORRECTIONS, MAX_ITER = 1e-6, 0.2, 10, 300
#: Accuracy and iterations of a small problem.
SMALL_TOL, SMALL_MAX_ITER = 1e-3, 20
#: Which rows are also tried with a corrected diagonal.
CORRECTED, CORRECTIONS = ("uniform", "leverage", "centroids"), ("variance", "exact", "added")
#: Rows that compare all rows of X with all landmarks.
FULL_SEARCH = ("cells", "centroids", "centroids per class")


def add_arguments(parser):
    """Say which data and how many landmarks."""
    parser.add_argument("--data", nargs="+", default=list(DATA), help="names in benchmarks.data")
    parser.add_argument("--per-feature", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument(
        "--search-limit",
        type=float,
        default=2e10,
        help="rows x landmarks x features up to which all rows search for their landmark",
    )
    parser.add_argument("--alpha", type=float, default=1.0, help="penalty in units of 1/n")


def run(options):
    """Measure each data set; everything is written after each of them."""
    report = Report(sys.modules[__name__], options)
    names = QUICK if options.quick and options.data == list(DATA) else options.data
    seeds = 1 if options.quick else max(1, options.repeats // 2)
    for name in names:
        try:
            X, y = data.load(name)
        except data.MissingDataError as error:
            report.console.print(f"{name} skipped: {error}")
            continue
        rows = _measured(name, make_problem(X, y, options.alpha), options, seeds)
        report.add(rows)
        report.show(data_table(pd.DataFrame(rows)))
    report.end()


def make_problem(X, y, alpha=1.0):
    """L2 logistic regression, multinomial with more than two classes; alpha in units of 1/n."""
    labels = np.unique(y)
    loss = LogLoss() if len(labels) == 2 else MultinomialLogLoss()
    target = (y[:, None] == (labels[1:] if len(labels) == 2 else labels)).astype(float)
    return Problem.of(Objective(loss, L2(), alpha / len(y)), X, target)


@dataclass
class Line:
    """What one variant came to; means over seeds, costs in passes."""

    rows: str
    correction: str
    n_landmarks: int | None
    #: (F(start) - F*) / F(0)
    start: float | None
    #: Condition number of M^-1 H at the optimum.
    condition: float | None
    iterations: float
    passes: float
    #: Processor time of everything but choosing rows and searching neighbours, and with it.
    without_search: float
    with_search: float


class Reference:
    """A problem's optimum, its Hessian there, and the time of a pass."""

    def __init__(self, problem):
        self.problem, self.unit = problem, _pass_seconds(problem)
        solved = NearestNeighborSolver(n_neighbors=None).solve(
            problem, problem.null, max_iter=5 * MAX_ITER, tol=1e-10, random_state=0
        )
        self.optimum = problem.at(solved.coef)
        self.used = np.flatnonzero(problem.scale > 0)
        self.hessian = None
        if problem.n_outputs == 1:
            self.hessian = hessian_blocks(self.optimum)[0][1]

    def suboptimality(self, point):
        """Relative to the constant model."""
        return max(point.value - self.optimum.value, 0.0) / self.problem.null.value

    def condition(self, small, correction):
        """Condition number of the preconditioned Hessian, both matrices with the penalty."""
        if self.hessian is None:
            return None
        here, alpha = small.at(self.optimum.coef), self.problem.alpha
        landmarks = landmark_curvature(here, self.optimum, correction)[0][1]
        part = np.ix_(self.used, self.used)
        full, landmarks = (np.array(matrix[part]) for matrix in (self.hessian, landmarks))
        for matrix in (full, landmarks):
            matrix[np.diag_indices_from(matrix)] += alpha
        root = np.sqrt(full.diagonal())
        full, landmarks = (matrix / np.outer(root, root) for matrix in (full, landmarks))
        landmarks[np.diag_indices_from(landmarks)] += 1e-13
        try:
            values = linalg.eigh(full, landmarks, eigvals_only=True)
        except linalg.LinAlgError:
            return np.inf
        return float(values[-1] / values[0]) if values[0] > 0 else np.inf


def _pass_seconds(problem):
    coef, times = np.ones(problem.shape), []
    for _ in range(7):
        start = process_time()
        problem.rows.design.matvec(coef)
        problem.rows.design.rmatvec(problem.rows.y)
        times.append((process_time() - start) / 2)
    return max(np.median(times), 1e-7)


class _Preconditioner:
    """The preconditioner of fixed rows, renewed when their curvature has changed."""

    def __init__(self, small, correction):
        self._small, self._correction = small, correction
        self._made = self._curvature = None

    def __call__(self, point):
        here = point if self._small is point.problem else self._small.at(point.coef)
        now = here.problem.rows.loss_curvature(here.raw, here.intercept).diagonal
        if self._made is None or np.abs(now - self._curvature).sum() > STALE * now.sum():
            self._made = curvature_preconditioner(here, point, self._correction)
            self._curvature = now
        return self._made


def measure(reference, rows, correction, count, seeds):
    """Run one variant from the null model to the tolerance.

    Parameters
    ----------
    reference : Reference
    rows : str
        Key of :data:`benchmarks.condensing.ROWS`.
    correction : str
    count : int
        Number of landmarks.
    seeds : int

    Returns
    -------
    Line
    """
    problem, unit, found = reference.problem, reference.unit, []
    for seed in range(seeds):
        times = [process_time()]
        small = ROWS[rows](problem, count, check_random_state(seed))
        times.append(process_time())
        few = Run(small, max_iter=SMALL_MAX_ITER, tol=SMALL_TOL)
        of_none, past = _Preconditioner(small, "none"), LBFGS(small, N_CORRECTIONS)
        best = descend(few, small.null, of_none, past)
        start, before = problem.at(best.coef), problem.n_passes
        run = Run(problem, max_iter=MAX_ITER, tol=TOL)
        begin = start if start.value < problem.null.value else problem.null
        past = LBFGS(problem, N_CORRECTIONS)
        descend(run, begin, _Preconditioner(small, correction), past)
        passes = problem.n_passes - before + 1
        search = (times[1] - times[0]) / unit
        without = (process_time() - times[1]) / unit
        condition = reference.condition(small, correction)
        sub = reference.suboptimality(start)
        found.append((sub, condition, len(run.history) - 1, passes, without, without + search))
    mean = [
        None if None in column else float(np.mean(column)) for column in zip(*found, strict=True)
    ]
    return Line(rows, correction, count, *mean)


def _measured(name, problem, options, seeds):
    reference = Reference(problem)
    solvers = (GradientDescent(), NearestNeighborSolver(n_neighbors=None))
    lines = [_solver_line(reference, solver) for solver in solvers]
    n, p = problem.n_samples, problem.n_features
    for count in (k * p for k in options.per_feature):
        for rows in ROWS:
            work = n * count * (p if rows in FULL_SEARCH else PROJECTED)
            searches_all = rows in FULL_SEARCH or "projected" in rows
            if 2 * count >= n or (searches_all and work > options.search_limit):
                continue
            for correction in ("none", *(CORRECTIONS if rows in CORRECTED else ())):
                lines.append(measure(reference, rows, correction, count, seeds))
    facts = {"data": name, "n": n, "p": p, "alpha": problem.alpha, "pass_seconds": reference.unit}
    return [facts | asdict(line) for line in lines]


def _solver_line(reference, solver):
    """A solver of the package as it is."""
    problem, start, before = reference.problem, process_time(), reference.problem.n_passes
    result = solver.solve(problem, problem.null, max_iter=5 * MAX_ITER, tol=TOL, random_state=0)
    passes, seconds = problem.n_passes - before, process_time() - start
    name = type(solver).__name__
    whole = seconds / reference.unit
    return Line(name, "", None, None, None, result.n_iter - 1, passes, whole, whole)


def tables(results):
    """One for each data set."""
    return [data_table(rows) for _, rows in results.groupby("data", sort=False)]


def data_table(rows):
    """All variants on a data set."""
    first = rows.iloc[0]
    title = (
        f"{first.data}: n={first.n:,} p={first.p}, costs in passes of "
        f"{1000 * first.pass_seconds:.2f} ms"
    )
    names = {
        "rows": "rows",
        "correction": "diagonal",
        "n_landmarks": "landmarks",
        "start": "start",
        "condition": "condition",
        "iterations": "it",
        "passes": "passes",
        "without_search": "all",
        "with_search": "+ search",
    }
    shown = rows[list(names)].assign(correction=words(rows["correction"]))
    return Table(title, shown.rename(columns=names))


LEGEND = """\
L2 logistic regression, alpha = 1/n, to a relative duality gap of 1e-6. *start* is the relative
suboptimality of the small problem's optimum, *condition* that of the preconditioned Hessian at the
optimum, *it* and *passes* those after the start. *all* is the whole processor time but for the
choice of rows and the search of neighbours, in units of one pass over X; *+ search* is with them.
Besides its two passes, an iteration costs what is done per row, which is most of it where rows are
short."""
