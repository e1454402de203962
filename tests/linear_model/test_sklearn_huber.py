"""scikit-learn's own tests of HuberRegressor, run on its twin."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]
#: Of a function that the twin does not call.
LEFT_OUT = "test_huber_gradient"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {"test_huber_warm_start": "counts iterations of L-BFGS"}
#: A case that rounding decides: its rows are interpolated, where the best scale is 0.
UNDECIDED = ["test_huber_sample_weights[csr"]
globals().update(replaced_tests("sklearn.linear_model.tests.test_huber", LEFT_OUT))
