"""Small problems: Newton's steps in coefficients and intercept together, and where they end."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import Curvature, MultinomialLogLoss, Poisson
from nno_sklearn.problem.correction import Tilt
from nno_sklearn.rows import LocalRows, Rows
from nno_sklearn.solvers import joint_newton
from nno_sklearn.solvers import returned as returned_fit
from tests.problems import make_coef, make_problem

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 6)) * np.logspace(-2, 2, 6) + 3.0
ETA = (X - 3.0) / np.logspace(-2, 2, 6) @ RNG.normal(size=(6, 3)) / 2
WEIGHT = RNG.uniform(0.5, 2.0, 120)
COUNTS = RNG.poisson(np.exp(ETA)).astype(float)
CLASSES = (ETA + RNG.gumbel(size=ETA.shape)).argmax(axis=1)
MODELS = {
    "two classes": (NNOClassifier(), CLASSES > 0),
    "three classes": (NNOClassifier(), CLASSES),
    "squared hinge": (NNOClassifier("squared_hinge", alpha=1e-2), CLASSES),
    "modified huber": (NNOClassifier("modified_huber", alpha=1e-2), CLASSES > 1),
    "squared error": (NNORegressor(), ETA),
    "poisson": (NNORegressor("poisson"), COUNTS),
    "gamma": (NNORegressor("gamma"), COUNTS[:, 0] + 0.1),
    "huber": (NNORegressor("huber"), COUNTS),
    "without a penalty": (NNORegressor("poisson", penalty=None), COUNTS[:, 0]),
}


@pytest.fixture
def steps(returned, monkeypatch):
    """Every place that Newton's steps reach."""
    places = returned(joint_newton, "place_at")
    monkeypatch.setattr(returned_fit, "place_at", joint_newton.place_at)
    return places


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_same_optimum_as_by_descent(name, fit_intercept, steps):
    model, y = MODELS[name]
    model.set_params(fit_intercept=fit_intercept, tol=1e-10).fit(X, y, sample_weight=WEIGHT)
    assert model.converged_ and steps
    del steps[:]
    descended = model.__class__(**{**model.get_params(), "solver": "gd", "max_iter": 20_000})
    descended.fit(X, y, sample_weight=WEIGHT)
    assert model.objective_ == pytest.approx(descended.objective_, rel=1e-9)
    objectives = [record.objective for record in model.history_]
    assert (np.diff(objectives) <= 1e-12 * objectives[0]).all()


@pytest.mark.parametrize("n_classes", [48, 49, 64])
def test_many_classes_of_sparse_columns(n_classes, steps):
    """The intercept's curvature is a matrix up to 48 classes, and products beyond."""
    rng = np.random.default_rng(2)
    words = np.where(rng.random((300, 2)) < 0.4, rng.normal(size=(300, 2)), 0.0)
    y = np.append(np.arange(n_classes), rng.integers(n_classes, size=300 - n_classes))
    dense = NNOClassifier(alpha=1e-2, tol=1e-8).fit(words, y)
    del steps[:]
    model = NNOClassifier(alpha=1e-2, tol=1e-8).fit(sparse.csr_array(words), y)
    assert steps and model.converged_
    np.testing.assert_allclose(model.coef_, dense.coef_, atol=1e-5)


def test_the_last_step_is_quadratic(steps):
    """Its promise and the one before say what the next would promise: nobody looks again."""
    model = NNOClassifier(tol=1e-4).fit(X, CLASSES)
    assert len(steps) <= 9
    assert steps[-1].decrease > joint_newton.PRECISE * steps[-1].value
    del steps[:]
    NNOClassifier(tol=1e-4).fit(X, CLASSES, coef_init=model.coef_, intercept_init=model.intercept_)
    assert steps[0].decrease <= joint_newton.PRECISE * steps[0].value


@pytest.mark.parametrize("alpha", [1e-4, 1e-6])
def test_steps_are_longer_where_curvature_falls_ahead(alpha, steps, monkeypatch):
    """As where classes are separated but for a penalty."""
    separated = ETA[:, 0] > 0
    longer = NNOClassifier(alpha=alpha).fit(X, separated)
    n_looks = len(steps)
    monkeypatch.setattr(joint_newton, "FLATTENS", np.inf)
    newton = NNOClassifier(alpha=alpha).fit(X, separated)
    assert n_looks < len(steps) - n_looks
    np.testing.assert_allclose(longer.coef_, newton.coef_, rtol=1e-7)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", ["log_loss", "poisson", "multinomial"])
