"""scikit-learn's own tests of SGDClassifier and SGDRegressor, run on their twins."""

import numpy as np
import pytest

from nno_sklearn.linear_model import SGDClassifier
from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = pytest.mark.filterwarnings("ignore")
#: Of steps, their lengths, means, starts and ends, which twins do not have; of functions that they
#: do not call; of another estimator; and one that compares fits cut short to six digits.
LEFT_OUT = (
    "warm_start|average|averaging|early_stopping|adaptive_longer|validation|n_iter_no_change|"
    "learning_rate|power_t|partial_fit_equal_fit|tol_parameter|backends|verbose|random_state|"
    "loss_|gradient|oneclass|one_class|ocsvm|test_l1_ratio"
)
TEXT = "says it in another text"
#: The test below asks for the rest.
TIE = "asks for a side of the optimum, which is (-1, -.2), at (.2, -1)"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_input_format[SGDR": "takes several targets",
    "test_input_format[SparseSGDR": "takes several targets",
    "test_provide_coef[SGDClassifier]": TEXT,
    "test_provide_coef[SparseSGDClassifier]": TEXT,
    "test_set_intercept_offset[SGDClassifier-fit_params0]": TEXT,
    "test_set_intercept_offset[SparseSGDClassifier-fit_params1]": TEXT,
    "test_underflow_or_overflow": TEXT,
    "test_underflow_or_overlow": TEXT,  # its name in scikit-learn 1.6
    "test_partial_fit_weight_class_balanced": "class_weight='balanced' counts the classes so far",
    "test_sgd_predict_proba_method_access": "asks for a table of private objects",
    "test_sgd_proba[Sparse": "asks which of two probabilities of 0 is the smaller",
    "test_regression_losses": "classifiers have no losses of regression",
    "test_sgd_reg[": "coefficients of equal columns agree to 15 digits, not to the last one",
    "test_class_weights[": TIE,
    "test_sample_weights[": TIE,
    "test_large_regularization[l2]": "coefficients of the optimum are 1e-5, and not 0",
}
globals().update(replaced_tests("sklearn.linear_model.tests.test_sgd", LEFT_OUT))


@pytest.mark.parametrize("way", ["class_weight", "sample_weight"])
def test_weights_turn_the_boundary(way):
    """On the data of scikit-learn's tests, without weights a tie."""
    X = np.array([[-1.0, -1.0], [-1.0, 0.0], [-0.8, -1.0], [1.0, 1.0], [1.0, 0.0]])
    y, place = np.array([1, 1, 1, -1, -1]), [[0.2, -1.0]]
    model = SGDClassifier(alpha=0.1, fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, [[-1.0, -0.2]], rtol=1e-12)
    if way == "class_weight":
        model.set_params(class_weight={1: 0.001}).fit(X, y)
    else:
        model.fit(X, y, sample_weight=np.where(y == 1, 0.001, 1.0))
    assert model.decision_function(place)[0] < -1e-3
    assert model.predict(place) == [-1]
