"""Coefficients as a table, with their standard errors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._kept import coef_table
from nno_sklearn._linear_model import LinearModel
from nno_sklearn._validation import draft_of
from nno_sklearn.losses.base import Curvature
from nno_sklearn.model_selection.chain import final_step, is_pipeline
from nno_sklearn.types import Array, Matrix

if TYPE_CHECKING:
    from pandas import DataFrame

INTERCEPT = "(intercept)"
#: Coefficients that interact, at most, for the matrix of their covariances.
MOST_COEFFICIENTS = 5000


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
    outputs = output_names(final)
    table: dict[str, Any] = {
        "feature": [INTERCEPT, *names] * n_outputs,
        "output": np.repeat(outputs, n_features + 1),
        "coefficient": np.column_stack([np.broadcast_to(intercept, n_outputs), coef]).ravel(),
    }
    if X is None and y is not None:
        raise ValueError("y is given without X. Standard errors need both.")
    if X is not None:
        rows = transformed(model, X)
        deviation = [np.nan, *standard_deviations(rows, sample_weight)]
        table["standard_deviation"] = deviation * n_outputs
    if y is not None:
        table["standard_error"] = _standard_errors(final, rows, y, sample_weight, offset).ravel()
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


def _standard_errors(
    model: LinearModel,
    X: Matrix,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    offset: ArrayLike | None,
) -> NDArray[np.float64]:
    """Of intercept and coefficients, (n_outputs, 1 + n_features); see :func:`coefficients`."""
    _check_optimum(model)
    draft, parts = draft_of(model), model.parts()
    given = {} if offset is None else {"offset": offset}
    data = draft.prepare(X, y, sample_weight, parts.loss, **given)
    coef, intercept = coef_table(model).T.astype(float), np.atleast_1d(model.intercept_)
    if data.has_intercept_column:  # the intercept is its coefficient
        column = data.X[[0], [-1]].item()
        coef, intercept = np.vstack([coef, intercept / column]), 0.0 * intercept
    names = getattr(draft, "feature_names_in_", None)
    penalty = parts.penalty.bind(coef.shape[0], coef.shape[1], names)
    alpha = draft.strength(data.total_weight)
    penalty = penalty.at_strength(alpha) if alpha > 0 else penalty
    _check_smooth(data.loss, penalty, coef)
    of_penalty = alpha * penalty.curvature(coef)
    design, weight = data.X, data.weight / data.weight.sum()
    has_column = data.has_intercept_column
    if not has_column:
        ones = np.ones((design.shape[0], 1))
        is_sparse = sparse.issparse(design)
        design = sparse.hstack([ones, design], "csr") if is_sparse else np.hstack([ones, design])
    raw_prediction = data.X @ coef + intercept
    raw_prediction = raw_prediction if data.offset is None else raw_prediction + data.offset
    targets = np.asarray(data.targets, dtype=float)
    loss = model.loss_  # with the scale that the fit has estimated, if it has one
    slope = loss.gradient(targets, raw_prediction)
    curvature = Curvature.of(loss.derivatives(targets, raw_prediction)[1])
    kept = slice(None) if has_column or model.fit_intercept else slice(1, None)
    errors = _sandwich(design[:, kept], weight, slope, curvature, of_penalty, data.total_weight)
    whole = np.full((coef.shape[1], 1 + coef_table(model).shape[1]), np.nan)
    if has_column:
        scale = np.append(np.ones(errors.shape[1] - 1), column)
        whole[:] = np.roll(errors * scale, 1, axis=1)
    else:
        whole[:, kept] = errors
    return whole


def _sandwich(design, weight, slope, curvature, of_penalty, n):
    """Roots of the diagonal of ``inv(A) B inv(A) / n``, (n_outputs, number of columns).

    Parameters
    ----------
    design : matrix of shape (n_samples, n_columns)
        With a first column of ones where there is an intercept of its own.
    weight : ndarray of shape (n_samples,)
        Sums to 1.
    slope : ndarray of shape (n_samples, n_outputs)
    curvature : Curvature
    of_penalty : ndarray of shape (n_features, n_outputs)
        Second derivatives of the penalty, times alpha, for the last columns.
    n : float
        Number of rows, each as often as it weighs.
    """
    n_columns, n_outputs = design.shape[1], slope.shape[1]
    is_separate = curvature.coupling is None
    groups = [[k] for k in range(n_outputs)] if is_separate else [list(range(n_outputs))]
    errors = np.zeros((n_outputs, n_columns))
    for outputs in groups:
        size = len(outputs) * n_columns
        _check_size(size)
        second, products = np.zeros((2, len(outputs), n_columns, len(outputs), n_columns))
        for i, k in enumerate(outputs):
            for j, m in enumerate(outputs):
                second[i, :, j] = _gram(design, weight * curvature.entry(k, m))
                products[i, :, j] = _gram(design, weight * slope[:, k] * slope[:, m])
        second, diagonal = second.reshape(size, size), np.zeros((len(outputs), n_columns))
        diagonal[:, n_columns - len(of_penalty) :] = of_penalty.T[outputs]
        second[np.diag_indices(size)] += diagonal.ravel()
        inverse = np.linalg.pinv(second, hermitian=True)
        covariance = inverse @ products.reshape(size, size) @ inverse / n
        errors[outputs] = np.sqrt(covariance.diagonal()).reshape(-1, n_columns)
    return errors


def _gram(design, weight):
    """``design' diag(weight) design``."""
    if not sparse.issparse(design):
        return design.T @ (design * weight[:, None])
    return (design.T @ design.multiply(weight[:, None])).toarray()


def _check_optimum(model):
    if not getattr(model, "converged_", False) or np.isnan(model.optimality_):
        raise ValueError(
            "Standard errors are those of an optimum, but this model is none: it did not converge, "
            "was stopped, learnt from a stream or was trained on a score. Leave y out, or fit to "
            "all rows with a loss, to a converged_ end."
        )


def _check_smooth(loss, penalty, coef):
    if "gradient" not in penalty.provides:
        raise ValueError(
            f"Standard errors need a smooth penalty, but {penalty} is not differentiable, and "
            "which coefficients it leaves at 0 depends on the sample. Leave y out, fit with "
            "penalty='l2' or None, or resample the rows (sklearn.utils.resample)."
        )
    direction = np.random.RandomState(0).standard_normal(coef.shape)
    own = penalty.curvature(coef) * direction
    if not np.allclose(penalty.curvature_product(coef, direction), own):
        raise ValueError(
            f"Standard errors need a penalty that is a sum over the coefficients, but {penalty} "
            "has second derivatives between them. Leave y out, or resample the rows "
            "(sklearn.utils.resample)."
        )
    if not loss.is_smooth:
        raise ValueError(
            f"Standard errors need second derivatives, but {loss} has corners. Leave y out, or "
            "resample the rows (sklearn.utils.resample)."
        )


def _check_size(size):
    if size > MOST_COEFFICIENTS:
        raise ValueError(
            f"Standard errors need the inverse of a matrix of {size} rows, but at most "
            f"{MOST_COEFFICIENTS} are taken. Leave y out, or fit to fewer columns."
        )
