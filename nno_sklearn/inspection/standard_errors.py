"""Robust standard errors of coefficients at an optimum (sandwich of M-estimators)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from nno_sklearn._dispatch import draft_of
from nno_sklearn._kept import coef_table
from nno_sklearn._linear_model import LinearModel
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.types import Matrix

#: Coefficients that interact, at most, for the matrix of their covariances.
MOST_COEFFICIENTS = 5000


def standard_errors(
    model: LinearModel,
    X: Matrix,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    offset: ArrayLike | None,
) -> NDArray[np.float64]:
    """Of intercept and coefficients, (n_outputs, 1 + n_features); see
    :func:`nno_sklearn.inspection.coefficients`."""
    _check_optimum(model)
    draft, parts = draft_of(model), model.parts()
    given = {} if offset is None else {"offset": offset}
    data = draft.prepare(X, y, sample_weight, parts.loss, **given)
    coef, intercept = coef_table(model).T.astype(float), np.atleast_1d(model.intercept_)
    if data.has_intercept_column:  # the intercept is its coefficient
        column = data.X[[0], [-1]].item()
        coef, intercept = np.vstack([coef, intercept / column]), 0.0 * intercept
    names = getattr(draft, "feature_names_in_", None)
    if parts.penalty.is_adaptive:
        raise ValueError(
            f"Standard errors of {parts.penalty!r} are not known: its weights vary with the "
            "coefficients of a first fit. Leave y out, or fit with weights that are numbers."
        )
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
    if model.loss_.has_intercepts:
        raise ValueError(
            f"loss={model.loss_}: standard errors of ordered classes are not known here. Leave y "
            "out, or resample the rows (sklearn.utils.resample)."
        )
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
