"""Intercepts of ordered classes: how slopes by them change."""

import numpy as np
import pytest

from nno_sklearn.losses import Ordinal
from nno_sklearn.penalties import L1, L2, ElasticNet, NoPenalty
from nno_sklearn.problem import Point, intercept_sums, reduced_hessian
from tests.problems import central_differences, make_matrix, pose, solve

AT = np.array([1.2, 0.1, -1.4])


@pytest.mark.parametrize("penalty", [L2(), L1(), ElasticNet(0.5), NoPenalty()])
@pytest.mark.parametrize("alpha", [0.01, 10.0])
def test_slopes_change_as_best_coefficients_do(penalty, alpha):
    X = make_matrix(200)
    X -= X.mean(axis=0)
    grade = np.digitize(X[:, :2].sum(axis=1) + np.sin(np.arange(200)), [-1.0, 0.0, 1.0])
    problem = pose(X, grade[:, None].astype(float), Ordinal(), penalty, alpha)

    def best(intercepts):
        """The best coefficients, intercepts being fixed."""
        loss = Ordinal().at_intercepts(intercepts)
        fixed = pose(X, problem.rows.y, loss, penalty, alpha, fit_intercept=False)
        coef = solve("gd" if fixed.is_smooth else "proximal", fixed, tol=1e-13).coef
        return Point(problem.at_intercepts(intercepts), coef, problem.rows.raw(coef), np.zeros(1))

    def slope(intercepts):
        return intercept_sums(problem, best(intercepts).raw, intercepts).gradient

    point = best(AT)
    sums = intercept_sums(problem, point.raw, AT)
    reduced = reduced_hessian(point, AT, sums.hessian)
    expected = central_differences(slope, AT, 1e-3)
    # As exact as the solutions between which differences are taken.
    np.testing.assert_allclose(reduced, expected, atol=1e-4)
    if alpha < 1:  # coefficients are in use
        assert np.abs(reduced - sums.hessian).max() > 1e-2
