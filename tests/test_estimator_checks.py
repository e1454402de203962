"""scikit-learn's own checks, for both estimators and every solver; none may fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from nno_sklearn import NearestNeighborSolver, NNOClassifier, NNORegressor

SMOOTH = ("auto", "gd", "nearest_neighbor", "proximal")
KINKED = ("auto", "nearest_neighbor", "proximal")

ESTIMATORS = [
    *(NNOClassifier(solver=solver) for solver in SMOOTH),
    # With hardly any penalty gd's way through the hinges' kinks is long, and magnifies rounding
    # (1e-16 to 1e-6) beyond what the check of weights as repetitions allows.
    *(
        NNOClassifier(loss, solver=solver, alpha=1e-2 if solver == "gd" else 1e-4)
        for solver in SMOOTH
        for loss in ("squared_hinge", "modified_huber")
    ),
    *(NNOClassifier(penalty="elasticnet", solver=solver) for solver in KINKED),
    *(
        NNORegressor(loss, solver=solver)
        for solver in SMOOTH
        for loss in ("squared_error", "huber", "poisson", "gamma")
    ),
    *(NNORegressor(penalty="elasticnet", solver=solver) for solver in KINKED),
    NNOClassifier(penalty="l1", class_weight="balanced"),
    NNORegressor(penalty=None),
    # A metric that weighs classes alike whatever their weights cannot pass the check of
    # class_weight, so it is accuracy that is checked.
    NNOClassifier("accuracy"),
    NNORegressor("neg_mean_absolute_error", solver=NearestNeighborSolver(cv=2)),
]


@pytest.mark.filterwarnings("default")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)
