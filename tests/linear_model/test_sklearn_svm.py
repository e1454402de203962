"""scikit-learn's own tests of LinearSVC and LinearSVR, run on their twins."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = pytest.mark.filterwarnings("ignore")
LEFT_OUT = "crammer_singer"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_linearsvm_liblinear_sample_weight[LinearSVC-params0": "its l1 optimum is not unique",
}
globals().update(replaced_tests("sklearn.svm.tests.test_svm", LEFT_OUT))
