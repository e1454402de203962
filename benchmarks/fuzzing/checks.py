"""Fit a problem in several ways and compare what the models claim with the oracle."""

import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.fuzzing.oracle import LD
from benchmarks.fuzzing.problems import FuzzProblem
from benchmarks.fuzzing.variants import equivalent

#: Of fits that look for the best point. One that has not converged after so many iterations says
#: so, and is judged by its objective and its gap as any other.
REFERENCE_TOL, REFERENCE_MAX_ITER = 1e-10, 100
#: What ``tol`` is a share of at least, in units of the constant model's objective.
LEAST_UNIT = 1e-6
#: Iterations of a fit that takes too long.
FEW = 5
NOT_FINITE = "objective_is_not_finite"


@dataclass(frozen=True)
class Run:
    """A fit to be made; ``back`` turns coefficients and intercept into those of the first problem.

    All runs of a problem have the same objective.
    """

    name: str
    problem: FuzzProblem
    back: Callable = lambda coef, intercept: (coef, intercept)


@dataclass(frozen=True)
class Fit:
    """A fitted model, (p, K) coefficients and (K,) intercepts, and what it claims."""

    run: Run
    coef: np.ndarray
    intercept: np.ndarray
    objective: float
    dual_gap: float
    converged: bool
    warned: tuple[str, ...]
    n_passes: float
    seconds: float


class Fault(NamedTuple):
    """A claim that does not hold."""

    seed: int
    kind: str
    run: str
    detail: str


def as_drawn(problem):
    """The fit that a problem asks for, and one of the same problem in other words."""
    yield Run(f"{problem.solver} as drawn", problem)
    for variant in equivalent(problem):
        yield Run(*variant)


def precise(problem):
    """Fits to 1e-10 by each solver that has a way of its own in problems so small.

    There "nearest_neighbor" takes all rows as landmarks, as "proximal" does, and "auto" is one of
    the others: they are fitted as drawn. What is so as drawn is not fitted again.
    """
    drawn = problem.solver, problem.tol, problem.warm
    for solver in ("gd", "proximal"):
        is_new = drawn != (solver, REFERENCE_TOL, None)
        if is_new and (solver != "gd" or problem.is_smooth):
            parts = {"solver": solver, "tol": REFERENCE_TOL, "max_iter": REFERENCE_MAX_ITER}
            yield Run(f"{solver} to {REFERENCE_TOL:g}", problem.replaced(**parts, warm=None))


def examine(problem, runs):
    """Make fits and judge them.

    Parameters
    ----------
    problem : FuzzProblem
    runs : iterable of Run
        Of this problem.

    Returns
    -------
    fits : list of Fit
    faults : list of Fault
    """
    fits, faults = [], []
    for run in runs:
        try:
            fits.append(_in_time(run))
        except Exception as error:  # whatever a user would see
            text = f"{type(error).__name__}: {error}"
            faults.append(Fault(problem.seed, "raises", run.name, text[:300]))
    return fits, faults + (judge(problem, fits) if fits else [])


class _TooLong(BaseException):
    """No error of a fit, which might catch it."""


def _in_time(run):
    """The fit, or where it takes too long, one with few iterations."""
    seconds = run.problem.seconds
    if seconds is None:
        return fit(run)

    def stop(*_):
        raise _TooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        return fit(run)
    except _TooLong:
        return fit(replace(run, problem=run.problem.replaced(max_iter=FEW)))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def fit(run):
    """Fit a model, and keep its claims and warnings."""
    problem = run.problem
    model, X = problem.estimator(), problem.data()
    if problem.warm is not None:
        _fit_something_else(model, problem)
    start = perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, problem.y, problem.weight)
    return Fit(
        run=run,
        coef=np.atleast_2d(model.coef_).T,
        intercept=np.atleast_1d(model.intercept_),
        objective=model.objective_,
        dual_gap=model.dual_gap_,
        converged=model.converged_,
        warned=tuple(f"{one.category.__name__}: {one.message}" for one in caught),
        n_passes=model.n_passes_,
        seconds=perf_counter() - start,
    )


