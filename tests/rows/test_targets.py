"""Labels as one number a row are the same targets as rows of 0 and 1."""

import numpy as np
import pytest

from nno_sklearn import NNOClassifier
from nno_sklearn.losses import MultinomialLogLoss
from nno_sklearn.rows import Labels, LocalRows, targets_of

N, P, K = 300, 7, 5


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, P)), rng.integers(K, size=N), rng.dirichlet(np.ones(N))


def make(data, targets, dtype=float):
    X, _, weight = data
    return LocalRows(X.astype(dtype), targets, weight, MultinomialLogLoss(), fit_intercept=True)


def test_rows_say_the_same_of_both(data):
    _, codes, _ = data
    labels, dense = Labels(codes, K), np.eye(K)[codes]
    np.testing.assert_array_equal(np.asarray(labels), dense)
    one, other = make(data, labels), make(data, dense)
    for name in one.targets._fields:
        expected = getattr(other.targets, name)
        np.testing.assert_allclose(getattr(one.targets, name), expected, rtol=1e-15)
    raws = [rows.raw(np.ones((P, K)) * np.arange(K)) for rows in (one, other)]
    b = np.linspace(0, 1, K)
    pairs = [
        (one.gradient(raws[0], b), other.gradient(raws[1], b)),
        (one.values(raws[0], b), other.values(raws[1], b)),
        (one.conjugate(raws[0], b, 0.9), other.conjugate(raws[1], b, 0.9)),
        (one.gram(), other.gram()),
        (one.moments().cross, other.moments().cross),
    ]
    few = [rows.draw(40, np.random.RandomState(1)) for rows in (one, other)]
    assert isinstance(few[0].y, Labels)
    pairs.append((np.asarray(few[0].y), few[1].y))
    cells = [rows.cells(20, 200, np.random.RandomState(1), 1, "euclidean") for rows in (one, other)]
    pairs.append((cells[0].y, cells[1].y))
    for first, second in pairs:
        np.testing.assert_allclose(first, second, rtol=1e-13)


def test_a_class_without_rows_has_no_target_of_one():
    labels = Labels(np.array([0, 0, 2]), 4)
    low, high = labels.extremes()
    np.testing.assert_array_equal(high, [1, 0, 1, 0])
    np.testing.assert_array_equal(low, np.zeros(4))
    assert Labels(np.zeros(3, dtype=int), 2).extremes()[0][0] == 1.0


def test_examples_are_few_and_of_all_parts():
    codes = np.repeat(np.arange(1000), 3)
    examples = Labels(codes, 1000).examples()
    assert len(examples) <= 200 and (examples.sum(axis=1) == 1).all()
    assert examples[:, 0].any() and examples[:, -1].any()
    numbers = np.ones((3, 1))
    assert targets_of(numbers).examples() is numbers


def wide(n_classes=120, n=1200, p=10):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, p)).astype(np.float32)
    scores = X @ rng.normal(size=(p, n_classes)) + 2 * rng.gumbel(size=(n, n_classes))
    return X, scores.argmax(axis=1)


def test_float32_stays_float32_where_raw_predictions_are_many():
    X, codes = wide()
    weight, labels = np.full(len(X), 1 / len(X)), Labels(codes, 120)
    options = {"fit_intercept": True}
    rows = LocalRows(X, labels, weight, MultinomialLogLoss(), **options)
    assert rows.raw(np.ones((10, 120))).array.dtype == np.float32
    assert rows.exact().raw(np.ones((10, 120))).array.dtype == np.float64
    few = LocalRows(X[:9], labels.take(np.arange(9)), np.full(9, 1 / 9), rows.loss, **options)
    assert few.raw(np.ones((10, 120))).array.dtype == np.float64
    assert rows.eps == np.finfo(np.float32).eps and few.eps == np.finfo(float).eps


@pytest.mark.parametrize("tol", [1e-4, 1e-6])
def test_a_fit_in_float32_is_certified_in_float64(tol):
    X, y = wide()
    single = NNOClassifier(alpha=1e-3, tol=tol).fit(X, y)
    assert single.converged_ and single.coef_.dtype == np.float32
    exact = NNOClassifier(alpha=1e-3, tol=1e-9).fit(X.astype(float), y)
    present = np.unique(y, return_counts=True)[1] / len(y)
    null = -(present * np.log(present)).sum()
    eta = X.astype(float) @ single.coef_.T.astype(float) + single.intercept_
    top = eta.max(axis=1)
    codes = np.searchsorted(single.classes_, y)
    loss = top + np.log(np.exp(eta - top[:, None]).sum(axis=1)) - eta[np.arange(len(y)), codes]
    objective = loss.mean() + 1e-3 / 2 * (single.coef_.astype(float) ** 2).sum()
    assert objective == pytest.approx(single.objective_, rel=1e-9)
    assert objective - exact.objective_ <= tol * null


def test_what_float32_cannot_reach_is_said():
    X, y = wide()
    with pytest.warns(UserWarning, match="(?s)precision of the coefficients.*pass X as float64"):
        NNOClassifier(alpha=1e-3, tol=1e-16).fit(X, y)
