"""Twins of scikit-learn's classifiers."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model, svm

from nno_sklearn.linear_model.regression import Ridge
from nno_sklearn.linear_model.twin import (
    ClassifierTwin,
    PenalisedIntercept,
    choice,
    penalties_by_name,
)
from nno_sklearn.losses import Hinge, LogLoss, Loss, MultinomialLogLoss, SquaredError, SquaredHinge
from nno_sklearn.penalties import L1, L2, ElasticNet, Penalty
from nno_sklearn.session import TrainingData
from nno_sklearn.types import Matrix


class LogisticRegression(ClassifierTwin, of=linear_model.LogisticRegression):
    """Logistic regression, joint (multinomial) for several classes::

        C sum_i s_i log_loss(y_i, x_i w + b) + l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2

    A twin of :class:`sklearn.linear_model.LogisticRegression`: the same parameters and attributes,
    in versions that have a ``penalty`` and in those that have not. Every solver takes every
    penalty, and several classes; scikit-learn's names of solvers are accepted and mean "auto". The
    intercept is never penalised, whereas scikit-learn's "liblinear" penalises it, so
    ``intercept_scaling`` is without effect; so are ``dual`` and ``n_jobs``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nno_sklearn.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(C=10.0).fit(X, y)
    >>> model.score(X, y) > 0.95, bool(model.converged_)
    (True, True)
    """

    loss = "log_loss"
    n_iter_: Any
    free_parameters = ClassifierTwin.free_parameters | {"intercept_scaling"}

    def _objective(self) -> tuple[Loss, Penalty]:
        # Only versions before 1.8 have a multi_class.
        is_separate = getattr(self, "multi_class", "multinomial") == "ovr"
        return LogLoss() if is_separate else MultinomialLogLoss(), self._penalty()

    def _penalty(self) -> Penalty:
        ratio = 0.0 if self.l1_ratio is None else self.l1_ratio
        # "deprecated" is the default from version 1.8 on.
        known = penalties_by_name(ratio) | {"deprecated": ElasticNet(ratio)}
        if self.penalty not in known:
            raise ValueError(
                f"penalty={self.penalty!r} is not known. Use 'l1', 'l2', 'elasticnet' or None."
            )
        return known[self.penalty]

    def keep(self, *args: Any, **kwargs: Any) -> None:
        """Set fitted attributes; ``n_iter_`` is an array, as scikit-learn's is."""
        super().keep(*args, **kwargs)
        self.n_iter_ = np.array([self.n_iter_], dtype=np.int32)


class RidgeClassifier(ClassifierTwin, of=linear_model.RidgeClassifier):
    """Ridge regression of labels, as -1 and 1, each class against the rest.

    A twin of :class:`sklearn.linear_model.RidgeClassifier`: the same parameters and attributes.
    """

    loss = "squared_error"
    strength_in = Ridge.strength_in
    positive: bool

    def _objective(self) -> tuple[Loss, Penalty]:
        return SquaredError(), L2(positive=self.positive)

    def prepare(
        self,
        X: Matrix,
        y: Any,
        sample_weight: ArrayLike | None,
        loss: Loss,
        offset: ArrayLike | None = None,
    ) -> TrainingData:
        """Check and encode data; see :meth:`nno_sklearn.session.SessionModel.prepare`."""
        data = super().prepare(X, y, sample_weight, loss, offset)
        return replace(data, targets=2.0 * np.asarray(data.targets) - 1.0)


class LinearSVC(PenalisedIntercept, ClassifierTwin, of=svm.LinearSVC):
    """The linear support vector machine, each class against the rest::

        C sum_i s_i loss(y_i (x_i w + b)) + (|w|_2^2 + (b / intercept_scaling)^2) / 2

    with the loss ``max(0, 1 - margin)``, or its square. A twin of :class:`sklearn.svm.LinearSVC`:
    the same parameters and attributes. Like there, the intercept is penalised, the less the larger
    ``intercept_scaling`` is; :class:`NNOClassifier` has the same losses with a free intercept.
    Either loss takes either penalty; ``dual`` is without effect, and
    ``multi_class="crammer_singer"`` refused.
    """

    multi_class: str

    def _objective(self) -> tuple[Loss, Penalty]:
        if self.multi_class != "ovr":
            raise ValueError(
                f"multi_class={self.multi_class!r}: only 'ovr' is there, each class against the "
                "rest. scikit-learn's LinearSVC has the other."
            )
        loss = choice("loss", self.loss, {"squared_hinge": SquaredHinge, "hinge": Hinge})
        return loss(), choice("penalty", self.penalty, {"l1": L1, "l2": L2})()
