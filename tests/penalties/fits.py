"""Fits of every kind of loss with one penalty, and the slopes where they end."""

import numpy as np
from scipy import sparse

from nno_sklearn import NNOClassifier, NNORegressor


def fits_of_every_kind(rows, numbers, counts, kinds, **options):
    """Fitted models with their y and weights: numbers, counts, two classes, more; dense, and CSR
    with weights."""
    weight = np.random.default_rng(1).uniform(0.2, 3.0, len(rows))
    for k, (model, y) in enumerate([
        (NNORegressor(**options), numbers),
        (NNORegressor("huber", **options), numbers),
        (NNORegressor("poisson", **options), counts),
        (NNOClassifier(**options), (kinds == 0).astype(int)),
        (NNOClassifier(**options), kinds),
    ]):  # fmt: skip
        container, given = ((np.asarray, None), (sparse.csr_array, weight))[k % 2]
        yield model.fit(container(rows), y, sample_weight=given), y, given


def gradient_of(model, rows, y, weight=None):
    """Coefficients, (n_features, n_outputs), and the gradient of the data loss there."""
    weight = np.ones(len(rows)) if weight is None else weight
    if hasattr(model, "classes_") and len(model.classes_) > 2:
        y = np.eye(len(model.classes_))[y]
    coef = np.atleast_2d(model.coef_).T.astype(float)
    residual = model.loss_.gradient(y.reshape(len(rows), -1) * 1.0, rows @ coef + model.intercept_)
    return coef, rows.T @ (weight[:, None] * residual) / weight.sum()


def pull_of(model, rows, y, weight=None):
    """Coefficients, and what pulls on them, in units of alpha."""
    coef, gradient = gradient_of(model, rows, y, weight)
    return coef, -gradient / model.alpha
