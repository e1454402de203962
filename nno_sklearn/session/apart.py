"""Outputs that count rows of their own, by tables of weights or missing targets: each is a problem
by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import clone

from nno_sklearn._containers import is_lazy
from nno_sklearn._dispatch import draft_of, stays
from nno_sklearn._tensors import from_tensor
from nno_sklearn._validation import check_compatible
from nno_sklearn.callbacks.protocol import callbacks_of
from nno_sklearn.contracts import check_loss_on, check_penalty_on
from nno_sklearn.penalties import NoPenalty, Penalty
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.problem import Problem, summarise
from nno_sklearn.problem.cost import MOMENTS_BUDGET, solves_at_once
from nno_sklearn.rows.stacked import StackedRows, stacks_of
from nno_sklearn.session.magnitude import SMALLEST_LOSS, check_magnitude
from nno_sklearn.session.minimise import minimise
from nno_sklearn.session.model import Model, Parts
from nno_sklearn.session.posed import Fitted
from nno_sklearn.session.starts import Coefficients, Start, start_of
from nno_sklearn.session.threads import threads_for
from nno_sklearn.solvers import Record, SolverResult, Status
from nno_sklearn.solvers.normal_equations import Solutions, solve_stacked

#: Targets that a user's loss is tried on.
N_EXAMPLES = 1000
#: Looks at the rows in normal equations: moments, a correction, the certificate.
PASSES_AT_ONCE = 3.0


def are_apart(y: Any, sample_weight: Any) -> bool:
    """Whether outputs count rows of their own: y is a table in which numbers are missing, or has a
    table of weights."""
    if is_lazy(y) or is_lazy(sample_weight) or stays(y):
        return False
    table = _table(y)
    if table is None:
        return False
    is_missing = table.dtype.kind == "f" and bool(np.isnan(table).any())
    return is_missing or _table(sample_weight) is not None


def _table(given: Any) -> NDArray[Any] | None:
    """What is given as an array, where that has two dimensions."""
    if given is None or getattr(given, "ndim", 2) != 2:
        return None
    try:
        table = np.asarray(from_tensor(given))
    except ValueError:  # rows of different lengths
        return None
    return table if table.ndim == 2 else None


def no_problem(what: str) -> ValueError:
    """The error of what asks for one problem of all outputs."""
    return ValueError(
        f"{what} asks for one problem of all outputs, but where y has missing targets (NaN), or "
        "sample_weight a column for each output, each is a problem by itself. Fit each output by "
        "itself to the rows that have it, or use one weight for each row and no NaN."
    )


class _Solved(NamedTuple):
    """The result of one output, or of several at once."""

    outputs: NDArray[Any]
    result: SolverResult


class ApartOutputs(Generic[Model]):
    """A model of outputs that count rows of their own.

    Squared errors of few rows and features are solved at once, by normal equations, where the
    solver leaves the method to the problem; all else output by output, as models of one output are.

    Parameters
    ----------
    model : estimator
        It is not changed.
    X, y, sample_weight, options
        As of a session.
    """

    def __init__(
        self,
        model: Model,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        options: dict[str, Any],
    ) -> None:
        parts = self._parts = model.parts()
        _check_parts(model, parts)
        self._draft = draft = draft_of(model)
        self._data = draft.prepare(X, y, sample_weight, parts.loss, **options)
        self._weight, self._targets = self._data.weight, np.asarray(self._data.targets)
        self._loss = self._data.loss
        examples = self._targets[self._weight > 0][:, None]
        self._loss.check_target(examples)
        check_loss_on(self._loss, examples[:N_EXAMPLES])
        self._shape = self._data.X.shape[1], self._targets.shape[1]
        names = getattr(draft, "feature_names_in_", None)
        self._penalty = parts.penalty.bind(*self._shape, names)
        check_penalty_on(self._penalty, self._shape)
        check_compatible(
            "solver", parts.solver, parts.solver, self._loss, self._penalty, parts.penalty
        )
        self._alphas = np.array([draft.strength(one) for one in self._data.total_weight])
        self._fits_intercept = draft.fit_intercept and not self._data.has_intercept_column
        self._limits = draft.limits()

    def solve(self, starts: Sequence[Start], *, is_returned: bool) -> Fitted[Model]:
        """The fitted model; see :meth:`FitSession.solve`."""
        left, solved = np.arange(self._shape[1]), []
        with np.errstate(over="ignore", invalid="ignore"):
            for one in self._solved_at_once():
                solved.append(one)
                left = np.setdiff1d(left, one.outputs)
            solved += [self._solved_alone(int(k), starts, is_returned) for k in left]
        result = _joined(solved, self._shape)
        history = [one._replace(n_samples=len(self._weight)) for one in result.history]
        if self._draft.verbose:
            print(*(f"[{type(self._draft).__name__}] {one}" for one in history), sep="\n")
        result, draft = replace(result, history=history), self._draft
        draft.keep(result, self._loss.kept, self._parts.solver, self._data.X.dtype)
        return Fitted(draft, result)

    def _solved_at_once(self) -> Iterator[_Solved]:
        """Small outputs of squared error without kinks in the penalty, as far as digits go."""
        terms, p = _terms_of(self._penalty, self._shape), self._shape[0]
        leaves_choice = self._loss.is_quadratic and self._parts.solver.leaves_choice
        if terms is None or terms.has_kinks or not leaves_choice:
            return
        curvature = float(self._loss.derivatives(*np.zeros((2, 1, 1)))[1].diagonal[0, 0])
        n_rows = np.count_nonzero(self._weight, axis=0)
        small = np.flatnonzero(solves_at_once(n_rows, p))
        ridge = self._alphas[:, None] * np.broadcast_to(terms.l2, self._shape).T
        X, target = self._data.X, self._targets
        X = X.tocsr() if sparse.issparse(X) else X
        if self._data.offset is not None:
            target = target - self._data.offset
        for outputs in stacks_of(self._weight, small, p):
            began, table = perf_counter(), (target[:, outputs], self._weight[:, outputs])
            rows = StackedRows(X, *table, fit_intercept=self._fits_intercept)
            found = solve_stacked(rows, ridge[outputs], curvature, self._data.X.dtype)
            is_sound = rows.is_constant | (found.null_value > SMALLEST_LOSS)
            proved = np.flatnonzero(is_sound & (found.optimality <= self._limits.tol))
            yield self._proved(outputs, found, proved, began)

    def _proved(
        self, outputs: NDArray[Any], found: Solutions, proved: NDArray[Any], began: float
    ) -> _Solved:
        """The solutions of some of the outputs, as a result."""
        found = Solutions(*(part[proved] for part in found))
        first = Record(
            objective=float(found.null_value.sum()),
            optimality=np.inf,
            dual_gap=np.inf,
            step_size=np.nan,
            n_nonzeros=0,
            n_passes=1.0,
            seconds=0.0,
            start="constant model",
        )
        last = first._replace(
            objective=float(found.value.sum()),
            optimality=float(found.optimality.max(initial=0.0)),
            dual_gap=float(found.gap.sum()),
            step_size=1.0,
            n_nonzeros=int(np.count_nonzero(found.coef)),
            n_passes=PASSES_AT_ONCE,
            seconds=perf_counter() - began,
            start="",
        )
        coefficients = found.coef.T, found.intercept
        return _Solved(outputs[proved], _result(*coefficients, Status.CONVERGED, [first, last]))

    def _solved_alone(self, k: int, starts: Sequence[Start], is_returned: bool) -> _Solved:
        outputs, data = np.array([k]), self._data.output(k)
        rows = data.rows(fit_intercept=self._fits_intercept)
        penalty = self._penalty.restrict(np.arange(self._shape[0]), outputs)
        problem = Problem(rows, NoPenalty(), 1.0).with_bound(penalty, self._alphas[k])
        check_magnitude(problem)
        problem = summarise(problem, MOMENTS_BUDGET)
        solver = clone(self._parts.solver).select(problem)
        start = start_of(problem, [_of_output(one, k) for one in starts])
        options = {**self._limits._asdict(), "random_state": self._draft.random_state}
        with threads_for(problem):
            result = minimise(
                problem, solver, start, is_returned=is_returned, callback=None, **options
            )
        return _Solved(outputs, replace(result, point=None))


def _check_parts(model: Any, parts: Parts) -> None:
    """Raise a ValueError for what ties outputs together, or sees all of them at once."""
    if parts.training is not None:
        raise no_problem("Training on a score")
    if callbacks_of(model):
        raise no_problem("A callback")
    if parts.penalty.is_adaptive:
        raise no_problem("An adaptive penalty")
    if parts.loss.has_scale:
        raise no_problem(f"loss={parts.loss}, which estimates a scale,")
    if not parts.penalty.is_separate:
        raise no_problem(f"penalty={parts.penalty}, which ties the outputs of a feature,")


def _terms_of(penalty: Penalty, shape: tuple[int, int]) -> PiecewiseQuadratic | None:
    """The penalty as a function that normal equations may be able to take; None for others."""
    if penalty.is_zero:
        return PiecewiseQuadratic()
    return penalty.piecewise_quadratic(np.zeros(shape)) if penalty.is_convex else None


def _of_output(start: Start, k: int) -> Coefficients:
    return Coefficients(start.coef[:, [k]], start.intercept[[k]])


def _result(coef, intercept, status, history, **more):
    last = history[-1]
    return SolverResult(
        coef=coef,
        intercept=intercept,
        n_iter=max(1, len(history) - 1),
        n_passes=last.n_passes,
        status=status,
        optimality=last.optimality,
        dual_gap=last.dual_gap,
        objective=last.objective,
        history=history,
        **more,
    )


def _joined(solved: Sequence[_Solved], shape: tuple[int, int]) -> SolverResult:
    """The result of all outputs: sums, and the worst of what ``tol`` bounds."""
    coef, intercept = np.zeros(shape), np.zeros(shape[1])
    for outputs, result in solved:
        coef[:, outputs], intercept[outputs] = result.coef, result.intercept
    worst = max((one.result for one in solved), key=_badness)
    return _result(coef, intercept, worst.status, _joined_history(solved, shape[1]))


def _badness(result):
    return result.status is not Status.CONVERGED, result.optimality


def _joined_history(solved, n_outputs):
    """A record for each iteration of the output that took most; others stay as they ended."""
    histories = [one.result.history for one in solved]
    shares = [len(one.outputs) / n_outputs for one in solved]
    joined = []
    for number in range(max(map(len, histories))):
        records = [history[min(number, len(history) - 1)] for history in histories]
        passes = (share * one.n_passes for share, one in zip(shares, records, strict=True))
        joined.append(
            records[0]._replace(
                objective=sum(one.objective for one in records),
                optimality=max(one.optimality for one in records),
                dual_gap=sum(one.dual_gap for one in records),
                n_nonzeros=sum(one.n_nonzeros for one in records),
                n_passes=sum(passes),
                seconds=sum(one.seconds for one in records),
            )
        )
    return joined
