"""scikit-learn's own tests of LogisticRegression and LogisticRegressionCV, run on their twins."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]
#: Of array libraries; of a fallback that is not there, with data that take long; and grids of
#: minutes, in place of which test_twins.py compares smaller ones.
LEFT_OUT = (
    "array_api|newton_cholesky_fallback|test_LogisticRegressionCV_GridSearchCV|test_scores_attribute_layout|"
    "test_multinomial_cv_iris|test_LogisticRegressionCV_no_refit|attribute_shapes|"
    "test_elastic_net_vs_l1_l2"
)
ANY = "every solver takes every penalty and any number of classes"
TEXT = "says it in another text"
DEFAULTS = "takes old and new parameters, and announces no change of them"
LIBLINEAR = "there is no liblinear, whose limits it tests"
ROUTING = "takes no metadata for splitters and scorers"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_check_solver_option": ANY,
    "test_liblinear_multiclass_raises": ANY,
    "test_l1_ratio_non_elasticnet": ANY,
    "test_lr_penalty_l1ratio_incompatible": DEFAULTS,
    "test_penalty_deprecated": DEFAULTS,
    "test_l1_ratio_None_deprecated": DEFAULTS,
    "test_logisticregression_warns_with_n_jobs": DEFAULTS,
    "test_logisticregressioncv_warns_with_use_legacy_attributes": DEFAULTS,
    "test_lr_scoring_warns": DEFAULTS,
    "test_elasticnet_l1_ratio_err_helpful": TEXT,
    "test_max_iter": TEXT,
    "test_penalty_none": "C is without effect there, which needs no warning",
    "test_warm_start_newton_solver[1-True-newton-cholesky]": "a fit begins at the best "
    "intercept beside its coefficients, a second step at where the first has left it",
    "test_zero_max_iter": "no iterations give no certificate",
    "test_liblinear_dual_random_state": LIBLINEAR,
    "test_liblinear_with_large_values": LIBLINEAR,
    "test_logistic_cv_multinomial_score[neg_log_loss": "compares two fits, each at the default tol",
    "test_multinomial_logistic_regression_string_inputs": "a class of weight 0 is refused",
    "test_logistic_cv_folds_with_classes_missing": "a fold has the classes that its rows have",
    "test_logreg_predict_proba_multinomial": "asks for a private method",
    "test_logistic_regression_callback_support[0]": "no iterations give no certificate",
    "test_logistic_regression_callback_support_warning": ANY,
    "test_logistic_regression_callback_fitted_estimator": "iterations are those of other solvers, "
    "the start is the first",
    "test_get_default_scorer": "asks for a private method",
    "test_lr_cv_scores_differ_when_sample_weight_is_requested": ROUTING,
    "test_passing_params_without_enabling_metadata_routing": ROUTING,
}
globals().update(replaced_tests("sklearn.linear_model.tests.test_logistic", LEFT_OUT))
