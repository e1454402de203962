"""Coefficients as a table, with their standard errors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._containers import refuse_lazy
from nno_sklearn._kept import coef_table
from nno_sklearn._linear_model import LinearModel
from nno_sklearn.inspection.standard_errors import standard_errors
from nno_sklearn.model_selection.chain import final_step, is_pipeline
from nno_sklearn.types import Array, Matrix

if TYPE_CHECKING:
    from pandas import DataFrame

INTERCEPT = "(intercept)"


def coefficients(
    model: Any,
    feature_names_out: Sequence[str] | None = None,
    *,
    X: Matrix | None = None,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
) -> "DataFrame":
    """The coefficients of a fitted model as a table.

    Standard errors are those of M-estimators (Huber, 1967; White, 1980), which hold also where the
    loss is not the true likelihood, and for a weight as for repetitions. For the objective
    ``mean(loss) + alpha * penalty`` with n rows they are the roots of the diagonal of::

        V = inv(A) B inv(A) / n,    A = H + alpha * P,    B = mean(g g')

    H is the mean second derivative of the loss by coefficients and intercept at the optimum, P
    that of the penalty and g a row's gradient of the loss. They say how the coefficients vary from
    sample to sample, around a mean that the penalty has moved towards 0; without a penalty they are
    the usual robust (sandwich, HC0) standard errors. A softmax without a penalty has coefficients
    that only their differences determine; theirs are of those that sum to 0.

    Parameters
    ----------
    model : estimator
        A fitted NNOClassifier, NNORegressor or twin, a pipeline that ends in one, or a search of
        these.
    feature_names_out : sequence of n_features str, default=None
        Names of the model's columns. By default those that the steps before it give out, or that
        the model was fitted with, or x0, x1 and so on.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features), default=None
        The training rows, as the user's pipeline takes them, for the standard deviations.
    y : array-like, default=None
        The targets of these, for standard errors.
    sample_weight, offset : array-like, default=None
        As they were given to ``fit``.

    Returns
    -------
    pandas.DataFrame
        With the columns ``feature``, ``output`` (a class, of two the second, or the number of a
        target), ``coefficient``; with X, ``standard_deviation`` of the column, which times the
        coefficient is the effect of a typical difference; with y, ``standard_error``. One row per
        coefficient, output by output, the intercept first.

    Raises
    ------
    ModuleNotFoundError
        Where pandas is not installed.
    ValueError
        For standard errors of a model that is not at an optimum, of a penalty or a loss that is
        not smooth, and of more than 5000 coefficients that interact.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import NNORegressor
    >>> from nno_sklearn.inspection import coefficients
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> table = coefficients(NNORegressor(alpha=0.0).fit(X, y), X=X, y=y)
    >>> print(table.round(2).iloc[:4, [0, 2, 3, 4]].to_string(index=False))
        feature  coefficient  standard_deviation  standard_error
    (intercept)      -334.57                 NaN           64.24
            age        -0.04               13.09            0.21
            sex       -22.86                0.50            5.54
            bmi         5.60                4.41            0.72
    """
    pandas = _pandas()
    final = model_of(model)
    check_is_fitted(final)
    coef, intercept = coef_table(final).astype(float), np.atleast_1d(final.intercept_)
    n_outputs, n_features = coef.shape
    names = feature_names(model, feature_names_out)
    outputs, intercepts = output_names(final), [INTERCEPT]
    if len(intercept) > n_outputs:  # between ordered classes
        intercepts = [f"{INTERCEPT[:-1]}, above {label})" for label in final.classes_[:-1]]
    else:
        intercept = np.broadcast_to(intercept, n_outputs)
    table: dict[str, Any] = {
        "feature": [*intercepts, *names] * n_outputs,
        "output": np.repeat(outputs, n_features + len(intercepts)),
        "coefficient": np.column_stack([intercept.reshape(n_outputs, -1), coef]).ravel(),
    }
    if X is None and y is not None:
        raise ValueError("y is given without X. Standard errors need both.")
    refuse_lazy("A table with X", X, y, sample_weight)
    if X is not None:
        rows = transformed(model, X)
        deviation = [*np.full(len(intercepts), np.nan), *standard_deviations(rows, sample_weight)]
        table["standard_deviation"] = deviation * n_outputs
    if y is not None:
        table["standard_error"] = standard_errors(final, rows, y, sample_weight, offset).ravel()
    return pandas.DataFrame(table)


def _pandas():
    try:
        import pandas
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "coefficients returns a table of pandas, which is not installed: pip install pandas. "
            "Without it, coef_ has the same numbers."
        ) from None
    return pandas


def model_of(estimator: Any) -> Any:
    """The model itself: at the end of a pipeline, that a search chose, or the estimator."""
    return final_step(getattr(estimator, "best_estimator_", estimator))


def transformed(estimator: Any, X: Matrix) -> Any:
    """Rows as the model of an estimator gets them."""
    steps = _steps_before(estimator)
    return X if steps is None else steps.transform(X)


def _steps_before(estimator):
    """The steps of a pipeline before its model; None without any."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    return estimator[:-1] if is_pipeline(estimator) and len(estimator.steps) > 1 else None


def feature_names(model: Any, given: Sequence[str] | None = None) -> list[str]:
    """Names of the columns of a fitted model, or of one at the end of a pipeline.

    Parameters
    ----------
    model : estimator
    given : sequence of n_features str, default=None
        The names, if the user has some.
    """
    steps, final = _steps_before(model), model_of(model)
    n_features = coef_table(final).shape[1]
    names = given
    if names is None and steps is not None and hasattr(steps, "get_feature_names_out"):
        names = steps.get_feature_names_out()
    if names is None:
        names = getattr(final, "feature_names_in_", [f"x{k}" for k in range(n_features)])
    if len(names) != n_features:
        raise ValueError(
            f"feature_names_out has {len(names)} names, but the model has {n_features} columns."
        )
    return [str(name) for name in names]


def output_names(model: LinearModel) -> Sequence[Any]:
    """What the rows of ``coef_`` are for: classes, of two the second, or numbers of targets."""
    n_outputs = len(coef_table(model))
    classes = getattr(model, "classes_", None)
    return list(range(n_outputs)) if classes is None else list(classes[-n_outputs:])


def standard_deviations(X: Matrix, sample_weight: ArrayLike | None = None) -> Array:
    """Standard deviations of columns, (n_features,); weights are repetitions."""
    X = X if sparse.issparse(X) else np.asarray(X, dtype=float)
    n = X.shape[0]
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    weight = weight / weight.sum()
    mean = np.asarray(weight @ X).ravel()
    if sparse.issparse(X):
        return np.sqrt(np.maximum(weight @ X.power(2) - mean**2, 0.0))
    return np.sqrt(weight @ (X - mean) ** 2)
