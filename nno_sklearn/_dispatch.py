"""scikit-learn's array API dispatch: with ``array_api_dispatch=True`` all follows X.

Rows of another library stay where they are, and are computed with there; predictions and fitted
attributes are arrays of that library. Targets, weights and offsets may be of any, and are checked
in this process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from sklearn import get_config
from sklearn.utils import check_X_y
from sklearn.utils.validation import validate_data

from nno_sklearn._copies import copy_of
from nno_sklearn._foreign import ForeignArray
from nno_sklearn._namespaces import (
    dtype_name,
    has_float64,
    has_namespace,
    namespace_of,
    to_library,
    to_numpy,
)
from nno_sklearn._tensors import detached, from_tensor

Model = TypeVar("Model")
Function = TypeVar("Function", bound=Callable[..., Any])
#: Fitted attributes that follow X.
FOLLOWING = ("coef_", "intercept_", "classes_", "n_iter_", "outliers_")


def stays(X: Any) -> bool:
    """Whether X is an array of another library, and scikit-learn is told to leave it there."""
    return has_namespace(X) and bool(get_config()["array_api_dispatch"])


def foreign_rows(estimator: Any, X: Any, *, reset: bool) -> ForeignArray:
    """X checked where it is, for a fit if ``reset``, as float64 or float32."""
    _check_place(X)
    X = validate_data(estimator, detached(X), reset=reset, dtype=None)
    xp, kept = namespace_of(X), ("float64", "float32")
    if dtype_name(X) not in kept:
        is_half = dtype_name(X) in ("float16", "bfloat16")
        X = xp.astype(X, xp.float32 if is_half else xp.float64)
    return ForeignArray(X)


def _check_place(X):
    """Raise a ValueError for arrays that cannot be computed with where they are."""
    layout = str(getattr(X, "layout", "torch.strided"))
    if layout != "torch.strided":
        raise ValueError(
            f"X is a sparse tensor (layout {layout}), which the array API standard does not have. "
            "Pass X.to_dense(), or a matrix of scipy.sparse, which stays sparse here."
        )
    if not has_float64(namespace_of(X), X.device):
        raise ValueError(
            f"The device {X.device} does not compute in float64, which sums over the rows and "
            "certificates need, also where X is float32. Pass X on another device, such as "
            "X.cpu() for torch (for jax, set jax_enable_x64), or outside of array_api_dispatch."
        )


def foreign_training_rows(
    estimator: Any, X: Any, y: Any, **y_checks: Any
) -> tuple[ForeignArray, Any]:
    """X checked where it is, and its targets in this process."""
    X = foreign_rows(estimator, X, reset=True)
    one_column = np.zeros((len(X), 1))
    _, y = check_X_y(one_column, from_tensor(y), estimator=estimator, **y_checks)
    return X, y


def keep_beside(X: Any, model: Any) -> None:
    """Let the fitted attributes of a model follow the X that it was fitted to."""
    if not stays(X):
        return
    for name in FOLLOWING:
        value = vars(model).get(name)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            setattr(model, name, _beside(X, value))


def _beside(X, values):
    return to_library(values, values.dtype, namespace_of(X), X.device)


def at_home(model: Model) -> Model:
    """A model with its fitted attributes as arrays of numpy: itself, or a shallow copy."""
    known = vars(model)
    away = [name for name in FOLLOWING if name in known and has_namespace(known[name])]
    if not away:
        return model
    return copy_of(model, **{name: to_numpy(known[name]) for name in away})


def follows_rows(method: Function) -> Function:
    """Lets a method of ``(X, offset)`` that predicts take arrays of other libraries, and return
    predictions of their kind."""

    @wraps(method)
    def predict(self: Any, X: Any, offset: Any = None) -> Any:
        model = _beside_or_home(self, X, method.__name__)
        if not stays(X):
            return method(model, X, offset)
        prediction = method(model, ForeignArray(X), from_tensor(offset))
        if isinstance(prediction, ForeignArray):
            return prediction.array
        return _beside(X, prediction) if prediction.dtype.kind in "fiub" else prediction

    return predict  # type: ignore[return-value]


def scored_beside_rows(method: Function) -> Function:
    """Lets ``score`` take arrays of other libraries."""

    @wraps(method)
    def score(self: Any, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        model = _beside_or_home(self, X, "score")
        if not stays(X):
            return method(model, X, y, sample_weight, offset)
        others = map(from_tensor, (y, sample_weight, offset))
        return method(model, ForeignArray(X), *others)

    return score  # type: ignore[return-value]


def brings_home(fit: Function) -> Function:
    """Lets a ``fit`` that takes rows apart, such as for folds, take arrays of other libraries where
    they are dispatched: as those of numpy that they hold."""

    @wraps(fit)
    def fit_at_home(self: Any, X: Any, y: Any = None, *others: Any, **params: Any) -> Any:
        if not get_config()["array_api_dispatch"]:
            return fit(self, X, y, *others, **params)
        others = tuple(map(from_tensor, others))
        params = {name: from_tensor(value) for name, value in params.items()}
        return fit(self, from_tensor(X), from_tensor(y), *others, **params)

    return fit_at_home  # type: ignore[return-value]


def _beside_or_home(model, X, name):
    """The model to predict with; a ValueError where its coefficients are neither beside X nor in
    this process."""
    coef = vars(model).get("coef_")
    if not has_namespace(coef):
        return model
    if get_config()["array_api_dispatch"] and not isinstance(X, ForeignArray):
        _check_same_place(X, coef, f"{type(model).__name__}.{name}()")
    return at_home(model)


def _check_same_place(X, coef, method):
    mine = f"{type(coef).__module__} on {coef.device}"
    its = f"{type(X).__module__} on {X.device}" if has_namespace(X) else type(X).__module__
    if mine != its:
        raise ValueError(
            f"Inputs passed to {method} must use the same namespace and the same device as those "
            f"passed to fit(), but the coefficients are of {mine}, and X is of {its}. Move X, or "
            "predict outside of array_api_dispatch; a model that was pickled is one of numpy, "
            "which predicts for all."
        )


def draft_of(estimator):
    """A shallow copy of an estimator, for a fit to change.

    After the fit, ``vars(draft)`` becomes the estimator's ``__dict__`` in one step. An error or
    Ctrl-C before that leaves the estimator unchanged, and other threads can keep predicting.
    """
    return copy_of(at_home(estimator))
