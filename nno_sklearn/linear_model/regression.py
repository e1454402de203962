"""Twins of scikit-learn's regressors."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn import linear_model, svm
from sklearn.metrics import d2_tweedie_score, mean_tweedie_deviance

from nno_sklearn._containers import is_lazy, scored_by_parts
from nno_sklearn._dispatch import keep_beside, scored_beside_rows
from nno_sklearn._offset import given_offset
from nno_sklearn._tensors import from_tensor
from nno_sklearn.linear_model.twin import PenalisedIntercept, RegressorTwin, choice
from nno_sklearn.losses import (
    ConcomitantHuber,
    EpsilonInsensitive,
    Gamma,
    InverseGaussian,
    Loss,
    Poisson,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
    Tweedie,
)
from nno_sklearn.penalties import L1, L2, Penalty
from nno_sklearn.penalties import ElasticNet as ElasticNetPenalty
from nno_sklearn.types import Matrix


class LinearRegression(RegressorTwin, of=linear_model.LinearRegression):
    """Least squares: ``sum_i s_i (y_i - x_i w - b)^2``.

    A twin of :class:`sklearn.linear_model.LinearRegression`: the same parameters and attributes.
    """

    positive: bool

    def _objective(self) -> tuple[Loss, Penalty]:
        return SquaredError(), L2(positive=self.positive)

    def strength(self, total_weight: float) -> float:
        """0: there is no penalty."""
        return 0.0


class _L2OfOutputs(L2):
    """``sum_jk strengths_k w_jk^2 / 2``: a strength for each output."""

    def __init__(self, strengths: ArrayLike, *, positive: bool = False) -> None:
        super().__init__(positive=positive)
        self.strengths = strengths

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        strengths = np.ravel(self.strengths)
        if len(strengths) not in (1, n_outputs):
            raise ValueError(
                "Number of targets and number of penalties do not correspond: "
                f"{len(strengths)} != {n_outputs}. alpha is one number, or one for each target."
            )
        weights = np.broadcast_to(strengths, (n_features, n_outputs))
        penalty = L2(weights=weights, positive=self.positive)
        return penalty.bind(n_features, n_outputs, feature_names)


class Ridge(RegressorTwin, of=linear_model.Ridge):
    """Least squares with an l2 penalty: ``sum_i s_i (y_i - x_i w - b)^2 + alpha |w|_2^2``.

    A twin of :class:`sklearn.linear_model.Ridge`: the same parameters and attributes; ``alpha`` may
    have one strength for each target.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn.linear_model import Ridge
    >>> model = Ridge(alpha=0.1).fit(*load_diabetes(return_X_y=True))
    >>> bool(model.converged_)
    True
    """

    positive: bool

    def _objective(self) -> tuple[Loss, Penalty]:
        if np.ndim(self.alpha) == 0:
            return SquaredError(), L2(positive=self.positive)
        return SquaredError(), _L2OfOutputs(self.alpha, positive=self.positive)

    def strength(self, total_weight: float) -> float:
        """Factor of the penalty; see :meth:`nno_sklearn.session.SessionModel.strength`."""
        if np.ndim(self.alpha) == 0:
            return super().strength(total_weight)
        return self.strength_in.to_alpha(1.0, total_weight)

    def _strength(self):
        return self.alpha if np.ndim(self.alpha) == 0 else np.min(self.alpha)


class ElasticNet(RegressorTwin, of=linear_model.ElasticNet):
    """Least squares with an elastic net::

        sum_i s_i (y_i - x_i w - b)^2 / (2 sum_i s_i)
            + alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2)

    A twin of :class:`sklearn.linear_model.ElasticNet`: the same parameters and attributes.
    ``precompute``, ``copy_X`` and ``selection`` are without effect; ``tol`` bounds the duality gap
    as a share of the objective.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn.linear_model import ElasticNet
    >>> model = ElasticNet(alpha=0.01).fit(*load_diabetes(return_X_y=True))
    >>> bool(model.converged_)
    True
    """

    tol_is_of_gradient = False
    positive: bool

    def _objective(self) -> tuple[Loss, Penalty]:
        return SquaredError(), ElasticNetPenalty(self.l1_ratio, positive=self.positive)

    def fit(  # type: ignore[override]  # check_input has the place of offset
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        check_input: bool = True,
        **starts: Any,
    ) -> Self:
        """Fit the coefficients to training data; see :meth:`nno_sklearn.NNORegressor.fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None
        check_input : bool, default=True
            Without effect: data are always checked.
        **starts
            ``coef_init``, ``intercept_init`` and ``offset``.

        Returns
        -------
        self : object
        """
        return super().fit(X, y, sample_weight, **starts)

    #: Sessions do what ``fit`` does, of which only the arguments are others.
    open_session = RegressorTwin.open_session

    @property
    def sparse_coef_(self) -> Any:
        """``coef_`` as a sparse matrix, (1, n_features) or (n_targets, n_features)."""
        return sparse.csr_matrix(self.coef_)


class Lasso(ElasticNet, of=linear_model.Lasso):
    """Least squares with an l1 penalty:
    ``sum_i s_i (y_i - x_i w - b)^2 / (2 sum_i s_i) + alpha |w|_1``.

    A twin of :class:`sklearn.linear_model.Lasso`, as :class:`ElasticNet` is of its namesake.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn.linear_model import Lasso
    >>> model = Lasso(alpha=1.0).fit(*load_diabetes(return_X_y=True))
    >>> int((model.coef_ != 0).sum())
    3
    """

    def _objective(self) -> tuple[Loss, Penalty]:
        return SquaredError(), L1(positive=self.positive)


class HuberRegressor(RegressorTwin, of=linear_model.HuberRegressor):
    """Regression that is robust to outliers, with the scale sigma of the residuals r::

        sum_i s_i (sigma + H(r_i / sigma) sigma) + alpha |w|_2^2

    where ``H(z)`` is ``z^2`` up to ``|z| = epsilon``, and ``2 epsilon |z| - epsilon^2`` beyond.
    A twin of :class:`sklearn.linear_model.HuberRegressor`: the same parameters and attributes. The
    certificate is of coefficients and scale together.

    Attributes
    ----------
    scale_ : float
        sigma, in units of the target.
    outliers_ : ndarray of bool of shape (n_samples,)
        Rows of the training data whose residuals are beyond ``epsilon * scale_``. Not there after a
        fit to a collection of Dask, whose rows stay where they are.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn.linear_model import HuberRegressor
    >>> model = HuberRegressor().fit(*load_diabetes(return_X_y=True))
    >>> round(model.scale_), int(model.outliers_.sum())
    (37, 159)
    """

    epsilon: float
    scale_: float
    outliers_: NDArray[np.bool_]

    def _objective(self) -> tuple[Loss, Penalty]:
        return ConcomitantHuber(self.epsilon), L2()

    # Sessions, whose data a model does not see, fit no outliers_: searches call this method.
    def fit(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        **starts: Any,
    ) -> Self:
        """Fit the coefficients to training data; see :meth:`nno_sklearn.NNORegressor.fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset : array-like of shape (n_samples,), default=None
        **starts
            ``coef_init`` and ``intercept_init``.

        Returns
        -------
        self : object
        """
        super().fit(X, y, sample_weight, offset, **starts)
        if is_lazy(X):
            self.__dict__.pop("outliers_", None)  # of a fit before
            return self
        predicted = from_tensor(super().predict(X, offset=offset))
        residual = np.abs(np.asarray(from_tensor(y)) - predicted)
        self.outliers_ = residual > self.scale_ * self.epsilon
        keep_beside(X, self)
        return self

    def _keep_model(self, coef, intercept, loss, dtype):
        super()._keep_model(coef, intercept, loss, dtype)
        self.scale_ = float(np.max(getattr(loss, "scale", np.nan)))


class QuantileRegressor(RegressorTwin, of=linear_model.QuantileRegressor):
    """A quantile of the target, with an l1 penalty::

        sum_i s_i pinball(y_i, x_i w + b) / sum_i s_i + alpha |w|_1

    A twin of :class:`sklearn.linear_model.QuantileRegressor`: the same parameters and attributes.
    scikit-learn's names of solvers are accepted and mean "auto", and ``solver_options`` is without
    effect: no linear program is made.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn.linear_model import QuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = QuantileRegressor(quantile=0.9, alpha=0.1).fit(X, y)
    >>> round(float((y <= model.predict(X)).mean()), 2)
    0.9
    """

    free_parameters = RegressorTwin.free_parameters | {"solver_options"}
    tol = 1e-8
    quantile: float

    def _objective(self) -> tuple[Loss, Penalty]:
        return Quantile(self.quantile), L1()


class LinearSVR(PenalisedIntercept, RegressorTwin, of=svm.LinearSVR):
    """Linear support vector regression::

        C sum_i s_i max(0, |y_i - x_i w - b| - epsilon) + (|w|_2^2 + (b / intercept_scaling)^2) / 2

    or with the square of the loss. A twin of :class:`sklearn.svm.LinearSVR`: the same parameters
    and attributes. Like there, the intercept is penalised; :class:`NNORegressor` has the same
    losses with a free intercept. ``dual`` is without effect.
    """

    epsilon: float

    def _objective(self) -> tuple[Loss, Penalty]:
        known = {
            "epsilon_insensitive": EpsilonInsensitive,
            "squared_epsilon_insensitive": SquaredEpsilonInsensitive,
        }
        return choice("loss", self.loss, known)(self.epsilon), L2()


class GeneralisedLinear(RegressorTwin):
    """Base class of twins whose loss is half a Tweedie deviance, by which they are scored."""

    power: float

    def _needs_positive_target(self):
        return self.power >= 1

    @scored_beside_rows
    @scored_by_parts
    def score(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> float:
        """Share of the deviance that is explained, D^2; 1 is perfect, 0 the best constant.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        predicted = np.asarray(self.predict(X, **given_offset(offset)))
        return d2_tweedie_score(y, predicted, sample_weight=sample_weight, power=self.power)

    def score_sums(
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None, offset: ArrayLike | None
    ) -> tuple[Any, ...]:
        """Of some rows: their weight, the targets' mean and mean deviance from it, and that from
        predictions."""
        target, prediction = np.asarray(y, dtype=float), self.predict(X, **given_offset(offset))
        weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, float)
        weight = np.broadcast_to(weight, target.shape)
        total = float(weight.sum())
        if not total:
            return 0.0, 0.0, 0.0, 0.0
        mean = float(weight @ target / total)
        deviance = partial(mean_tweedie_deviance, sample_weight=weight, power=self.power)
        within = deviance(target, np.full(len(target), mean)) if mean else 0.0  # all are 0
        return total, mean, within, deviance(target, prediction)

    def score_of(self, sums: Sequence[tuple[Any, ...]]) -> float:
        """The score of all rows, from :meth:`score_sums` of parts of them."""
        total, mean, within, errors = np.array([one for one in sums if one[0] > 0]).T
        share = total / total.sum()
        whole = np.full(len(mean), share @ mean)
        # A deviance is a Bregman divergence: those within parts and between them add up.
        between = mean_tweedie_deviance(mean, whole, sample_weight=share, power=self.power)
        return float(1.0 - share @ errors / (share @ within + between))