def test_a_look_tells_the_gradient_of_its_point(name, fit_intercept):
    problem = make_problem(name, fit_intercept=fit_intercept)
    linear, shift = np.full(problem.shape, 0.3), np.zeros(problem.n_outputs)
    null = problem.null
    corrected = problem.corrected(Tilt.at(null.coef, null.intercept, linear, shift))
    for one in (problem, corrected):
        point = one.at(make_coef(one))
        place = joint_newton.place_at(one, point.coef, point.intercept)
        np.testing.assert_allclose(place.gradient, point.data_gradient, rtol=1e-9, atol=1e-12)
        passes = one.n_passes
        twin = one.with_raw(point.coef, point.raw, point.intercept)
        twin.learn_gradient(place.gradient)
        assert twin.data_gradient is place.gradient and one.n_passes == passes


@pytest.mark.parametrize("name", ["log_loss", "poisson", "multinomial"])
def test_a_searched_length_is_about_the_best(name, monkeypatch):
    """Within what a look on the line may leave of the way to it."""
    monkeypatch.setattr(joint_newton, "searches_lengths", lambda problem: True)
    monkeypatch.setattr(joint_newton, "FAR", 0.0)
    problem = make_problem(name)
    place = joint_newton.place_at(problem, 3.0 * make_coef(problem), problem.null.intercept)
    reached, _ = joint_newton.newton_jointly(problem, place, 1e-20, lambda place: False)
    moved, direction = reached.coef - place.coef, place.step[:-1]
    found = np.vdot(moved, direction) / np.vdot(direction, direction)
    np.testing.assert_allclose(moved, found * direction, atol=1e-12)
    lengths = np.linspace(0.02, 5, 250)
    values = [joint_newton.place_at(problem, *place.after(t)).value for t in lengths]
    best = lengths[np.argmin(values)]
    assert abs(found - best) <= joint_newton.SETTLED * best


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_searched_lengths_lead_to_the_same_optimum(name, fit_intercept, monkeypatch):
    model, y = MODELS[name]
    model.set_params(fit_intercept=fit_intercept, tol=1e-10).fit(X, y, sample_weight=WEIGHT)
    objective, coef = model.objective_, model.coef_
    monkeypatch.setattr(joint_newton, "searches_lengths", lambda problem: True)
    model.fit(X, y, sample_weight=WEIGHT)
    assert model.converged_ and model.objective_ == pytest.approx(objective, rel=1e-12)
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["log_loss", "poisson"])
def test_searched_lengths_save_steps(kind, steps, monkeypatch):
    """Curvature falls ahead between classes, and grows with counts."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(400, 5))
    eta = rows @ np.full(5, 1.5)
    y = rng.random(400) < 1 / (1 + np.exp(-eta)) if kind == "log_loss" else np.exp(eta).round()
    model = NNOClassifier() if kind == "log_loss" else NNORegressor(kind)
    monkeypatch.setattr(joint_newton, "FLATTENS", np.inf)
    n_looks = []
    for is_searched in (False, True):
        monkeypatch.setattr(joint_newton, "searches_lengths", lambda problem, is_=is_searched: is_)
        del steps[:]
        assert model.fit(rows, y).converged_
        n_looks.append(len(steps))
    assert n_looks[1] < n_looks[0]


def test_where_the_steps_begin_does_not_show():
    """The last one leaves less than what raw predictions are compared with."""
    fits = [
        NNOClassifier(alpha=0.01, tol=1e-13, solver="nearest_neighbor", random_state=seed)
        .fit(X, CLASSES)
        .decision_function(X)
        for seed in range(20)
    ]
    assert np.ptp(fits, axis=0).max() < 1e-9


def test_one_iteration_is_one_step():
    with pytest.warns(ConvergenceWarning, match="1 iterations"):
        model = NNOClassifier(tol=1e-12, max_iter=1).fit(X, CLASSES)
    assert model.coef_.any() and model.n_iter_ == 1


@pytest.mark.parametrize(("n", "p"), [(80, 80), (120, 60)])
def test_classes_that_as_many_columns_in_units_of_their_own_separate(n, p):
    """The Hessian's factor has few digits, and they are enough."""
    rng = np.random.default_rng(0)
    X = rng.lognormal(4, 2, p) * rng.lognormal(0, 0.6, (n, p)) + rng.normal(0, 10, (n, p))
    told = X @ (rng.normal(size=p) / X.std(axis=0) / np.sqrt(p))
    model = NNOClassifier().fit(X, np.digitize(told, np.quantile(told, [0.3, 0.7])))
    assert model.converged_ and model.n_iter_ < 40
    assert model.objective_ < 1e-4


