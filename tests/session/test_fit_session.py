"""A session: data posed once, many models; what a search and a subclass may rely on."""

import gc
import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.problem import Problem
from nno_sklearn.rows import Rows
from nno_sklearn.session import Coefficients, FitSession, SessionModel, has_sessions
from tests.model_selection.searches import ALPHAS, KINDS, LABELS, NUMBERS, WEIGHT, X

EXACT = {"tol": 1e-12, "max_iter": 5000}


class Logistic(NNOClassifier):
    """scikit-learn's parameter: relative to the sum of the losses."""

    free_parameters = NNOClassifier.free_parameters | {"C"}

    def __init__(self, C=1.0, *, tol=1e-12, max_iter=5000):
        super().__init__(tol=tol, max_iter=max_iter)
        self.C = C

    def strength(self, total_weight):
        return 1 / (self.C * total_weight)


@pytest.fixture
def posed(monkeypatch):
    """How often data were checked and centred."""
    problems = []
    init = Problem.__init__
    monkeypatch.setattr(
        Problem, "__init__", lambda self, *a, **k: (problems.append(self), init(self, *a, **k))[1]
    )
    return problems


def test_models_share_what_does_not_depend_on_the_setting(posed):
    session = NNOClassifier(**EXACT).open_session(X, KINDS, WEIGHT, n_models=3)
    results = []
    for alpha in ALPHAS:
        template = NNOClassifier(alpha=alpha, **EXACT)
        model, result = session.solve(template, results[::-1])
        results.append(result)
        alone = clone(template).fit(X, KINDS, WEIGHT)
        np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-5)
        np.testing.assert_array_equal(model.classes_, alone.classes_)
        np.testing.assert_array_equal(model.predict(X), alone.predict(X))
        assert set(vars(model)) == set(vars(alone)) and not hasattr(template, "coef_")
        assert model.n_features_in_ == X.shape[1] and result.n_iter == model.n_iter_
    assert len(posed) == 1 + len(ALPHAS)
    session.solve(NNOClassifier(class_weight="balanced"))
    assert len(posed) == 2 + len(ALPHAS)


def test_a_near_start_saves_passes():
    session = FitSession(X, LABELS)
    _, far = session.solve(NNOClassifier(alpha=0.03))
    _, near = session.solve(NNOClassifier(alpha=0.029), [far])
    _, without_rows = session.solve(NNOClassifier(alpha=0.029), [Coefficients.of(far)])
    _, constant = session.solve(NNOClassifier(alpha=0.029))
    assert near.n_passes < without_rows.n_passes <= constant.n_passes


def test_only_models_of_one_class_share_data():
    session = FitSession(X, NUMBERS)
    plain, shifted = (session.solve(kind(**EXACT)).model for kind in (NNORegressor, Shifted))
    assert shifted.intercept_ == pytest.approx(plain.intercept_ + 100)


def test_starts_of_another_shape_are_passed_over():
    _, wide = FitSession(X, KINDS).solve(NNOClassifier())
    model, _ = FitSession(X, LABELS).solve(NNOClassifier(**EXACT), [wide])
    np.testing.assert_allclose(model.coef_, NNOClassifier(**EXACT).fit(X, LABELS).coef_, atol=1e-6)


def test_a_strength_relative_to_the_sum_of_the_losses():
    weight = 1e3 * WEIGHT
    ours = Logistic(C=1e-3).fit(X, LABELS, weight)
    theirs = LogisticRegression(C=1e-3, tol=1e-10).fit(X, LABELS, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert NNORegressor(alpha=0.5).strength(7.0) == 0.5
    ridge = Ridge(alpha=0.5 * len(X)).fit(X, NUMBERS)
    np.testing.assert_allclose(
        NNORegressor(alpha=0.5, tol=1e-12).fit(X, NUMBERS).coef_, ridge.coef_
    )


def test_a_search_goes_over_such_a_strength(posed):
    grid = {"C": [0.01, 10.0, 0.1, 1.0]}
    search = NNOSearchCV(Logistic(), grid, cv=2, refit=False).fit(X, LABELS)
    assert len(posed) == 2  # once for each split
    np.testing.assert_allclose(search.cv_results_["strength"], 1 / np.array(grid["C"]))
    theirs = NNOSearchCV(LogisticRegression(tol=1e-10), grid, cv=2, refit=False).fit(X, LABELS)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


class Shifted(NNORegressor):
    """Overrides a step of a fit, not ``fit``."""

    def prepare(self, X, y, sample_weight, loss):
        self.shift_ = 100.0
        return super().prepare(X, np.asarray(y) + self.shift_, sample_weight, loss)


class Own(NNORegressor):
    def fit(self, X, y, sample_weight=None):
        return super().fit(np.round(X), y, sample_weight)


class Mixin:
    def fit(self, X, y):
        return super().fit(np.round(X), y)


class Mixed(Mixin, NNORegressor):
    pass


class Vouched(Own):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, sample_weight)

    def open_session(self, X, y, sample_weight=None, *, n_models=1):
        return super().open_session(np.round(X), y, sample_weight, n_models=n_models)


