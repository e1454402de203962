"""scikit-learn's own tests of QuantileRegressor, run on its twin."""

import pytest

from tests.linear_model.replaced import replaced_tests

#: As in scikit-learn's own run.
pytestmark = pytest.mark.filterwarnings("ignore")
#: Of SciPy's solvers of linear programs, of which none is called.
LEFT_OUT = "incompatible_solver|linprog_failure|interior_point"
ON_THE_PLANE = "21 of 1000 rows lie on the optimal plane, on either side of it by rounding"
#: Tests that twins do not pass, or their cases, by the beginning of their names; and why.
EXCEPTIONS = {
    "test_quantile_estimates_calibration[0.9": ON_THE_PLANE,
    "test_quantile_estimates_calibration[0.05": ON_THE_PLANE,
    "test_asymmetric_error": "compares coefficients to 1e-7, but a gap of 1e-8 leaves 1e-5",
}
globals().update(replaced_tests("sklearn.linear_model.tests.test_quantile", LEFT_OUT))
