"""Plain estimators of scikit-learn that predict what a fitted model predicts."""

from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, is_classifier
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    SGDClassifier,
)
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._dispatch import draft_of

__all__ = ["to_sklearn"]

#: Attributes that scikit-learn's estimators have in common with ours.
SHARED = ("classes_", "coef_", "intercept_", "n_features_in_", "feature_names_in_")


#: What to do with a model of ordered classes.
ORDERED = "Predict with the model itself, or use loss='log_loss'"


def to_sklearn(model: Any) -> Any:
    """Make a plain estimator of scikit-learn with the predictions of a fitted model.

    What reads scikit-learn's estimators (converters to ONNX, model cards, safe files) can read
    the result, and who has not installed this package can unpickle it.

    Parameters
    ----------
    model : NNOClassifier, NNORegressor, a twin, or a Pipeline or NNOSearchCV of one
        Fitted; it is not changed.

    Returns
    -------
    estimator
        By what it predicts: LogisticRegression or SGDClassifier, for probabilities; LinearSVC, for
        labels alone; LinearRegression, for ``X @ coef_ + intercept_``; GammaRegressor, for its
        exponential. Of a pipeline, a pipeline of the same steps; of a search, the best
        estimator. What it says of its fit (``n_iter_``, ``score`` of a GammaRegressor) is not the
        model's.

    Raises
    ------
    ValueError
        Where no estimator of scikit-learn's predicts likewise.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nno_sklearn import NNOClassifier, to_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NNOClassifier(penalty="l1", alpha=0.01).fit(X, y)
    >>> plain = to_sklearn(model)
    >>> plain
    LogisticRegression()
    >>> bool(abs(plain.predict_proba(X) - model.predict_proba(X)).max() < 1e-12)
    True
    """
    if hasattr(model, "best_estimator_"):
        return to_sklearn(model.best_estimator_)
    if type(model) is Pipeline:
        name, last = model.steps[-1]
        return Pipeline([*model.steps[:-1], (name, to_sklearn(last))])
    check_is_fitted(model, ("coef_", "loss_"))
    model = draft_of(model).densify()
    plain = _like_classifier(model) if is_classifier(model) else _like_regressor(model)
    for name in SHARED:
        if hasattr(model, name):
            setattr(plain, name, getattr(model, name))
    return plain


def _like_classifier(model: Any) -> BaseEstimator:
    if model.multilabel_:
        raise _no_such(model, "predicts several labels a row", "Fit a model for each label")
    if model.loss_.has_intercepts:
        raise _no_such(model, "has several intercepts for one row of coefficients", ORDERED)
    if not hasattr(model, "predict_proba"):
        return LinearSVC()
    raw = np.linspace(-2.0, 2.0, 5 * len(model.coef_)).reshape(5, -1)
    predicted = model.loss_.predict(raw)
    if np.allclose(predicted, expit(raw) if len(model.coef_) == 1 else softmax(raw, axis=1)):
        return LogisticRegression()
    if np.allclose(predicted, (np.clip(raw, -1.0, 1.0) + 1.0) / 2.0):
        return SGDClassifier(loss="modified_huber")
    raise _no_such(
        model, f"has the probabilities of {model.loss_}, each class against the rest",
        "Use loss='log_loss'",
    )  # fmt: skip


def _like_regressor(model: Any) -> BaseEstimator:
    raw = np.linspace(-2.0, 2.0, 5)[:, None]
    predicted = model.loss_.predict(raw)
    if np.allclose(predicted, raw):
        return LinearRegression()
    if np.allclose(predicted, np.exp(raw)) and model.coef_.ndim == 1:
        # Its link is kept in what only fit sets.
        return GammaRegressor().fit(np.zeros((2, model.n_features_in_)), np.ones(2))
    raise _no_such(model, f"predicts by {model.loss_}", "Predict with the model itself")


def _no_such(model: Any, what: str, remedy: str) -> ValueError:
    return ValueError(
        f"{type(model).__name__} {what}, as no linear model of scikit-learn's does. {remedy}."
    )
