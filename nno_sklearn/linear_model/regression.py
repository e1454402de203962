"""Twins of scikit-learn's regressors."""

from typing import Any

from sklearn import linear_model

from nno_sklearn.linear_model.twin import RegressorTwin
from nno_sklearn.losses import Gamma, InverseGaussian, Loss, Poisson, SquaredError, Tweedie
from nno_sklearn.penalties import L1, L2
from nno_sklearn.penalties import ElasticNet as ElasticNetPenalty
from nno_sklearn.penalties import Penalty


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


class Ridge(RegressorTwin, of=linear_model.Ridge):
    """Least squares with an l2 penalty: ``sum_i s_i (y_i - x_i w - b)^2 + alpha |w|_2^2``.

    A twin of :class:`sklearn.linear_model.Ridge`: the same parameters and attributes. ``alpha`` is
    one number, for all targets.

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
        return SquaredError(), L2(positive=self.positive)


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


class Lasso(RegressorTwin, of=linear_model.Lasso):
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

    tol_is_of_gradient = False
    positive: bool

    def _objective(self) -> tuple[Loss, Penalty]:
        return SquaredError(), L1(positive=self.positive)


class PoissonRegressor(RegressorTwin, of=linear_model.PoissonRegressor):
    """Counts: mean half Poisson deviance of ``exp(x_i w + b)``, plus ``alpha / 2 |w|_2^2``.

    A twin of :class:`sklearn.linear_model.PoissonRegressor`: the same parameters and attributes.
    """

    def _objective(self) -> tuple[Loss, Penalty]:
        return Poisson(), L2()


class GammaRegressor(RegressorTwin, of=linear_model.GammaRegressor):
    """Amounts above 0: mean half Gamma deviance of ``exp(x_i w + b)``, plus ``alpha / 2 |w|_2^2``.

    A twin of :class:`sklearn.linear_model.GammaRegressor`: the same parameters and attributes.
    """

    def _objective(self) -> tuple[Loss, Penalty]:
        return Gamma(), L2()


class TweedieRegressor(RegressorTwin, of=linear_model.TweedieRegressor):
    """Amounts of variance ``mu^power``: mean half Tweedie deviance, plus ``alpha / 2 |w|_2^2``.

    A twin of :class:`sklearn.linear_model.TweedieRegressor`: the same parameters and attributes.
    The link is the identity for power 0 and the logarithm from power 1 on, as by ``link="auto"``;
    other links are refused.
    """

    power: Any
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

    def _needs_positive_target(self):
        return self.power >= 1