def test_steps_that_a_subclass_overrides_are_taken():
    alone = Shifted(**EXACT).fit(X, NUMBERS)
    assert alone.intercept_ == pytest.approx(NNORegressor(**EXACT).fit(X, NUMBERS).intercept_ + 100)
    session = alone.open_session(X, NUMBERS, n_models=2)
    for alpha in ALPHAS:
        model, _ = session.solve(Shifted(alpha=alpha, **EXACT))
        assert model.shift_ == 100.0 and model.intercept_ > 90


def test_who_fits_in_its_own_way_has_no_sessions():
    assert has_sessions(NNORegressor()) and has_sessions(Shifted()) and has_sessions(Vouched())
    for other in (Own(), Mixed(), LogisticRegression(), object()):
        assert not has_sessions(other)
    search = NNOSearchCV(Vouched(**EXACT), {"alpha": ALPHAS}, cv=2).fit(X, NUMBERS)
    plain = NNOSearchCV(Own(**EXACT), {"alpha": ALPHAS}, cv=2).fit(X, NUMBERS)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-6
    )


@pytest.mark.parametrize("model", [NNOClassifier, NNORegressor])
def test_estimators_have_what_a_session_asks_for(model):
    for name, asked in vars(SessionModel).items():
        if not name.startswith("_") and callable(asked):
            given = inspect.signature(getattr(model, name))
            assert list(given.parameters) == list(inspect.signature(asked).parameters), name


def test_mistakes_are_told_as_by_fit():
    with pytest.raises(ValueError, match="alpha=-1: it must be a number of at least 0"):
        FitSession("no data", None).solve(NNORegressor(alpha=-1))
    session = FitSession(X, NUMBERS)
    session.solve(NNORegressor())
    with pytest.raises(ValueError, match="solver='gd' needs a penalty with a gradient"):
        session.solve(NNORegressor(penalty="l1", solver="gd"))
    with pytest.raises(TypeError, match="unexpected keyword argument 'weights'"):
        NNORegressor().open_session(X, NUMBERS, weights=WEIGHT)


def test_scored_coefficients_need_no_certificate_in_float64():
    single, codes = X.astype(np.float32), np.digitize(NUMBERS, np.quantile(NUMBERS, [0.3, 0.6]))
    session = NNOClassifier().open_session(single, codes, n_models=2)
    returned, _ = session.solve(NNOClassifier(alpha=0.1, tol=1e-5))
    scored, result = session.solve(NNOClassifier(alpha=0.1, tol=1e-5), is_returned=False)
    assert scored.converged_ and len(scored.history_) < len(returned.history_)
    assert result.point.problem.dtype == np.float32  # the next start costs no pass
    np.testing.assert_allclose(scored.coef_, returned.coef_, atol=1e-2)


@pytest.mark.parametrize(
    "model",
    [
        NNORegressor(),
        NNORegressor(penalty="l1", alpha=0.1),
        NNORegressor(loss="huber"),
        NNORegressor(loss="absolute_error"),
        NNOClassifier(solver="nearest_neighbor"),
        NNOClassifier(penalty="l1", alpha=0.1),
    ],
    ids=str,
)
def test_a_fit_frees_its_data_when_it_ends(model):
    """What a fit made of X does not wait for the garbage collector, as cycles of it would."""
    y = LABELS if isinstance(model, NNOClassifier) else NUMBERS
    alive = lambda: sum(isinstance(one, Problem | Rows) for one in gc.get_objects())  # noqa: E731
    gc.collect()
    gc.disable()
    try:
        before = alive()
        model.fit(X, y)
        assert alive() == before
    finally:
        gc.enable()