@pytest.mark.parametrize("apart", [1e-5, 1e-7])
def test_too_few_digits_are_left_to_others(apart, steps):
    """Columns that are equal to 1e-7: a factor of their Gram matrix says nothing of both."""
    rng, column = np.random.default_rng(1), X[:, 5] / 100
    difference = column * rng.normal(size=len(X))
    twins = np.column_stack([column, column + apart * difference])
    y = rng.poisson(np.exp(0.5 * difference)).astype(float)
    model = NNORegressor("poisson", penalty=None, tol=1e-4).fit(twins, y)
    assert np.isnan(steps[0].decrease) == (apart == 1e-7)
    alone = NNORegressor("poisson", penalty=None, tol=1e-4).fit(difference[:, None], y)
    assert model.converged_ and model.objective_ <= alone.objective_ * (1 + 1e-6)


class _CurvedAlongShifts(MultinomialLogLoss):
    """A softmax plus squares: outputs are coupled, and a shift of all alike is curved, too."""

    def value(self, y, eta):
        return super().value(y, eta) + 0.5 * eta**2

    def gradient(self, y, eta):
        return super().gradient(y, eta) + eta

    def curvature(self, y, eta):
        probability = super().curvature(y, eta).diagonal
        return Curvature(probability + 1.0, probability)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (Poisson(), COUNTS),
        (MultinomialLogLoss(), np.eye(3)[CLASSES]),
        (_CurvedAlongShifts(), np.eye(3)[CLASSES]),
    ],
)
def test_derivatives_at_once(loss, y, fit_intercept, container):
    """Those of a look at all, those of several looks, and differences of values."""
    weight = WEIGHT / WEIGHT.sum()
    rows = LocalRows(container(X), y, weight, loss, fit_intercept=fit_intercept)
    rng = np.random.default_rng(2)
    coef, b = rng.normal(size=(6, 3)) / np.logspace(-2, 2, 6)[:, None] / 5, rng.normal(size=3)
    data, other = rows.second_order(coef, b), Rows.second_order(rows, coef, b)
    for one, two in zip(data[:3], other[:3], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)
    for one, two in zip(data.blocks, other.blocks, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-10 * np.abs(one).max())
    direction, shift = 1e-6 * coef, 1e-6 * rng.normal(size=3) * fit_intercept
    shift -= shift.mean() * (len(data.blocks) == 1)  # along which a softmax is constant
    ends = [rows.second_order(coef + t * direction, b + t * shift) for t in (0.5, -0.5)]
    change = ends[0].values.sum() - ends[1].values.sum()
    slope = np.vdot(data.gradient, direction) + data.total @ shift
    assert change == pytest.approx(slope, rel=1e-6)
    n = len(data.blocks)
    moved = [
        np.concatenate([part.T.ravel(), *([move] if fit_intercept else [])])
        for part, move in zip(np.split(direction, n, 1), np.split(shift, n), strict=True)
    ]
    second = sum(move @ block @ move for move, block in zip(moved, data.blocks, strict=True))
    risen = np.vdot(ends[0].gradient - ends[1].gradient, direction)
    risen += (ends[0].total - ends[1].total) @ shift
    assert second == pytest.approx(risen, rel=1e-5)


@pytest.mark.parametrize("size_of_x, size_of_y", [(1e-150, 1.0), (1.0, 1e-150)])
def test_steps_whose_gain_underflows_end(size_of_x, size_of_y):
    """Rounding let each pass for as low as the one before, for ever."""
    A = np.random.default_rng(0).normal(size=(50, 2))
    model = NNORegressor(penalty=None).fit(A * size_of_x, A @ [1.0, 2.0] * size_of_y)
    np.testing.assert_allclose(model.coef_ * size_of_x / size_of_y, [1.0, 2.0])
