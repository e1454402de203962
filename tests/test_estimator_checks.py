"""scikit-learn's own checks at the estimators' default parameters; none may fail.

``NNO_SKLEARN_ALL_CHECKS=1`` runs them for every loss x penalty x solver: several minutes.
"""

import os

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from nno_sklearn import NearestNeighborSolver, NNOClassifier, NNORegressor

SMOOTH = ("auto", "gd", "nearest_neighbor", "proximal")
KINKED = ("auto", "nearest_neighbor", "proximal")
SOLVERS = {"l2": SMOOTH, "l1": KINKED, "elasticnet": KINKED, None: SMOOTH}
LOSSES = {
    NNOClassifier: ("log_loss", "squared_hinge", "modified_huber"),
    NNORegressor: ("squared_error", "huber", "poisson", "gamma"),
}


def grid(penalties):
    """Every loss with these penalties and every solver that takes them."""
    return [
        kind(loss, penalty=penalty, solver=solver)
        for kind, losses in LOSSES.items()
        for loss in losses
        for penalty in penalties
        for solver in SOLVERS[penalty]
    ]


ESTIMATORS = [
    NNOClassifier(penalty="l1", class_weight="balanced"),
    # A metric that weighs classes alike whatever their weights cannot pass the check of
    # class_weight, so it is accuracy that is checked.
    NNOClassifier("accuracy"),
    NNORegressor("neg_mean_absolute_error", solver=NearestNeighborSolver(cv=2)),
]
if os.environ.get("NNO_SKLEARN_ALL_CHECKS"):
    ESTIMATORS += grid(SOLVERS)
else:
    ESTIMATORS += grid(["l2"])
    ESTIMATORS += [NNOClassifier(penalty="elasticnet", solver=solver) for solver in KINKED]
    ESTIMATORS += [NNORegressor(penalty="elasticnet", solver=solver) for solver in KINKED]
    ESTIMATORS += [NNORegressor(penalty=None)]


@pytest.mark.filterwarnings("default")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)
