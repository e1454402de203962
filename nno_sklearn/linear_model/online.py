"""Twins of scikit-learn's SGD estimators: optima, and streams, without a step size."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model

from nno_sklearn.linear_model.twin import (
    ClassifierTwin,
    RegressorTwin,
    Twin,
    choice,
    penalties_by_name,
)
from nno_sklearn.losses import (
    EpsilonInsensitive,
    Hinge,
    Huber,
    LogLoss,
    Loss,
    ModifiedHuber,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
)
from nno_sklearn.penalties import Penalty
from nno_sklearn.types import Matrix

#: Parameters of steps and of their end, which the optimum does not depend on.
OF_STEPS = frozenset(
    "average early_stopping eta0 learning_rate n_iter_no_change power_t shuffle "
    "validation_fraction".split()
)


class Online(Twin):
    """Base class of twins that learn streams: ``partial_fit`` learns from batch after batch."""

    tol_is_of_gradient = False
    free_parameters = Twin.free_parameters | OF_STEPS
    stream = "auto"

    def _penalty(self) -> Penalty:
        return choice("penalty", self.penalty, penalties_by_name(self.l1_ratio))

    def fit(  # type: ignore[override]  # sample_weight is last, as in scikit-learn
        self,
        X: Matrix,
        y: ArrayLike,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:
        """Fit the coefficients to all rows; see :meth:`nno_sklearn.NNOClassifier.fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        coef_init, intercept_init : array-like, default=None
            Where the run starts, on which the optimum does not depend.
        sample_weight, offset : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return super().fit(
            X, y, sample_weight, offset, coef_init=coef_init, intercept_init=intercept_init
        )

    #: Sessions do what ``fit`` does, of which only the order of arguments is another.
    open_session = Twin.open_session

    @property
    def _corner(self) -> float:
        """The length on which a stream rounds a corner of the loss off."""
        raise NotImplementedError

    def _prepare_batch(self, X, y, sample_weight, offset, loss, **known):
        smooth = loss if loss.is_smooth else loss.smoothed(self._corner)
        return super()._prepare_batch(X, y, sample_weight, offset, smooth, **known)

    def _keep_model(self, coef, intercept, loss, dtype):
        super()._keep_model(coef, intercept, loss, dtype)
        self.intercept_ = np.atleast_1d(self.intercept_)


class SGDClassifier(Online, ClassifierTwin, of=linear_model.SGDClassifier):
    """Classification with a loss by name, each class against the rest, and streams of batches::

        sum_i s_i loss(y_i, x_i w + b) / sum_i s_i + alpha penalty(w)

    A twin of :class:`sklearn.linear_model.SGDClassifier`: the same parameters and attributes, but
    no step size to tune. ``fit`` gives the certified optimum, ``partial_fit`` learns by cells or
    AdaGrad (see :class:`~nno_sklearn.NNOClassifier`, ``stream="auto"``). ``learning_rate``,
    ``eta0``, ``power_t``, ``average``, ``shuffle``, ``early_stopping``, ``validation_fraction``,
    ``n_iter_no_change`` and ``epsilon`` are accepted, and without effect. ``tol`` bounds the
    duality gap as a share of the objective.

    In ``partial_fit`` the hinge is rounded off on a length of 0.1 of margin, which makes it lower
    by 0.05 at most.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from nno_sklearn.linear_model import SGDClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> SGDClassifier().fit(X, y).score(X, y) > 0.95  # without scaling
    True
    """

    free_parameters = Online.free_parameters | {"epsilon"}
    _corner = 0.1

    def _objective(self) -> tuple[Loss, Penalty]:
        losses = {
            "hinge": Hinge,
            "log_loss": LogLoss,
            "modified_huber": ModifiedHuber,
            "squared_hinge": SquaredHinge,
        }
        return choice("loss", self.loss, losses)(), self._penalty()

    def partial_fit(
        self,
        X: Matrix,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:
        """Learn from further rows of a stream; see :meth:`nno_sklearn.NNOClassifier.partial_fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All labels that the stream may have; required in the first call.
        sample_weight, offset : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._learn(X, y, sample_weight, offset, classes=classes)


class SGDRegressor(Online, RegressorTwin, of=linear_model.SGDRegressor):
    """Regression with a loss by name, and streams of batches::

        sum_i s_i loss(y_i, x_i w + b) / sum_i s_i + alpha penalty(w)

    A twin of :class:`sklearn.linear_model.SGDRegressor`: the same parameters and attributes, but no
    step size to tune. As in :class:`SGDClassifier`, ``fit`` gives the certified optimum, and the
    parameters of steps are without effect.

    In ``partial_fit`` the corners of ``loss="epsilon_insensitive"`` are rounded off on a length of
    ``epsilon``, which must be above 0 there.
    """

    epsilon: float

    def _objective(self) -> tuple[Loss, Penalty]:
        losses = {
            "squared_error": SquaredError(),
            "huber": Huber(self.epsilon),
            "epsilon_insensitive": EpsilonInsensitive(self.epsilon),
            "squared_epsilon_insensitive": SquaredEpsilonInsensitive(self.epsilon),
        }
        return choice("loss", self.loss, losses), self._penalty()

    @property
    def _corner(self) -> float:
        return self.epsilon

    def partial_fit(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:
        """Learn from further rows of a stream; see :meth:`nno_sklearn.NNORegressor.partial_fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._learn(X, y, sample_weight, offset)
