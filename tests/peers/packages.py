"""Other packages, imported without what they warn of, and skipped by name where they are missing.

The extra ``peers`` installs them all; ``.ci/run`` imports each before it runs these tests, so that
none is skipped there.
"""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest


@contextmanager
def package(name):
    """The package of that name, whose own warnings are no errors of ours while it is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip(name, reason=f"{name} is in the extra 'peers'")


def assert_same_objective(objective, ours, theirs, rtol=1e-6):
    """Two fits of one objective: neither is better than the other by more than a relative 1e-6.

    Parameters
    ----------
    objective : callable
        ``objective(coef, intercept)``, written down in the test.
    ours : estimator
        Fitted, and converged.
    theirs : tuple
        Coefficients and intercept.
    """
    assert ours.converged_
    found = objective(ours.coef_, ours.intercept_)
    assert found == pytest.approx(objective(*theirs), rel=rtol)
    assert ours.objective_ == pytest.approx(found, rel=1e-9)  # it is the objective that we report


def numbers(n=120, p=12, n_outputs=None, seed=0):
    """Correlated columns, and numbers of which a third of them explain the most."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
    coef = rng.normal(size=(p, n_outputs or 1)) * (np.arange(p) < p // 3)[:, None]
    Y = X @ coef + rng.normal(size=(n, n_outputs or 1)) + 0.7
    return X, Y if n_outputs else Y[:, 0]


def half_square(X, y):
    """The loss of least squares as a function of coefficients and intercept."""
    return lambda coef, b: 0.5 * np.square(X @ coef.T + b - y).sum() / len(X)
