"""Parts of a matrix by the factor of another."""

import numpy as np
import pytest

from nno_sklearn.linear_model import ElasticNet, Lasso
from nno_sklearn.solvers.kept_factor import ChangedPart
from nno_sklearn.solvers.models import WORTH_KEEPING, GramModel

N = 2 * WORTH_KEEPING


def matrix(scales=1.0):
    X = np.random.default_rng(0).normal(size=(2 * N, N)) * scales
    return X.T @ X


def sets():
    """A set to begin with, and others with some fewer, some more, both, and in another order."""
    base = np.arange(N - 60)
    few = np.delete(base, [0, 7, 100, 338])
    more = np.append(base, [N - 1, N - 40])
    both = np.concatenate([few[::-1], [N - 30, N - 2, N - 11]])
    return base, {"fewer": few, "more": more, "both": both, "same": base, "order": base[::-1]}


@pytest.mark.parametrize("ridge", [0.0, 3.0, np.linspace(0.0, 9.0, N)], ids=["no", "one", "many"])
@pytest.mark.parametrize("kind", sets()[1])
@pytest.mark.parametrize("scales", [1.0, np.logspace(-8, 8, N)], ids=["equal", "scales"])
def test_solutions_and_squares_are_those_of_its_own_factor(kind, ridge, scales):
    H = matrix(scales)
    ridge = ridge * H.diagonal() / N
    base, others = sets()
    index, model = others[kind], GramModel(H)
    model.part(base, ridge[base])
    part, own = model.part(index, ridge[index]), GramModel(H).part(index, ridge[index])
    assert isinstance(part, ChangedPart)
    rng = np.random.default_rng(1)
    size = np.sqrt(H.diagonal())[index]
    right = size * rng.normal(size=len(index))
    np.testing.assert_allclose(part.solve(right) * size, own.solve(right) * size, atol=1e-9)
    moved = rng.normal(size=(len(index), 3)) / size[:, None]
    np.testing.assert_allclose(part.squares(moved), own.squares(moved), rtol=1e-9)
    assert not part.is_dependent.any()


def test_solutions_stay_when_sets_change_often():
    H, model, rng = matrix(), GramModel(matrix()), np.random.default_rng(2)
    inside = rng.random(N) < 0.7
    for _ in range(30):
        inside[rng.choice(N, 8, replace=False)] ^= True
        index = rng.permutation(np.flatnonzero(inside))
        right = rng.normal(size=len(index))
        solution = model.part(index, 0.0).solve(right)
        np.testing.assert_allclose(H[np.ix_(index, index)] @ solution, right, atol=1e-9)


def is_changed(model, index, ridge=0.0):
    return isinstance(model.part(index, ridge), ChangedPart)


def test_a_factor_of_its_own_where_another_is_no_help():
    base, _ = sets()
    model = GramModel(matrix())
    assert not is_changed(model, base[:WORTH_KEEPING])
    assert not is_changed(model, base)  # most of it joined
    assert is_changed(model, base[1:])
    assert not is_changed(model, base[1:], ridge=1.0)


def test_a_factor_of_its_own_where_columns_are_nearly_dependent():
    H, base = matrix(), sets()[0]
    H[-1], H[:, -1] = H[0], H[:, 0]
    H[-1, -1] = H[0, 0] * (1 + 1e-9)
    model = GramModel(H)
    model.part(base, 0.0)
    part = model.part(np.append(base, N - 1), 0.0)
    assert not isinstance(part, ChangedPart)
    assert part.is_dependent[:-1].sum() == 0
    H[-1, -1] = H[0, 0]
    model = GramModel(H)
    assert model.part(np.append(base, N - 1), 0.0).is_dependent[-1]
    assert model.part(np.append(base, N - 1), 0.0).is_dependent[-1]  # again
    assert not is_changed(model, base)  # a pivot of the factor that is there has no digits


@pytest.mark.parametrize("estimator", [Lasso, ElasticNet])
def test_more_candidates_than_are_factored(estimator):
    """Working sets beyond the largest factor, of which as many as rows are in use."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(500, 5000))
    y = X[:, :50] @ rng.normal(size=50) + rng.normal(size=500)
    model = estimator(alpha=1e-3 * np.abs(X.T @ (y - y.mean())).max() / 500, tol=1e-8).fit(X, y)
    assert model.converged_
    assert np.count_nonzero(model.coef_) > 400
