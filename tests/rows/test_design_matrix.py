"""The design matrix is the centred matrix, whatever its container, dtype and blocks."""

import numpy as np
import pytest

from nno_sklearn.rows import design_matrix, moments, products, second_order
from tests.problems import (
    CONTAINERS,
    make_matrix,
    make_weight,
)

intercepts = pytest.mark.parametrize("fit_intercept", [True, False])


@pytest.mark.parametrize("order", ["C", "F"])
def test_columns_far_from_zero_keep_their_digits(order):
    near, weight = make_matrix(), make_weight(40) / make_weight(40).sum()
    far = np.array(near + [1e5, -1e5, 3.0, 0.0, 0.0], order=order)
    designs = [design_matrix.DesignMatrix(X, weight, centred=True) for X in (near, far)]
    for expected, found in zip(
        *([design.scale, *design.gram(weight)] for design in designs), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("block", [2**21, 7 * 40])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@intercepts
@pytest.mark.parametrize(
    "container", [np.asarray, CONTAINERS["csr_array"], CONTAINERS["csc_array"]]
)
def test_design_matrix_is_the_centred_matrix(monkeypatch, container, fit_intercept, dtype, block):
    monkeypatch.setattr(moments, "BLOCK_BYTES", block)  # 2**21 is one block here, 280 many
    X, weight, rng = (make_matrix() + 3.0).astype(dtype), make_weight(40), np.random.default_rng(6)
    weight /= weight.sum()
    design = design_matrix.DesignMatrix(container(X), weight, centred=fit_intercept)
    X = X.astype(float)
    centred = X - weight @ X if fit_intercept else X
    near = {"rtol": 1e-9, "atol": 1e-9} if dtype is np.float64 else {"rtol": 1e-5, "atol": 1e-4}
    coef, residual = rng.normal(size=(5, 2)), rng.normal(size=(40, 2)) + 1
    curvature, coupling = rng.random(40), rng.random((40, 2))
    np.testing.assert_allclose(design.scale, np.sqrt(weight @ centred**2), **near)
    np.testing.assert_allclose(design.matvec(coef), centred @ coef, **near)
    np.testing.assert_allclose(design.rmatvec(residual), centred.T @ residual, **near)
    np.testing.assert_allclose(design.rmatvec(residual[:, :1]), centred.T @ residual[:, :1], **near)
    few = np.where(np.arange(40) % 3 == 1, curvature, 0.0)  # on flat parts of a loss rows have none
    for given in (curvature, few, np.zeros(40)):
        gram, first = design.gram(given)
        np.testing.assert_allclose(gram, (centred.T * given) @ centred, **near)
        np.testing.assert_allclose(first[:, 0], centred.T @ given, **near)
    feature, output = np.array([3, 0, 4, 3, 1]), np.array([1, 0, 0, 0, 1])
    gram, mixed = design.coupled_gram(residual**2, coupling, feature, output)
    for k, m in np.ndindex(2, 2):
        entry = (k == m) * residual[:, k] ** 2 - coupling[:, k] * coupling[:, m]
        of_k, of_m = centred[:, feature[output == k]], centred[:, feature[output == m]]
        block = gram[np.ix_(output == k, output == m)]
        np.testing.assert_allclose(block, (of_k.T * entry) @ of_m, **near)
        np.testing.assert_allclose(mixed[output == k, m], of_k.T @ entry, **near)


@pytest.mark.parametrize("container", [CONTAINERS["csr_array"], CONTAINERS["csc_array"]])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coupled_products_of_few_entries(container, fit_intercept):
    """Sparse columns are multiplied entry by entry, and centred afterwards."""
    rng = np.random.default_rng(3)
    X = np.where(rng.random((60, 8)) < 0.1, rng.poisson(2.0, size=(60, 8)) + 1.0, 0.0)
    X[:, 5] = 0.0  # constant
    weight = rng.uniform(0.5, 2.0, 60)
    dense, few = (
        design_matrix.DesignMatrix(make(X), weight / weight.sum(), centred=fit_intercept)
        for make in (np.asarray, container)
    )
    feature, output = np.array([7, 0, 5, 7, 1, 2]), np.array([2, 0, 1, 0, 2, 0])
    given = rng.random((60, 3)), rng.random((60, 3)), feature, output
    for ours, expected in zip(few.coupled_gram(*given), dense.coupled_gram(*given), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)


def test_means_are_taken_out_of_sparse_columns_only_where_that_is_exact():
    """Rows of hardly any weight may lie elsewhere than the mean."""
    rng = np.random.default_rng(0)
    X = (rng.uniform(0.01, 6.0, size=(40, 2)) * [1.0, 0.02] + [0.0, 1e5]).astype(np.float32)
    weight = np.full(40, 1e-7)
    weight[0] = 1.0
    design = design_matrix.DesignMatrix(
        CONTAINERS["csr_array"](X), weight / weight.sum(), centred=True
    )
    wide = X.astype(float)
    coef = rng.normal(size=(2, 1))
    expected = (wide - weight @ wide / weight.sum()) @ coef
    np.testing.assert_allclose(design.exact().matvec(coef), expected, rtol=0, atol=1e-9)


def test_residuals_that_are_nothing_are_nothing_in_single_precision():
    """Numbers of fewer digits would slow the product down many times."""
    rng = np.random.default_rng(9)
    X = rng.normal(size=(500, 6)).astype(np.float32)
    residual = rng.normal(size=(500, 3)) * 10.0 ** rng.uniform(-44, -4, (500, 3))
    residual, size = residual.astype(np.float32), np.abs(residual)
    flushed = products._flushed(residual)
    assert not flushed[size < 1e-36].any()
    np.testing.assert_array_equal(flushed[size > 1e-20], residual[size > 1e-20])
    product = design_matrix.DesignMatrix(X, np.full(500, 1 / 500), centred=False).rmatvec(residual)
    np.testing.assert_allclose(product, X.T.astype(float) @ residual, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_beside_ones_are_kept_for_these_columns_and_rows_alone(dtype):
    X = np.random.RandomState(0).normal(3.0, 1.0, size=(40, 3)).astype(dtype)
    design = design_matrix.DesignMatrix(X, np.full(40, 1 / 40), centred=True)

    def beside_ones(part):
        return np.vstack([columns for _, columns in part.blocks_with_ones()])

    whole = beside_ones(design)
    passes = design.passes.total
    np.testing.assert_array_equal(beside_ones(design), whole)
    assert design.passes.total == passes + 3  # a look is three products, also where it is kept
    index = np.array([0, 2])
    part = beside_ones(design.columns(index))
    np.testing.assert_allclose(part, whole[:, [0, 2, 3]], atol=1e-6)  # float32 is centred in it
    np.testing.assert_array_equal(beside_ones(design.rows(index)), whole[index])
    np.testing.assert_array_equal(beside_ones(design.exact()), whole)
    np.testing.assert_array_equal(beside_ones(design), whole)


@pytest.mark.parametrize("container", [CONTAINERS["csr_array"], CONTAINERS["csc_array"]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("density", [0.02, 0.4])  # by stored entries, and by dense copies
@pytest.mark.parametrize("n_bytes", [2**24, 1])
def test_gram_of_a_sparse_matrix(monkeypatch, container, dtype, density, n_bytes):
    monkeypatch.setattr(second_order, "DENSE_BYTES", n_bytes)  # one block, or several
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(500, 30)) * (rng.random((500, 30)) < density)).astype(dtype)
    weight, other = make_weight(500) / 500, rng.normal(size=(500, 2))
    design = design_matrix.DesignMatrix(container(X), weight / weight.sum(), centred=False)
    by_entries, dense = design._row_product_costs
    assert (by_entries <= dense) == (density < 0.1)
    X = X.astype(float)
    gram, cross = design.gram(weight, other)
    np.testing.assert_allclose(gram, (X.T * weight) @ X, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(cross, (X.T * weight) @ other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("container", CONTAINERS.values())
def test_rows_in_any_order(container):
    X, index = make_matrix(), np.array([30, 2, 2, 17])
    taken = design_matrix.DesignMatrix(container(X), np.full(40, 1 / 40), centred=False).rows(index)
    found = taken.X.toarray() if taken.is_sparse else taken.X
    np.testing.assert_array_equal(found + taken.centre, X[index])