def _fit_something_else(model, problem):
    """What a warm start then starts from."""
    model.set_params(warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if problem.warm == "alpha":
            model.set_params(alpha=10 * problem.alpha + 1e-3)
            model.fit(problem.data(), problem.y, problem.weight)
            model.set_params(alpha=problem.alpha)
        else:  # no column of which is constant
            noise = np.random.default_rng(problem.seed).standard_normal(problem.X.shape)
            other = problem.replaced(X=problem.X + noise * (1 + np.abs(problem.X)))
            model.fit(other.data(), other.y, other.weight)


def judge(problem, fits):
    """Faults of the fits' claims, each measured against the best point that anyone found."""
    oracle, faults = problem.objective(), []
    points = [fit.run.back(fit.coef.astype(LD), fit.intercept.astype(LD)) for fit in fits]
    best = _best(oracle, points)
    for fit, point in zip(fits, points, strict=True):
        if not np.isfinite(oracle.value(*point)):
            detail = f"objective_={fit.objective:g}, converged_={fit.converged}"
            faults.append(Fault(problem.seed, NOT_FINITE, fit.run.name, detail))
            continue
        claims = Claims(oracle, fit, point, best)
        for check in (*CERTIFICATE, *WARNINGS):
            detail = check(claims)
            if detail:
                faults.append(Fault(problem.seed, check.__name__, fit.run.name, detail))
    return faults


def _best(oracle, points):
    """The point with the lowest objective: of the given ones, or polished from it or from 0."""
    coef, intercept = points[0]
    points = [*points, oracle.polish(np.zeros_like(coef), np.zeros_like(intercept))]
    first = _lowest(oracle, points)
    return _lowest(oracle, [first, oracle.polish(*first)])


def _lowest(oracle, points):
    values = [_attainable(oracle, point) for point in points]
    return points[int(np.argmin(np.where(np.isfinite(values), values, np.inf)))]


def _attainable(oracle, point):
    """F at a point, and what double precision may add: there, huge coefficients that cancel, such
    as those of columns that differ by rounding alone, predict noise.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return oracle.value(*point) + oracle.rounding(*point, np.zeros(len(point[1]), LD))


class Claims:
    """What a fit says and what is true, in units of which ``tol`` is a share."""

    def __init__(self, oracle, fit, point, best):
        self.fit, self.has_optimum = fit, oracle.has_optimum
        self.is_convex = oracle.is_convex
        distance = np.abs(oracle.X @ (best[0] - point[0]) + best[1] - point[1]).max(axis=0)
        own = fit.run.problem.objective()  # numbers of another size round differently
        rounding = own.rounding(fit.coef, fit.intercept, distance)
        value = oracle.value(*point)
        unit = max(value, LEAST_UNIT * oracle.null)
        unit = unit if unit > 0 else LD(1)
        self.off = float(abs(value - fit.objective) / unit)
        self.distance = float((value - _attainable(oracle, best)) / unit)
        self.gap = float(fit.dual_gap / unit)
        self.rounding = float(rounding / unit)
        self.way_down = 0.0 if self.is_convex else float(oracle.way_down(*point) / unit)

    @property
    def tol(self):
        return self.fit.run.problem.tol

    @property
    def convergence_warnings(self):
        name = ConvergenceWarning.__name__
        return [text for text in self.fit.warned if text.startswith(name)]


def objective_is_not_that_of_coef(claims):
    if not claims.off <= claims.rounding:
        return f"off by {claims.off:.1e}, rounding explains {claims.rounding:.1e}"


def dual_gap_is_no_bound(claims):
    short = claims.distance - claims.gap
    if not short <= claims.rounding:
        return (
            f"distance {claims.distance:.1e} at least, dual_gap_ {claims.gap:.1e}: {short:.1e} "
            f"short, rounding explains {claims.rounding:.1e}"
        )


def converged_far_from_the_optimum(claims):
    is_far = not claims.distance <= claims.tol + claims.rounding
    if claims.fit.converged and claims.is_convex and is_far:
        return (
            f"distance {claims.distance:.1e}, tol={claims.tol:.0e}, rounding explains "
            f"{claims.rounding:.1e}"
        )


def converged_where_one_coefficient_leads_down(claims):
    """Of objectives that are not convex, which have several minima."""
    if claims.fit.converged and not claims.way_down <= claims.tol + claims.rounding:
        return f"by {claims.way_down:.1e}, tol={claims.tol:.0e}"


def converged_where_no_optimum_exists(claims):
    if claims.fit.converged and not claims.has_optimum:
        return f"distance {claims.distance:.1e} from the best point known"


def ended_early_without_a_warning(claims):
    if not claims.fit.converged and not claims.convergence_warnings:
        return f"distance {claims.distance:.1e}, tol={claims.tol:.0e}"


def warns_but_converged(claims):
    if claims.fit.converged and claims.convergence_warnings:
        return claims.convergence_warnings[0][:200]


def warns_of_something_else(claims):
    other = [text for text in claims.fit.warned if text not in claims.convergence_warnings]
    if other:
        return f"{len(other)} times, {other[0][:200]}"


#: Each gives a text where a claim is broken.
CERTIFICATE = (
    objective_is_not_that_of_coef,
    dual_gap_is_no_bound,
    converged_far_from_the_optimum,
    converged_where_one_coefficient_leads_down,
    converged_where_no_optimum_exists,
)
WARNINGS = (ended_early_without_a_warning, warns_but_converged, warns_of_something_else)
