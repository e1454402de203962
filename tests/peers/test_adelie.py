"""Group lasso of numbers, counts and classes: the same optimum as adelie's."""

import numpy as np
import pytest
from scipy.special import logsumexp, xlogy

from nno_sklearn import GroupLasso, NNOClassifier, NNORegressor
from tests.peers.packages import assert_same_objective, numbers, package

ALPHA, SIZE = 0.05, 3
X, NUMBERS = numbers()
RNG = np.random.default_rng(1)
WEIGHT, OFFSET = RNG.uniform(0.2, 2.0, len(X)), 0.3 * RNG.normal(size=len(X))
LABELS = (NUMBERS + RNG.logistic(size=len(X)) > 0.7).astype(float)
#: Family, target, loss, and an alpha at which some groups are in use.
CASES = {
    "squared_error": ("gaussian", NUMBERS, lambda eta, y: np.square(eta - y) / 2, 0.2),
    "log_loss": ("binomial", LABELS, lambda eta, y: np.logaddexp(0, eta) - y * eta, 0.05),
    "poisson": (
        "poisson",
        RNG.poisson(np.exp(0.3 * NUMBERS)).astype(float),
        lambda eta, y: np.exp(eta) - y * eta + xlogy(y, y) - y,
        0.4,
    ),
}
LIMITS = {"tol": 1e-12, "irls_tol": 1e-12, "early_exit": False, "progress_bar": False}


@pytest.mark.parametrize("loss", CASES)
def test_group_lasso_with_weights_and_offset(loss):
    family, y, formula, alpha = CASES[loss]
    with package("adelie") as adelie:
        state = adelie.grpnet(
            np.asfortranarray(X),
            getattr(adelie.glm, family)(y, weights=WEIGHT / WEIGHT.sum()),
            groups=np.arange(0, X.shape[1], SIZE),
            offsets=OFFSET,
            lmda_path=np.array([alpha]),
            **LIMITS,
        )
    groups = np.arange(X.shape[1]).reshape(-1, SIZE).tolist()
    kind = NNOClassifier if loss == "log_loss" else NNORegressor
    ours = kind(loss, penalty=GroupLasso(groups), alpha=alpha, tol=1e-10)
    ours.fit(X, y, WEIGHT, offset=OFFSET)

    def objective(coef, b):
        sizes = np.linalg.norm(np.reshape(coef, (-1, SIZE)), axis=1)
        mean = np.average(formula(X @ np.ravel(coef) + b + OFFSET, y), weights=WEIGHT)
        return (mean + alpha * np.sqrt(SIZE) * sizes.sum()).item()

    assert_same_objective(objective, ours, (state.betas.toarray()[0], state.intercepts[0]))
    assert 0 < np.count_nonzero(ours.coef_) < X.shape[1]


@pytest.mark.parametrize("l2_ratio", [0.2, 0.9])
def test_elastic_net_of_groups(l2_ratio):
    """Its squares have the groups' weights, too."""
    with package("adelie") as adelie:
        state = adelie.grpnet(
            np.asfortranarray(X),
            adelie.glm.gaussian(NUMBERS),
            groups=np.arange(0, X.shape[1], SIZE),
            penalty=np.ones(X.shape[1] // SIZE),
            alpha=1 - l2_ratio,
            lmda_path=np.array([0.3]),
            **LIMITS,
        )
    groups = np.arange(X.shape[1]).reshape(-1, SIZE).tolist()
    penalty = GroupLasso(groups, weights=np.ones(len(groups)), l2_ratio=l2_ratio)
    ours = NNORegressor(penalty=penalty, alpha=0.3, tol=1e-10).fit(X, NUMBERS)

    def objective(coef, b):
        sizes = np.linalg.norm(np.reshape(coef, (-1, SIZE)), axis=1)
        norms = (1 - l2_ratio) * sizes.sum() + l2_ratio / 2 * (sizes**2).sum()
        return (np.square(X @ np.ravel(coef) + b - NUMBERS).mean() / 2 + 0.3 * norms).item()

    assert_same_objective(objective, ours, (state.betas.toarray()[0], state.intercepts[0]))
    assert np.count_nonzero(ours.coef_)


def test_features_of_a_multinomial_model():
    """Its loss is divided by the number of classes."""
    kinds = np.digitize(NUMBERS, [0.0, 1.5])
    with package("adelie") as adelie:
        state = adelie.grpnet(
            np.asfortranarray(X),
            adelie.glm.multinomial(np.eye(3)[kinds]),
            penalty=np.ones(X.shape[1]),
            lmda_path=np.array([ALPHA / 3]),
            **LIMITS,
        )
    ours = NNOClassifier(penalty=GroupLasso("rows"), alpha=ALPHA, tol=1e-10).fit(X, kinds)

    def objective(coef, b):
        eta = X @ coef.T + b
        loss = logsumexp(eta, axis=1) - eta[np.arange(len(X)), kinds]
        return loss.mean() + ALPHA * np.linalg.norm(coef, axis=0).sum()

    coef = state.betas.toarray()[0].reshape(X.shape[1], 3).T
    assert_same_objective(objective, ours, (coef, np.asarray(state.intercepts)[0]))
