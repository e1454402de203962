"""scikit-learn's own tests of generalised linear models, run on their twins."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]
LEFT_OUT = "array_api"
LINKS = "only the link of link='auto' is there, and not as a private attribute"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_glm_wrong_y_range": "says it in another text",
    "test_glm_log_regression[estimator3": LINKS,
    "test_tweedie_link_argument": LINKS,
    "test_tweedie_link_auto": LINKS,
    "test_tweedie_score[log-0": LINKS,
    "test_tweedie_score[identity-1": LINKS,
    "test_tweedie_score[identity-2": LINKS,
    "test_tweedie_score[identity-3": LINKS,
    "test_warm_start": "asks for a private method",
    "test_linalg_warning_with_newton_solver": "there is no other solver to fall back to",
}
globals().update(replaced_tests("sklearn.linear_model._glm.tests.test_glm", LEFT_OUT))
