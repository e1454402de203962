"""What is returned: coefficients in the precision of X, never worse than none."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn import NNORegressor


def test_coefficients_beyond_float32_are_no_infinities():
    """They were inf, the intercept and the objective nan."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = (X[:, 0] + 0.01 * rng.normal(size=50)) * 1e15
    model = NNORegressor(penalty=None)
    with pytest.warns(ConvergenceWarning, match="not in the precision of the coefficients"):
        model.fit((X * 1e-30).astype(np.float32), y)
    assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_)
    assert model.objective_ <= 0.5 * y.var() * (1 + 1e-6)
    assert not model.converged_
