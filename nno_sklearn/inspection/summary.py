"""What was solved, how it ended, and what to try next."""

import sys
from typing import Any, TextIO

import numpy as np
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._kept import coef_table
from nno_sklearn._wording import counted
from nno_sklearn.inspection.table import model_of


def summary(model: Any, file: TextIO | None = None) -> None:
    """Print what a fit solved: objective, gap, passes, status, nonzeros, and what to try.

    Parameters
    ----------
    model : estimator
        A fitted NNOClassifier, NNORegressor or twin, a pipeline that ends in one, or a search of
        these.
    file : file object, default=None
        Where to print; None is the standard output.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import NNORegressor
    >>> from nno_sklearn.inspection import summary
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNORegressor(penalty="l1", alpha=1.0).fit(X, y)
    >>> summary(model)  # doctest: +ELLIPSIS
    NNORegressor: SquaredError() + 1 * L1(), 442 rows, 10 features, 1 output
    status     converged
    objective  2586.94, at most ... above the optimum (relative gap ..., tol 1.0e-04)
    cost       1 iteration of ProximalSolver, ... passes over X, ... s
    model      3 of 10 coefficients are not 0, intercept
    """
    final = model_of(model)
    check_is_fitted(final)
    print("\n".join(_lines(final)), file=file or sys.stdout)


def _lines(model):
    coef, last = coef_table(model), model.history_[-1]
    n_outputs, n_features = coef.shape
    sizes = {"row": last.n_samples, "feature": n_features, "output": n_outputs}
    size = ", ".join(counted(number, what) for what, number in sizes.items())
    yield f"{type(model).__name__}: {_objective(model, last.n_samples)}, {size}"
    if model.status_ is None or hasattr(model, "stream_"):
        yield from _of_stream(model)
    else:
        yield f"status     {model.status_.value}"
        yield f"objective  {_value(model)}"
        solver, seconds = type(model.solver_).__name__, f"{last.seconds:.2f} s"
        iterations = counted(model.n_iter_, "iteration")
        yield f"cost       {iterations} of {solver}, {model.n_passes_:.1f} passes over X, {seconds}"
    intercept = ", intercept" if np.any(model.intercept_) else ""
    yield f"model      {np.count_nonzero(coef)} of {coef.size} coefficients are not 0{intercept}"
    if getattr(model, "advice_", ""):
        yield f"next       {model.advice_}"


def _objective(model, n_rows):
    parts = model.parts()
    if parts.training is not None:
        return f"trained on {model.loss!r}"
    return f"{model.loss_} + {model.strength(n_rows):.3g} * {parts.penalty}"


def _value(model):
    if np.isnan(model.optimality_):
        return f"{-model.objective_:.6g}, the score on the training rows"
    tol = f"tol {model.limits().tol:.1e}"
    if np.isfinite(model.dual_gap_):
        gap = f"at most {model.dual_gap_:.2g} above the optimum"
        return f"{model.objective_:.6g}, {gap} (relative gap {model.optimality_:.1e}, {tol})"
    return (
        f"{model.objective_:.6g} (no bound is known; Newton decrement {model.optimality_:.1e}, "
        f"{tol})"
    )


def _of_stream(model):
    last = model.history_[-1]
    stopped = "" if model.status_ is None else f", {model.status_.value}"
    yield f"status     a stream, learnt by {type(model.stream_).__name__}{stopped}"
    is_first = np.isnan(last.objective)
    value = "not known: no rows have come after the first" if is_first else f"{last.objective:.6g}"
    yield f"objective  {value}" + ("" if is_first else " on the last rows, before they were learnt")
    yield f"cost       {last.seconds:.2f} s"
