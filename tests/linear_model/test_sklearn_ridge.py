"""scikit-learn's own tests of Ridge, RidgeClassifier and RidgeCV, run on their twins."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]
#: Of array libraries, and of leave-one-out errors, by which the twin has scikit-learn choose.
LEFT_OUT = "array_api|gcv|loo|ridge_cv_results|ridge_cv_values|ridge_cv_custom|RidgeCV_store"
ANY = "every solver takes sparse rows, an intercept and positive=True"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_ridge_regression": "compares solver_ with the name given; here it is the one that ran",
    "test_n_iter": "counts iterations of scikit-learn's solvers",
    "test_ridge_fit_intercept_sparse_error": ANY,
    "test_ridge_fit_intercept_sparse_sag": ANY,
    "test_ridge_positive_error_test": ANY,
    "test_lbfgs_solver_error": "converges",
}
#: Cases that rounding decides: alpha=1e-16 chooses among interpolating coefficients.
UNDECIDED = ["test_regularization_limits_ridge[asarray-wide-True-svd-zero_alpha"]
globals().update(replaced_tests("sklearn.linear_model.tests.test_ridge", LEFT_OUT))
