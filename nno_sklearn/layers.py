"""Linear layers of deep-learning libraries as models, and models as torch's linear layers."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._classifier import NNOClassifier
from nno_sklearn._kept import coef_table
from nno_sklearn._tensors import from_tensor


def from_linear(layer: Any, classes: ArrayLike | None = None, estimator: Any = None) -> Any:
    """A fitted estimator with the weights of a linear layer, such as ``torch.nn.Linear``.

    It predicts as the layer does. ``set_params(warm_start=True).fit(X, y)`` takes it on to the
    certified optimum.

    Parameters
    ----------
    layer : object
        With ``weight`` (n_outputs, n_features), whose columns are features, and ``bias``
        (n_outputs,) or None: arrays or tensors.
    classes : array-like of shape (n_classes,), default=None
        Labels of a classifier in the order of the layer's outputs; 0, 1, ... by default. Where
        there are two, the layer may have one output, the logit of the second, or two.
    estimator : estimator, default=None
        An :class:`~nno_sklearn.NNOClassifier` or :class:`~nno_sklearn.NNORegressor`, of which a
        clone gets the weights; ``NNOClassifier()`` by default.

    Returns
    -------
    estimator
        With ``coef_``, ``intercept_``, ``loss_``, ``n_features_in_`` and, of a classifier,
        ``classes_``; what a run tells, such as ``dual_gap_``, it does not have.

    Raises
    ------
    ValueError
        Where shapes, classes and estimator do not belong together, and for weights that are not
        finite.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from nno_sklearn import from_linear
    >>> layer = SimpleNamespace(weight=np.eye(3), bias=np.zeros(3))  # as torch.nn.Linear has them
    >>> model = from_linear(layer, classes=["cat", "dog", "cow"])
    >>> model.predict([[0.0, 2.0, 1.0]]).tolist()
    ['dog']
    """
    weight, bias = _weights_of(layer)
    model = NNOClassifier() if estimator is None else clone(estimator)
    if is_classifier(model):
        model.classes_, weight, bias = _by_class(weight, bias, classes)
        model.multilabel_ = False
    elif classes is not None:
        raise ValueError(f"classes={classes!r} are those of a classifier, but estimator={model}.")
    if not hasattr(model, "parts"):
        raise ValueError(
            f"from_linear: estimator={model} takes no weights of a layer. Use an NNOClassifier, an "
            "NNORegressor, or a class of nno_sklearn.linear_model."
        )
    loss = model.parts().loss
    if is_classifier(model) and len(weight) == 1 and loss.of_two_classes is not None:
        loss = loss.of_two_classes()
    is_single = len(weight) == 1 and not is_classifier(model)
    model.coef_, model.intercept_ = (weight[0], bias[0]) if is_single else (weight, bias)
    model.loss_, model.n_features_in_ = loss, weight.shape[1]
    return model


def to_linear(model: Any) -> Any:
    """The ``torch.nn.Linear`` whose outputs are a fitted model's raw predictions.

    Parameters
    ----------
    model : estimator
        With ``coef_`` (n_features,) or (n_outputs, n_features) and ``intercept_``.

    Returns
    -------
    torch.nn.Linear
        A layer of its own, of the type of ``coef_``. Of two classes it has one output, the logit of
        ``classes_[1]``; of more, the softmax of its outputs has their probabilities.

    Raises
    ------
    ImportError
        Where torch is not installed.
    """
    check_is_fitted(model, "coef_")
    coef = coef_table(model)
    if np.size(model.intercept_) > len(coef):
        raise ValueError(
            f"to_linear: loss={model.loss_} has {len(model.intercept_)} intercepts for one row of "
            "coefficients, as no linear layer has. Make the layer of coef_ without a bias, and add "
            "the intercepts to its output."
        )
    try:
        torch = import_module("torch")
    except ImportError as error:
        raise ImportError(
            "to_linear makes a torch.nn.Linear, but torch is not installed: see "
            "https://pytorch.org. Elsewhere coef_, (n_outputs, n_features), is the weight of a "
            "linear layer and intercept_ its bias."
        ) from error
    weight = torch.tensor(coef)  # a copy
    layer = torch.nn.Linear(coef.shape[1], coef.shape[0], dtype=weight.dtype)
    bias = torch.tensor(np.broadcast_to(model.intercept_, len(coef)).astype(coef.dtype))
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _weights_of(layer):
    """Weight and bias of a layer, copied, (n_outputs, n_features) and float64 (n_outputs,)."""
    arrays = []
    for name in ("weight", "bias"):
        given = getattr(layer, name, None)
        if name == "weight" and given is None:
            raise ValueError(
                f"A {type(layer).__name__} has no weight: pass a linear layer, such as the last "
                "one of a torch.nn.Sequential, model[-1]."
            )
        given = given.detach() if hasattr(given, "detach") else given
        arrays.append(None if given is None else np.array(from_tensor(given)))
    weight, bias = arrays
    weight = weight if weight.dtype == np.float32 else weight.astype(np.float64)
    bias = np.zeros(len(weight)) if bias is None else bias.astype(np.float64)
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise ValueError(
            f"The layer's weight has shape {weight.shape} and its bias {bias.shape}, but a linear "
            "layer has (n_outputs, n_features) and (n_outputs,)."
        )
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError("The layer's weights are not all finite: its training has diverged.")
    return weight, bias


def _by_class(weight, bias, classes):
    """Sorted classes, and weight and bias in their order; of two classes, of one output."""
    n_outputs = len(weight)
    given = np.arange(max(2, n_outputs)) if classes is None else np.asarray(classes)
    labels, order = np.unique(given, return_index=True)
    if len(labels) != len(given) or n_outputs not in (
        {1, 2} if len(labels) == 2 else {len(labels)}
    ):
        raise ValueError(
            f"classes={given} for the layer's {n_outputs} outputs: there must be a class of its "
            "own for each, or two for a single output."
        )
    if n_outputs == 1:
        sign = 1 if order[0] == 0 else -1
        return labels, sign * weight, sign * bias
    weight, bias = weight[order], bias[order]
    if n_outputs == 2:
        return labels, weight[1:] - weight[:1], bias[1:] - bias[:1]
    return labels, weight, bias
