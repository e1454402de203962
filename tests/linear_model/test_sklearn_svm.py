"""scikit-learn's own tests of LinearSVC and LinearSVR, run on their twins."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]
LEFT_OUT = "crammer_singer"
ANY = "every solver takes every penalty and loss"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_linearsvc_parameters[True-l1": ANY,
    "test_linearsvc_parameters[False-l1-hinge]": ANY,
    "test_linearsvc_parameters[False-l2-hinge]": ANY,
    "test_linear_svm_convergence_warnings": "two iterations are enough",
}
#: A case that rounding decides: its l1 optimum is not unique.
UNDECIDED = ["test_linearsvm_liblinear_sample_weight[LinearSVC-params0"]
globals().update(replaced_tests("sklearn.svm.tests.test_svm", LEFT_OUT))
