"""Eigenvalues of the columns' second moments: all, or the largest without a Gram matrix."""

import numpy as np
import pytest

from nno_sklearn import NNOClassifier
from nno_sklearn.losses import MultinomialLogLoss
from nno_sklearn.penalties import L2
from nno_sklearn.problem.cost import leading_directions, takes_single
from nno_sklearn.rows import LocalRows, Rows
from nno_sklearn.solvers import reduced_descent
from nno_sklearn.solvers.second_moments import SecondMoments
from tests.problems import LOSSES, pose

N, P, N_CLASSES = 900, 300, 12


def latent(n=N, p=P, n_latent=10, noise=0.1, seed=0):
    """Columns of a few latent ones with noise, and classes of these."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, n_latent)) * np.linspace(3, 1, n_latent)
    X = factors @ rng.normal(size=(n_latent, p)) / np.sqrt(p) + noise * rng.normal(size=(n, p))
    scores = factors @ rng.normal(size=(n_latent, N_CLASSES)) + rng.gumbel(size=(n, N_CLASSES))
    return X, scores.argmax(axis=1)


def rows_of(X, y, dtype=float):
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    given = np.eye(N_CLASSES)[y], weight / weight.sum(), MultinomialLogLoss()
    return LocalRows(X.astype(dtype), *given, fit_intercept=True)


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_products_are_those_of_the_gram(dtype):
    X, y = latent()
    rows, directions = rows_of(X + 5.0, y, dtype), np.random.default_rng(2).normal(size=(P, 7))
    product = rows.gram_product(directions)
    assert product.dtype == float
    expected = Rows.gram_product(rows, directions)
    np.testing.assert_allclose(product, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_the_largest_are_found_without_a_gram(size):
    X, y = latent()
    rows, unit = rows_of(X * size, y).single, np.linspace(1, 2, P) * size**2
    known, all_of_them = SecondMoments(rows, 20), SecondMoments(rows)
    few, every = (of.factor(unit, least=0.1) for of in (known, all_of_them))
    np.testing.assert_allclose(few.values[:10], every.values[::-1][:10], rtol=1e-3)
    np.testing.assert_allclose(few.scaling, every.scaling)
    assert few.rest == few.values.min() and 0.5 < few.rest / every.values[-20] < 1.2
    shares = np.linalg.norm(few.vectors[:, :10].T @ every.vectors[:, -10:], axis=0)
    np.testing.assert_allclose(shares, 1.0, atol=1e-3)
    assert known.factor(unit, least=0.1) is few


def test_fewer_directions_than_asked_for():
    """Columns without noise have no more than their latent ones."""
    X, y = latent(noise=0.0)
    factor = SecondMoments(rows_of(X, y).single, 20).factor(np.ones(P), least=1.0)
    assert len(factor.values) == 10


def test_constant_columns_have_no_directions():
    X, y = latent()
    factor = SecondMoments(rows_of(np.ones_like(X), y).single, 20).factor(np.ones(P), least=1.0)
    assert factor.rest == 0.0 and not factor.values.any()


@pytest.mark.parametrize(
    ("shape", "is_few"),
    [((1500, 600, 26), True), ((10_000, 100, 5), False), ((10_000, 256, 20), False)],
)
def test_a_few_are_found_where_a_factor_of_all_costs_more(shape, is_few):
    n, p, n_classes = shape
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(n, p)), np.eye(n_classes)[rng.integers(n_classes, size=n)]
    problem = pose(X, labels, LOSSES["multinomial"], L2(), 1 / n)
    assert takes_single(problem) and (leading_directions(problem) is not None) == is_few
    problem = pose(X * np.logspace(-2, 2, p), labels, LOSSES["multinomial"], L2(), 1 / n)
    assert takes_single(problem) and leading_directions(problem) is None


def test_same_optimum_in_few_steps(returned):
    X, y = latent(n=1000, p=700)
    steps = returned(reduced_descent, "_along")
    model = NNOClassifier(alpha=1e-3, tol=1e-8).fit(X, y)
    assert model.converged_ and 0 < len(steps) <= 60
    other = NNOClassifier(alpha=1e-3, tol=1e-8, solver="gd").fit(X, y)
    assert model.n_iter_ < other.n_iter_
    assert model.objective_ == pytest.approx(other.objective_, rel=1e-7)
