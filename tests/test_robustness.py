"""Weights, hard data (no scale, no rank, no bounds), and the certificate of the optimum."""

from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer

from tests.estimators import (
    CLASSIFICATION,
    LOSSES,
    NONSMOOTH,
    POSITIVE,
    REGRESSION,
    SMOOTH,
    make,
    raw_prediction,
)

SCALES = 10.0 ** np.array([-6, -3, 0, 3, 6])


def data(loss, n=200):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5))
    y = X @ [0.5, -0.3, 0.2, 0.1, 0] + rng.normal(size=n)
    if loss in POSITIVE:
        y = np.exp(0.5 * y)
    return X, y if loss in REGRESSION else (y > 0).astype(int)


def raw(model, X):
    return raw_prediction(model, X)[:, 0]


class TestWeights:
    @pytest.mark.pairwise
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
    @pytest.mark.parametrize("solver", ["nearest_neighbor", "proximal"])
    def test_are_repetitions(self, loss, layout, solver):
        X, y = data(loss)
        counts = np.random.default_rng(1).integers(0, 4, len(X))
        model = make(loss, alpha=0.01, tol=1e-13, solver=solver)
        predictions = [
            raw(model.fit(layout(A), b, sample_weight=weight), X)
            for A, b, weight in (
                (X, y, counts),
                (X, y, 7.0 * counts),
                (X.repeat(counts, axis=0), y.repeat(counts), None),
                (X[counts > 0], y[counts > 0], counts[counts > 0]),
            )
        ]
        for prediction in predictions[1:]:
            np.testing.assert_allclose(prediction, predictions[0], rtol=1e-7, atol=1e-9)

    def test_class_weight_multiplies(self):
        X, y = data("log_loss")
        weight = np.random.default_rng(1).random(len(X))
        total = np.bincount(y, weight)
        for class_weight, factor in (({0: 0.5, 1: 3.0}, [0.5, 3]), ("balanced", 1 / total)):
            model = make("log_loss", alpha=0.01, tol=1e-13, class_weight=class_weight)
            by_class = raw(model.fit(X, y, weight), X)
            model = make("log_loss", alpha=0.01, tol=1e-13)
            by_row = raw(model.fit(X, y, weight * np.take(factor, y)), X)
            np.testing.assert_allclose(by_class, by_row, rtol=1e-7, atol=1e-9)


class TestCertificate:
    penalties = pytest.mark.parametrize(
        ("penalty", "solver"),
        [("l2", s) for s in SMOOTH] + [(p, s) for p in ("l1", "elasticnet") for s in NONSMOOTH],
    )

    @staticmethod
    @cache
    def optimum(loss, penalty):
        """The lowest objective that any solver finds."""
        solvers = SMOOTH if penalty == "l2" else NONSMOOTH
        fits = (
            make(loss, penalty=penalty, alpha=0.01, tol=1e-12, solver=solver) for solver in solvers
        )
        return min(model.fit(*data(loss)).objective_ for model in fits)

    @pytest.mark.pairwise
    @penalties
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-12])
    def test_gap_bounds_the_distance_to_the_optimum(self, loss, penalty, solver, tol):
        X, y = data(loss)
        model = make(loss, penalty=penalty, alpha=0.01, tol=tol, solver=solver).fit(X, y)
        null = model.history_[0].objective
        distance = model.objective_ - self.optimum(loss, penalty)
        assert distance <= model.dual_gap_ + 1e-14 * null
        assert model.optimality_ <= tol
        # What is certified is the objective of the coefficients that the user gets.
        target = y if loss in REGRESSION else (y == model.classes_[1]).astype(float)
        value = model.loss_.value(target[:, None], raw(model, X)[:, None]).mean()
        l1 = {"l2": 0.0, "l1": 1.0, "elasticnet": 0.5}[penalty]
        w = model.coef_.ravel()
        value += 0.01 * (l1 * np.abs(w).sum() + (1 - l1) / 2 * w @ w)
        assert model.objective_ == pytest.approx(value, rel=1e-12)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_tol_is_relative_to_the_constant_model(self, loss):
        X, y = data(loss)
        model = make(loss, alpha=0.01, tol=1e-3).fit(X, y)
        constant = make(loss, alpha=1e9, penalty="l1").fit(X, y)
        assert not constant.coef_.any()
        assert model.optimality_ == pytest.approx(model.dual_gap_ / constant.objective_, rel=1e-6)

    @pytest.mark.each_value
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("solver", SMOOTH)
    def test_without_a_penalty_the_gap_is_that_of_newtons_step(self, loss, solver):
        X, y = data(loss)
        model = make(loss, penalty=None, solver=solver).fit(X, y)
        best = make(loss, penalty=None, tol=1e-9).fit(X, y)
        null = model.history_[0].objective
        assert model.objective_ - best.objective_ <= model.dual_gap_ <= 2e-8 * null
        assert model.optimality_ <= 1e-4


