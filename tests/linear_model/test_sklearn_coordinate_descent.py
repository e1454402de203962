"""scikit-learn's own tests of Lasso, ElasticNet and the multi-task ones, on their twins."""

import pytest
import sklearn

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]
#: Cross-validated twins have a hundred strengths on every fold: minutes. test_twins.py compares
#: them with scikit-learn's on fewer.
LEFT_OUT = (
    "test_lasso_cv|test_lassoCV|test_enet_cv|test_sparse_input|test_uniform_targets|"
    "test_enet_l1_ratio|test_enet_path|test_enet_alpha_max|test_linear_models_cv_fit_with_loky|"
    "test_1d_multioutput|test_lasso_path_return_models|test_multitask_enet_and_lasso_cv"
)
TEXT = "says it in another text"
COUNTS = "counts iterations of coordinate descent"
GRAM = "a Gram matrix of the user's is without effect"
METADATA = "takes no metadata for splitters"
CHECKS = "data are always checked, and never changed"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_enet_nonfinite_params": TEXT,
    "test_lassocv_alphas_validation": TEXT,
    "test_lasso_alpha_warning": "alpha=0 is least squares here, and nothing to warn of",
    "test_lasso_dual_gap": "dual_gap_ is from another dual point, with a smaller gap",
    "test_enet_multitarget": "targets are fitted together, with one dual_gap_",
    "test_elasticnet_precompute_incorrect_gram": GRAM,
    "test_overridden_gram_matrix": GRAM,
    "test_overrided_gram_matrix": GRAM,  # its name in older versions
    "test_warm_start_convergence": COUNTS,
    "test_warm_start_convergence_with_regularizer_decrement": COUNTS,
    "test_enet_coordinate_descent_raises_convergence": "converges in fewer iterations",
    "test_enet_coordinate_descent": "converges in fewer iterations",
    "test_check_input_false": CHECKS,
    "test_enet_copy_X_False_check_input_False": CHECKS,
    "test_cv_estimators_reject_params_with_no_routing_enabled[LassoCV": METADATA,
    "test_cv_estimators_reject_params_with_no_routing_enabled[ElasticNetCV": METADATA,
    "test_cv_estimators_reject_params_with_no_routing_enabled[MultiTask": METADATA,
    "test_multi_task_lasso_and_enet": TEXT,
}
if sklearn.__version__ < "1.7":
    EXCEPTIONS["test_multitask_cv_estimators_with_sample_weight"] = METADATA
    EXCEPTIONS["test_model_pipeline_same_dense_and_sparse"] = "its labels are all of one class"
globals().update(replaced_tests("sklearn.linear_model.tests.test_coordinate_descent", LEFT_OUT))
