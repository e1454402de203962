"""scikit-learn's own tests of LinearSVC, run on its twin."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = pytest.mark.filterwarnings("ignore")
LEFT_OUT = "crammer_singer|test_linearsvr"
EXCEPTIONS = {
    "test_linearsvm_liblinear_sample_weight": (
        "two of its cases: the hinge, and an l1 penalty whose optimum is not unique"
    ),
}
globals().update(replaced_tests("sklearn.svm.tests.test_svm", LEFT_OUT, EXCEPTIONS))