class TestUnscaled:
    @pytest.mark.each_value
    @pytest.mark.parametrize("loss", CLASSIFICATION)
    @TestCertificate.penalties
    def test_raw_breast_cancer(self, loss, penalty, solver):
        X, y = load_breast_cancer(return_X_y=True)
        model = make(loss, penalty=penalty, solver=solver).fit(X, y)
        assert model.score(X, y) > 0.94

    @pytest.mark.pairwise
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
    @pytest.mark.parametrize("change", ["scaled", "shifted", "both"])
    def test_units_do_not_matter(self, loss, solver, layout, change):
        X, y = data(loss)
        hard = X + (1e6 if change == "shifted" else 0)
        if change != "shifted":
            hard = (X + (10 if change == "both" else 0)) * SCALES
        for tol, accuracy in ((1e-4, 3e-3), (1e-7, 1e-5)):  # default settings, then exact ones
            params = {"penalty": None, "solver": solver, "tol": tol}
            model = make(loss, **params).fit(layout(hard), y)
            easy = make(loss, **params).fit(X, y)
            np.testing.assert_allclose(raw(model, hard), raw(easy, X), rtol=0, atol=accuracy)

    @pytest.mark.pairwise
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize(
        ("penalty", "solver"), [("l2", s) for s in SMOOTH] + [("l1", s) for s in NONSMOOTH]
    )
    @pytest.mark.parametrize("change", ["scaled", "shifted"])
    def test_defaults_converge(self, loss, penalty, solver, change):
        X, y = data(loss)
        hard = X + 1e6 if change == "shifted" else X * SCALES
        model = make(loss, penalty=penalty, solver=solver).fit(hard, y)
        assert model.converged_
        if change == "shifted":  # a shift changes the intercept alone, which is not penalised
            easy = make(loss, penalty=penalty, solver=solver).fit(X, y)
            assert model.objective_ == pytest.approx(easy.objective_, rel=1e-3)


class TestRank:
    @pytest.mark.pairwise
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("shape", ["twins", "constant", "empty"])
    def test_open_directions_stay_finite(self, loss, solver, shape):
        X, y = data(loss, n=40)
        hard = {
            "twins": np.column_stack([X, X, X.sum(axis=1)]),
            "constant": np.column_stack([X, np.full((40, 2), 7.3)]),
            "empty": np.column_stack([X, np.zeros((40, 2))]),
        }[shape]
        model = make(loss, penalty=None, solver=solver, tol=1e-6).fit(hard, y)
        assert np.isfinite(model.coef_).all()
        assert np.abs(model.coef_).max() < 100
        easy = make(loss, penalty=None, solver=solver, tol=1e-6).fit(X, y)
        np.testing.assert_allclose(raw(model, hard), raw(easy, X), rtol=0, atol=1e-4)

    # The other losses reach 0 only in the limit of infinite coefficients.
    @pytest.mark.parametrize("loss", ["squared_error", "huber", "squared_hinge", "modified_huber"])
    @pytest.mark.parametrize("solver", SMOOTH)
    def test_more_columns_than_rows(self, loss, solver):
        X, y = np.random.default_rng(1).normal(size=(40, 60)), data(loss)[1][:40]
        options = {"penalty": None, "solver": solver, "tol": 1e-6, "random_state": 0}
        model = make(loss, **options).fit(X, y)
        assert np.abs(model.coef_).max() < 100
        assert model.objective_ < 1e-6

    # Among draws of landmarks are such whose start, far from any optimum, leaves no row curved.
    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_no_step_ends_far_inside_a_flat_part(self, fit_intercept):
        for seed in range(40):
            rng = np.random.default_rng(seed)
            X = rng.normal(size=(40, 60))
            y = (X[:, 0] + rng.normal(size=40) > 0).astype(int)
            options = {"penalty": None, "solver": "nearest_neighbor", "random_state": seed}
            model = make("modified_huber", fit_intercept=fit_intercept, **options).fit(X, y)
            assert model.objective_ < 1e-6
            assert np.abs(model.coef_).max() < 2, seed

    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
    def test_alpha_0_is_no_penalty(self, loss, penalty):
        X, y = data(loss)
        nothing = make(loss, penalty=None, tol=1e-8).fit(X, y)
        zero = make(loss, penalty=penalty, alpha=0, tol=1e-8).fit(X, y)
        np.testing.assert_array_equal(zero.coef_, nothing.coef_)

    @pytest.mark.pairwise
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("shape", [(2, 1), (2, 5), (3, 1)])
    def test_tiny_data(self, loss, solver, shape):
        X, y = data(loss)
        X, y = X[: shape[0], : shape[1]], np.abs(y[: shape[0]]) + 0.5 * (loss in REGRESSION)
        y[0], y[1] = (1, 2)
        model = make(loss, solver=solver, alpha=0.1).fit(X, y)
        assert np.isfinite(model.predict(X)).all()


