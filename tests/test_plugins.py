"""Solvers, losses and penalties from outside the package are citizens like its own."""

from functools import partial

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import Loss, NNOClassifier, NNORegressor
from nno_sklearn.losses import MultinomialLogLoss
from tests.estimators import NONSMOOTH, SMOOTH
from tests.problems import X, Y
from tests.user_objects import Box, Exponential, PlainPseudoHuber, SmoothedL1, SteepestDescent

LABELS = np.where(Y > 0.5, "high", "low")


def optimum(loss, y, penalty=None, alpha=1.0, bounds=None):
    """Intercept and coefficients by scipy, independent of this package."""
    target, A = y[:, None], np.column_stack([np.ones(len(X)), X])

    def objective(v):
        eta = (A @ v)[:, None]
        value, slope = loss.value(target, eta).mean(), A.T @ loss.gradient(target, eta)[:, 0]
        slope = slope / len(X)
        if penalty is not None:
            value += alpha * penalty.value(v[1:])
            slope[1:] += alpha * penalty.gradient(v[1:])
        return value, slope

    options = {"ftol": 1e-16, "gtol": 1e-10, "maxiter": 10_000, "maxcor": 40}
    found = minimize(objective, np.zeros(5), jac=True, method="L-BFGS-B", bounds=bounds,
                     options=options)  # fmt: skip
    return found.x[0], found.x[1:], found.fun


regress = partial(NNORegressor, tol=1e-8, alpha=0.1)


class TestSolver:
    @pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
    @pytest.mark.parametrize("loss", ["squared_error", PlainPseudoHuber()])
    def test_reaches_the_same_optimum(self, loss, layout):
        own = regress(loss, solver=SteepestDescent()).fit(layout(X), Y)
        theirs = regress(loss).fit(X, Y)
        np.testing.assert_allclose(own.coef_, theirs.coef_, rtol=1e-3, atol=1e-4)
        assert own.intercept_ == pytest.approx(theirs.intercept_, rel=1e-3)
        assert own.n_iter_ == len(own.history_) - 1 > 2
        assert type(own.solver_) is SteepestDescent

    def test_takes_several_outputs(self):
        own = regress(solver=SteepestDescent()).fit(X, np.column_stack([Y, -3 * Y**2]))
        theirs = regress().fit(X, np.column_stack([Y, -3 * Y**2]))
        np.testing.assert_allclose(own.coef_, theirs.coef_, rtol=1e-2, atol=1e-3)
        model = NNOClassifier(alpha=0.1, solver=SteepestDescent()).fit(X, np.digitize(Y, [0, 1]))
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)

    def test_is_tuned(self):
        pipeline = make_pipeline(StandardScaler(), NNOClassifier(solver=SteepestDescent()))
        name = "nnoclassifier__solver__shorten"
        search = GridSearchCV(pipeline, {name: [0.3, 0.9]}, cv=3).fit(X, LABELS)
        assert search.best_params_[name] in (0.3, 0.9)
        used = {0.3: 0, 0.9: 0}
        for shorten in used:
            model = clone(pipeline).set_params(**{name: shorten}).fit(X, LABELS)
            used[shorten] = model[-1].n_iter_
            assert model[-1].solver_.shorten == shorten
        assert used[0.3] > used[0.9]

    def test_is_not_changed_by_a_fit(self):
        solver = SteepestDescent(0.9)
        model = clone(regress(solver=solver))
        assert model.solver is not solver
        before = dict(vars(model.solver))
        assert vars(model.fit(X, Y).solver) == before

    def test_unmet_requirement(self):
        with pytest.raises(ValueError) as caught:
            regress(penalty="l1", solver=SteepestDescent(0.5)).fit(object(), object())
        assert str(caught.value) == (
            "solver=SteepestDescent(shorten=0.5) needs a penalty with a gradient everywhere, but "
            "'l1' provides only conjugate, curvature, prox, value. Solvers that accept it: "
            "'auto', 'nearest_neighbor', 'proximal'."
        )


