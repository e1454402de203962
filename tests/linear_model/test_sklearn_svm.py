"""scikit-learn's own tests of LinearSVC and LinearSVR, run on their twins."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]
LEFT_OUT = "crammer_singer"
#: A case that rounding decides: its l1 optimum is not unique.
UNDECIDED = ["test_linearsvm_liblinear_sample_weight[LinearSVC-params0"]
globals().update(replaced_tests("sklearn.svm.tests.test_svm", LEFT_OUT))