class PoissonRegressor(GeneralisedLinear, of=linear_model.PoissonRegressor):
    """Counts: mean half Poisson deviance of ``exp(x_i w + b)``, plus ``alpha / 2 |w|_2^2``.

    A twin of :class:`sklearn.linear_model.PoissonRegressor`: the same parameters and attributes.
    """

    power = 1.0

    def _objective(self) -> tuple[Loss, Penalty]:
        return Poisson(), L2()


class GammaRegressor(GeneralisedLinear, of=linear_model.GammaRegressor):
    """Amounts above 0: mean half Gamma deviance of ``exp(x_i w + b)``, plus ``alpha / 2 |w|_2^2``.

    A twin of :class:`sklearn.linear_model.GammaRegressor`: the same parameters and attributes.
    """

    power = 2.0

    def _objective(self) -> tuple[Loss, Penalty]:
        return Gamma(), L2()


class TweedieRegressor(GeneralisedLinear, of=linear_model.TweedieRegressor):
    """Amounts of variance ``mu^power``: mean half Tweedie deviance, plus ``alpha / 2 |w|_2^2``.

    A twin of :class:`sklearn.linear_model.TweedieRegressor`: the same parameters and attributes.
    The link is the identity for power 0 and the logarithm from power 1 on, as by ``link="auto"``;
    other links are refused.
    """

    link: str

    def _objective(self) -> tuple[Loss, Penalty]:
        link = "identity" if self.power == 0 else "log"
        if self.link not in ("auto", link):
            raise ValueError(
                f"TweedieRegressor(power={self.power!r}, link={self.link!r}): there is no such "
                f"loss, as power {self.power} has the link {link!r}. Use link='auto', or "
                "scikit-learn's TweedieRegressor."
            )
        named: dict[float, type[Loss]] = {
            0: SquaredError, 1: Poisson, 2: Gamma, 3: InverseGaussian
        }  # fmt: skip
        return named[self.power]() if self.power in named else Tweedie(self.power), L2()