class TestLoss:
    @pytest.mark.parametrize("delta", [0.3, 1.0, 10.0])
    @pytest.mark.parametrize("solver", SMOOTH)
    def test_optimum(self, solver, delta):
        loss = PlainPseudoHuber(delta)
        model = regress(loss, penalty=None, solver=solver).fit(X, Y)
        intercept, coef, value = optimum(loss, Y)
        np.testing.assert_allclose(model.coef_, coef, rtol=1e-4, atol=1e-5)
        assert model.intercept_ == pytest.approx(intercept, rel=1e-4)
        assert model.objective_ == pytest.approx(value, rel=1e-9)
        assert model.dual_gap_ == np.inf

    @pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
    def test_optimum_with_kinks(self, penalty):
        fits = [regress(PlainPseudoHuber(), penalty=penalty, solver=s).fit(X, Y) for s in NONSMOOTH]
        for model in fits:
            np.testing.assert_allclose(model.coef_, fits[0].coef_, rtol=1e-4, atol=1e-6)
        assert 0 < np.count_nonzero(fits[0].coef_) < 4

    @pytest.mark.parametrize("solver", SMOOTH)
    def test_of_labels(self, solver):
        model = NNOClassifier(Exponential(), penalty=None, tol=1e-8, solver=solver).fit(X, LABELS)
        intercept, coef, _ = optimum(Exponential(), (LABELS == "low").astype(float))
        np.testing.assert_allclose(model.coef_, [coef], rtol=1e-4)
        np.testing.assert_allclose(model.intercept_, [intercept], rtol=1e-4)
        assert model.predict_proba(X).shape == (120, 2)
        three = NNOClassifier(Exponential(), alpha=0.1, solver=solver)
        three.fit(X, np.digitize(Y, [0, 1]))
        assert three.coef_.shape == (3, 4)
        np.testing.assert_allclose(three.predict_proba(X).sum(axis=1), 1)

    def test_is_tuned(self):
        grid = {"loss__delta": [0.1, 100.0], "solver": ["gd", "nearest_neighbor"]}
        search = GridSearchCV(regress(PlainPseudoHuber()), grid, cv=3, refit=True).fit(X, Y)
        scores = search.cv_results_["mean_test_score"].reshape(2, 2)
        np.testing.assert_allclose(scores[:, 0], scores[:, 1], rtol=1e-5)
        assert abs(scores[0, 0] - scores[1, 0]) > 1e-3
        assert search.best_estimator_.loss_.delta == search.best_params_["loss__delta"]
        assert search.estimator.loss.delta == 1.0

    def test_without_gradient_is_refused(self):
        class Bare(Loss):
            def value(self, y, eta):
                return (y - eta) ** 2

        with pytest.raises(ValueError, match="needs a loss with a (curvature and )?gradient") as e:
            regress(Bare()).fit(X, Y)
        assert "Bare() provides only value. No solver of this package accepts it" in str(e.value)
        assert "give the object the methods that are missing" in str(e.value)

    def test_multinomial_object_takes_two_classes_too(self):
        model = NNOClassifier(MultinomialLogLoss(), tol=1e-10).fit(X, LABELS)
        np.testing.assert_allclose(model.coef_, NNOClassifier(tol=1e-10).fit(X, LABELS).coef_)


class TestPenalty:
    @pytest.mark.parametrize("loss", ["squared_error", PlainPseudoHuber()])
    @pytest.mark.parametrize("solver", ["auto", "gd", "nearest_neighbor"])
    def test_smooth(self, solver, loss):
        model = regress(loss, penalty=SmoothedL1(), solver=solver).fit(X, Y)
        intercept, coef, value = optimum(model.loss_, Y, SmoothedL1(), 0.1)
        np.testing.assert_allclose(model.coef_, coef, rtol=1e-4, atol=1e-5)
        assert model.intercept_ == pytest.approx(intercept, rel=1e-4)
        assert model.objective_ == pytest.approx(value, rel=1e-9)

    @pytest.mark.parametrize("box", [Box(), Box(-0.1, 0.1), Box(-np.inf, 0.2)])
    @pytest.mark.parametrize("loss", ["squared_error", PlainPseudoHuber(0.5), "huber"])
    @pytest.mark.parametrize("solver", NONSMOOTH)
    def test_bounds(self, solver, loss, box):
        model = regress(loss, penalty=box, solver=solver).fit(X, Y)
        bounds = [(None, None), *[(box.low, box.high)] * 4]
        intercept, coef, value = optimum(model.loss_, Y, bounds=bounds)
        np.testing.assert_allclose(model.coef_, coef, rtol=1e-4, atol=1e-5)
        assert model.intercept_ == pytest.approx(intercept, rel=1e-4)
        assert box.value(model.coef_) == 0
        assert (np.isclose(model.coef_, box.low) | np.isclose(model.coef_, box.high)).any()

    def test_bounds_for_labels(self):
        signed = NNOClassifier(penalty=Box(), tol=1e-8).fit(X, LABELS)
        assert (signed.coef_ >= 0).all()
        assert (signed.coef_ > 0).any()

    def test_is_tuned(self):
        model = regress(penalty=Box(), solver="proximal")
        search = GridSearchCV(model, {"penalty__low": [-10.0, 0.0]}, cv=3).fit(X, Y)
        assert search.best_params_ == {"penalty__low": -10.0}
        assert search.best_estimator_.coef_.min() < 0

    def test_gd_cannot_take_bounds(self):
        with pytest.raises(ValueError, match="needs a penalty with a gradient everywhere") as e:
            regress(penalty=Box(), solver="gd").fit(X, Y)
        assert "Box() provides only prox, value. Solvers that accept it: 'auto'" in str(e.value)