class TestExtremes:
    @pytest.mark.pairwise
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
    def test_huge_columns(self, loss, solver, layout):
        X, y = data(loss)
        with pytest.raises(ValueError, match="squares overflow. Divide them by a constant"):
            make(loss, solver=solver).fit(layout(X * 1e200), y)

    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    @pytest.mark.parametrize("solver", SMOOTH)
    def test_huge_targets(self, loss, solver):
        X, y = data(loss)
        factor = 1e200 if loss == "squared_error" else 1e308
        if loss == "poisson":
            y = np.maximum(y, 1)
            factor /= y.max()
        with pytest.raises(ValueError, match="Divide y by a constant"):
            make(loss, solver=solver).fit(X, y * factor)

    # Counts have no units.
    @pytest.mark.pairwise
    @pytest.mark.parametrize("loss", [one for one in REGRESSION if one != "negative_binomial"])
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("factor", [1e-100, 1e-12, 1e12, 1e100])
    def test_units_of_the_target_do_not_matter(self, loss, solver, factor):
        X, y = data(loss)
        easy = make(loss, penalty=None, solver=solver, tol=1e-7).fit(X, y)
        model = make(loss, penalty=None, solver=solver, tol=1e-7)
        in_units = {"huber": 0.5, "squared_epsilon_insensitive": 0.1}  # parameters of the loss
        if loss in in_units:
            easy.set_params(loss=type(easy.loss_)(in_units[loss])).fit(X, y)
            model.set_params(loss=type(easy.loss_)(in_units[loss] * factor))
        hard = model.fit(X, y * factor)
        np.testing.assert_allclose(hard.predict(X) / factor, easy.predict(X), rtol=0, atol=1e-4)

    @pytest.mark.pairwise
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("loss", ["squared_error", "poisson", "log_loss"])
    @pytest.mark.parametrize(
        ("dtype", "factor"),
        [(np.float32, 1e25), (np.float32, 1e-25), (np.float64, 1e120), (np.float64, 1e-120)],
    )
    def test_units_of_the_columns_do_not_matter(self, loss, solver, dtype, factor):
        X, y = data(loss)
        easy = make(loss, penalty=None, solver=solver).fit(X, y)
        hard = make(loss, penalty=None, solver=solver).fit((X * factor).astype(dtype), y)
        np.testing.assert_allclose(raw(hard, X * factor), raw(easy, X), atol=3e-3)

    @pytest.mark.each_value
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("loss", LOSSES)
    def test_float32_columns_of_thousands(self, loss, solver):
        X, y = data(loss)
        single = make(loss, solver=solver).fit((X * 1e3).astype(np.float32), y)
        double = make(loss, solver=solver).fit(X * 1e3, y)
        assert single.objective_ == pytest.approx(double.objective_, rel=1e-3)

    @pytest.mark.pairwise
    @pytest.mark.parametrize("solver", SMOOTH)
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("size", [1e4, 1e7])
    def test_an_outlier_among_the_rows(self, loss, solver, size):
        X, y = data(loss)
        X[0] = size
        model = make(loss, solver=solver).fit(X, y)
        assert np.isfinite(model.coef_).all()
        assert np.isfinite(raw(model, X)).all()
