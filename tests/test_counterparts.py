"""Which estimators of scikit-learn have our objectives; test_parity.py compares their optima."""

from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.counterparts import COUNTERPARTS, INVERSE, OF_MEAN, OF_SUM, counterparts

PENALTIES = ("l2", "l1", "elasticnet", None)


def names(**objective):
    return [type(one).__name__ for one in counterparts(**objective, total_weight=10.0)]


def test_the_most_accurate_comes_first():
    lasso = names(loss="squared_error", penalty="l1", alpha=0.1)
    assert lasso == ["Lasso", "ElasticNet", "SGDRegressor"]
    assert names(loss="squared_error", penalty="l1", alpha=0.0) == ["LinearRegression"]
    assert names(loss="gamma", penalty="l1", alpha=0.1) == []
    hinge = {"loss": "squared_hinge", "penalty": "l2", "alpha": 0.1}
    assert names(**hinge) == ["SGDClassifier"]  # LinearSVC penalises the intercept
    assert names(**hinge, fit_intercept=False) == ["LinearSVC", "SGDClassifier"]


@pytest.mark.parametrize("strength", [OF_MEAN, OF_SUM, INVERSE])
def test_strengths_go_both_ways(strength):
    for alpha in (0.02, 3.0):
        assert strength.to_alpha(strength.of_alpha(alpha, 250.0), 250.0) == pytest.approx(alpha)
    assert OF_SUM.of_alpha(0.02, 250.0) == pytest.approx(5.0)
    assert INVERSE.of_alpha(0.02, 250.0) == pytest.approx(0.2)
    assert INVERSE.of_alpha(0.0, 250.0) == np.inf and INVERSE.to_alpha(np.inf, 250.0) == 0.0


def test_l1_ratio_is_that_of_the_penalty():
    for penalty, ratio in {"l1": 1.0, "l2": 0.0, "elasticnet": 0.25}.items():
        objective = {"loss": "log_loss", "penalty": penalty, "alpha": 0.1, "l1_ratio": 0.25}
        logistic, sgd = counterparts(**objective, total_weight=10.0)
        assert type(logistic) is LogisticRegression and logistic.C == pytest.approx(1.0)
        assert sgd.l1_ratio == ratio


STOCHASTIC = [
    (one.estimator, loss, penalty)
    for one in COUNTERPARTS
    if one.estimator in (SGDClassifier, SGDRegressor)
    for loss, penalty in product(one.losses, PENALTIES)
    if penalty is not None
]


@pytest.mark.each_value
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize(("Estimator", "loss", "penalty"), STOCHASTIC)
def test_stochastic_ones_come_near_our_optimum(Estimator, loss, penalty, weighted):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 + rng.standard_normal(300)
    weight = rng.integers(1, 4, 300) / 2.0 if weighted else np.ones(300)
    weight = weight / weight.mean()
    if Estimator is SGDClassifier:
        y = (y > 0).astype(int)
    share = {"l1_ratio": 0.3} if penalty == "elasticnet" else {}
    objective = {"loss": loss, "penalty": penalty, "alpha": 0.05, **share}
    found = counterparts(**objective, total_weight=weight.sum())
    (theirs,) = (one for one in found if type(one) is Estimator)
    eta0 = 0.5 if loss == "log_loss" else 0.02  # by the loss's largest curvature
    steps = {"learning_rate": "invscaling", "eta0": eta0, "max_iter": 300, "tol": None}
    theirs.set_params(random_state=0, **steps).fit(X, y, sample_weight=weight)
    NNO = NNOClassifier if Estimator is SGDClassifier else NNORegressor
    ours = NNO(**objective, tol=1e-8).fit(X, y, weight)
    coef, ratio = theirs.coef_.ravel(), {"l2": 0.0, "l1": 1.0}.get(penalty, 0.3)
    losses = ours.loss_.value(y, X @ coef + theirs.intercept_)
    norms = ratio * np.abs(coef).sum() + (1 - ratio) / 2 * coef @ coef
    value = np.average(losses, weights=weight) + 0.05 * norms
    assert ours.objective_ * (1 - 1e-8) <= value < 1.005 * ours.objective_
