"""Plug-ins that lie are refused by name, in fits and by check_*; correct ones never are."""

from dataclasses import replace

import numpy as np
import pytest
from _data import EVERY_PENALTY, LOSSES, Box
from _plugins import (
    CORRECT_PENALTIES,
    LABEL_LOSSES,
    MCP,
    NUMBER_LOSSES,
    AsymmetricSquaredError,
    Cauchy,
    Exponential,
    Groups,
    HalfSquares,
    Losing,
    NonNegative,
    PseudoHuber,
    SmoothedGroups,
    SmoothedL1,
    SteepestDescent,
    StrictL1,
    Tempered,
    Tweedie,
    WeightedL1,
    altered,
    twice,
)

from nno_sklearn import (
    CellStream,
    Loss,
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    Penalty,
    Solver,
    Stream,
    check_loss,
    check_penalty,
    check_solver,
    check_stream,
)
from nno_sklearn.contracts import check_loss_on, check_penalty_on
from nno_sklearn.losses import Huber, LogLoss, SquaredError
from nno_sklearn.penalties import L2
from nno_sklearn.solvers import SOLVERS, GradientDescent, Status
from nno_sklearn.streams import STREAMS, AdaptiveGradient

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)) * [1, 2, 0.5, 1] + [0, 1, 0, -1]
Y = X @ [0.6, -0.4, 0.0, 0.3] + 0.5 * RNG.standard_t(2, size=120) + 0.7
LABELS = (Y > 0.5).astype(int)


class TestOwnClasses:
    @pytest.mark.parametrize("name", LOSSES)
    def test_losses(self, name):
        check_loss(LOSSES[name])

    @pytest.mark.parametrize("name", EVERY_PENALTY)
    def test_penalties(self, name):
        check_penalty(EVERY_PENALTY[name])

    @pytest.mark.parametrize("name", SOLVERS)
    def test_solvers(self, name):
        check_solver(SOLVERS[name]())


def numbers():
    """Targets of many scales and places, constant ones and single ones among them."""
    noise = np.random.default_rng(1).standard_t(2, size=(200, 1))
    yield from (s * noise + m for s in (1e-9, 1e-3, 1, 1e6) for m in (0, 1e3))
    yield from (np.full((50, 1), 3.7), np.zeros((5, 1)), np.array([[2.5]]))
    yield np.hstack([noise, 1000 * noise[::-1]])


class TestCorrectOnes:
    """No false alarm: whatever is right is fitted."""

    @pytest.mark.parametrize("loss", NUMBER_LOSSES, ids=repr)
    def test_losses_of_numbers(self, loss):
        check_loss(loss)
        for y in numbers():
            if (
                "Float32SquaredError" not in repr(loss) or np.abs(y).max() < 100
            ):  # it has 7 digits only
                check_loss_on(loss, y)

    @pytest.mark.parametrize("loss", LABEL_LOSSES, ids=repr)
    def test_losses_of_labels(self, loss):
        for y in (LABELS[:, None].astype(float), np.eye(3)[np.digitize(Y, [0, 1])]):
            check_loss_on(loss, y)
            check_loss(loss, y)

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e6])
    def test_log_link(self, scale):
        check_loss_on(Tweedie(), scale * RNG.gamma(0.5, size=(50, 1)))

    def test_coupled_outputs(self):
        check_loss_on(Tempered(), np.eye(3)[np.digitize(Y, [0, 1])])
        check_loss(Tempered())

    @pytest.mark.parametrize("penalty", CORRECT_PENALTIES, ids=repr)
    def test_penalties(self, penalty):
        check_penalty(penalty)
        for shape in ((1, 1), (3, 1), (7, 4), (500, 1), (5000, 2)):
            check_penalty_on(penalty, shape)

    def test_a_weight_for_each_feature(self):
        penalty = WeightedL1(np.linspace(0, 3, 9))
        check_penalty_on(penalty, (9, 2))
        check_penalty(penalty, n_features=9)

    def test_groups_have_no_step_for_each_coefficient(self):
        check_penalty_on(Groups(), (7, 3))
        with pytest.raises(ValueError, match=r"Groups.prox .* with a step for each coefficient"):
            check_penalty(Groups())

    def test_solvers(self):
        check_solver(SteepestDescent())

    @pytest.mark.parametrize("loss", NUMBER_LOSSES, ids=repr)
    def test_fits_are_not_refused(self, loss):
        model = NNORegressor(loss, alpha=0.1, max_iter=3, tol=1.0).fit(X, Y)
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize("penalty", CORRECT_PENALTIES, ids=repr)
    def test_fits_with_penalties_are_not_refused(self, penalty):
        NNORegressor(penalty=penalty, alpha=0.1, max_iter=3, tol=1.0).fit(X, Y)

    def test_classifiers_are_not_refused(self):
        model = NNOClassifier(Exponential(), alpha=0.1, solver=SteepestDescent()).fit(X, LABELS)
        assert model.predict_proba(X).shape == (120, 2)
        groups = NNOClassifier(penalty=SmoothedGroups(), alpha=0.01, solver="gd")
        assert groups.fit(X, np.digitize(Y, [0, 1])).converged_


def loss_lie(base, match, *, methods=None, classify=False, **members):
    for name in methods or []:
        members[name] = twice(name, type(base))
    return pytest.param(altered(base, **members), match, classify, id=match[:60])


def constant(value):
    return lambda self, *arguments: value


def per_entry(value):
    return lambda self, y, eta: np.full_like(eta, value)


FENCHEL = r"Altered.conjugate breaks Fenchel's inequality"
LOSS_LIES = [
    loss_lie(PseudoHuber(), FENCHEL, conjugate=per_entry(-np.inf)),
    loss_lie(PseudoHuber(), FENCHEL, conjugate=per_entry(0.0)),
    loss_lie(PseudoHuber(), FENCHEL, methods=["conjugate"]),
    loss_lie(Huber(), FENCHEL, conjugate=lambda self, y, u: 0.5 * u**2),
    loss_lie(
        PseudoHuber(),
        r"Altered.gradient is not the derivative of value: at y=.*, it gives .*, but differences",
        gradient=lambda self, y, eta: -PseudoHuber.gradient(self, y, eta),
    ),
    loss_lie(SquaredError(), r"Altered.gradient is not the derivative", methods=["gradient"]),
    loss_lie(
        SquaredError(),
        r"Altered.gradient \(inherited from SquaredError\) is not the derivative",
        methods=["value"],
    ),
    loss_lie(
        PseudoHuber(),
        r"Altered.curvature is not the derivative of gradient: at .* it gives -",
        curvature=lambda self, y, eta: -PseudoHuber.curvature(self, y, eta),
    ),
    loss_lie(Huber(0.1), r"Altered.curvature is not the derivative", methods=["curvature"]),
    loss_lie(LogLoss(), r"Altered.derivatives gives another gradient", methods=["derivatives"],
             classify=True),
    loss_lie(LogLoss(), r"Altered.derivatives returned a float", derivatives=constant(1.0),
             classify=True),
    loss_lie(Cauchy(), r"Altered.constant_curvature is True, but", constant_curvature=True),
    loss_lie(PseudoHuber(), r"Altered.largest_curvature is 0.5, but", largest_curvature=0.5),
    loss_lie(
        Cauchy(),
        r"Altered.is_quadratic is True, but value is no multiple",
        is_quadratic=True,
    ),
    loss_lie(PseudoHuber(), r"Altered.value returned NaN in 32 of 32", value=per_entry(np.nan)),
    loss_lie(PseudoHuber(), r"Altered.gradient returned NaN", gradient=per_entry(np.nan)),
    loss_lie(PseudoHuber(), r"Altered.value returned -inf", value=per_entry(-np.inf)),
    loss_lie(
        PseudoHuber(),
        r"Altered.value returned an array of shape \(\), but a float array of shape \(32, 1\)",
        value=lambda self, y, eta: PseudoHuber.value(self, y, eta).mean(),
    ),
    loss_lie(
        PseudoHuber(),
        r"Altered.gradient returned an array of shape \(32,\)",
        gradient=lambda self, y, eta: PseudoHuber.gradient(self, y, eta)[:, 0],
    ),
    loss_lie(PseudoHuber(), r"Altered.curvature returned an array of shape", curvature=constant(1)),
    loss_lie(PseudoHuber(), r"Altered.value returned a NoneType", value=constant(None)),
    loss_lie(PseudoHuber(), r"Altered.gradient returned a str", gradient=constant("steep")),
    loss_lie(PseudoHuber(), r"Altered.gradient returned a list", gradient=constant([[1], [2, 3]])),
    loss_lie(
        PseudoHuber(),
        r"Altered.value returned other values for rows alone",
        value=lambda self, y, eta: PseudoHuber.value(self, y, eta) / len(y),
    ),
    loss_lie(
        PseudoHuber(),
        r"Altered.predict returned an array of shape \(32,\)",
        predict=lambda self, eta: eta[:, 0],
    ),
    loss_lie(PseudoHuber(), r"Altered.link returned a NoneType", link=constant(None)),
    loss_lie(
        PseudoHuber(),
        r"Altered.link returned an array of shape \(2,\), but .* \(1,\) is expected",
        link=constant(np.zeros(2)),
    ),
    loss_lie(
        Exponential(),
        r"Altered.predict returned numbers from -.* probabilistic = True promises probabilities",
        predict=lambda self, eta: eta - 1,
        classify=True,
    ),
]  # fmt: skip


class TestLyingLosses:
    @pytest.mark.parametrize(("loss", "match", "classify"), LOSS_LIES)
    def test_are_refused(self, loss, match, classify):
        model = NNOClassifier(loss, alpha=0.1) if classify else NNORegressor(loss, alpha=0.1)
        target = LABELS if classify else Y
        with pytest.raises(ValueError, match=match) as caught:
            model.fit(X, target)
        assert str(caught.value).count(". ") >= 1  # and what to do instead
        if model.loss.provides >= {"gradient"}:
            with pytest.raises(ValueError, match=match):
                model.partial_fit(X, target, **({"classes": [0, 1]} if classify else {}))
        with pytest.raises(ValueError, match=match):
            check_loss(loss)

    def test_text(self):
        with pytest.raises(ValueError) as caught:
            check_loss(altered(PseudoHuber(), gradient=per_entry(np.nan)))
        assert str(caught.value) == (
            "Altered.gradient returned NaN in 32 of 32 entries, at arguments that are finite. "
            "Avoid inf - inf, 0 * inf and logarithms of negative numbers."
        )

    def test_predictions_of_new_rows(self):
        late = altered(PseudoHuber(), predict=lambda self, eta: eta[:32])
        model = NNORegressor(late).fit(X, Y)
        with pytest.raises(ValueError, match=r"Altered.predict returned an array of shape \(32, 1"):
            model.predict(X)

    def test_extreme_predictions(self):
        def naive(self, eta):
            with np.errstate(all="ignore"):
                return np.exp(eta) / (1 + np.exp(eta))

        loss = altered(LogLoss(), predict=naive)
        NNOClassifier(loss).fit(X, LABELS)
        with pytest.raises(ValueError, match=r"Altered\.predict returned NaN"):
            check_loss(loss)

    def test_arguments_stay(self):
        def in_place(self, y, eta):
            eta -= y
            return 0.5 * eta**2

        rude = altered(SquaredError(), value=in_place, gradient=SquaredError.gradient)
        with pytest.raises(ValueError, match=r"Altered\.value changes its arguments in place"):
            check_loss(rude)

    def test_a_class_is_no_object(self):
        for check, cls in (
            (check_loss, Huber),
            (check_penalty, L2),
            (check_solver, GradientDescent),
        ):
            with pytest.raises(ValueError, match="Pass an object, not a class"):
                check(cls)

    def test_what_is_missing(self):
        with pytest.raises(ValueError, match="Loss has no value. Write that method"):
            check_loss(Loss())
        with pytest.raises(ValueError, match="Penalty has no value"):
            check_penalty(Penalty())

    def test_parameters_that_are_not_kept(self):
        class Rounding(PseudoHuber):
            def __init__(self, delta=1.0):
                self.delta = np.array([delta])

        with pytest.raises(ValueError, match="Rounding cannot be cloned"):
            check_loss(Rounding())

    def test_labels_are_asked_for(self):
        with pytest.raises(ValueError, match=r"loss=SquaredHinge\(\) needs labels 0 and 1"):
            NNORegressor(LOSSES["squared_hinge"]).fit(X, Y)
        with pytest.raises(ValueError, match="y goes from -3 to 1"):
            LOSSES["multinomial"].check_target(np.array([[-3.0, 1.0]]))


def penalty_lie(base, match, **members):
    return pytest.param(altered(base, **members), match, id=match[:60])


PENALTY_LIES = [
    penalty_lie(StrictL1(), FENCHEL, conjugate=constant(0.0)),
    penalty_lie(StrictL1(), FENCHEL, conjugate=constant(-np.inf)),
    penalty_lie(HalfSquares(), FENCHEL, conjugate=constant(0.0)),
    penalty_lie(HalfSquares(), FENCHEL, conjugate=twice("conjugate", HalfSquares)),
    penalty_lie(L2(), FENCHEL, conjugate=constant(0.0)),
    penalty_lie(
        StrictL1(),
        r"Altered.dual_scaling returned 2, but a factor between 0 and 1",
        dual_scaling=constant(2.0),
    ),
    penalty_lie(
        StrictL1(),
        r"Altered.dual_scaling returned 1, but conjugate is inf at z times that",
        dual_scaling=constant(1.0),
    ),
    penalty_lie(
        SmoothedL1(),
        r"Altered.gradient is not the derivative of value: along a step",
        gradient=lambda self, w: -SmoothedL1.gradient(self, w),
    ),
    penalty_lie(HalfSquares(), r"Altered.gradient is not", gradient=twice("gradient", HalfSquares)),
    penalty_lie(
        SmoothedL1(), r"Altered.curvature returned", curvature=twice("curvature", SmoothedL1)
    ),
    penalty_lie(
        SmoothedL1(),
        r"Altered.curvature returned -",
        curvature=lambda self, w: -SmoothedL1.curvature(self, w),
    ),
    penalty_lie(
        StrictL1(), r"Altered.curvature returned 1", curvature=lambda s, w: np.ones_like(w)
    ),
    penalty_lie(
        StrictL1(),
        r"Altered.prox does not minimise .* with step=0.1",
        prox=lambda self, w, step: StrictL1.prox(self, w, 2 * step),
    ),
    penalty_lie(StrictL1(), r"Altered.prox does not minimise", prox=lambda s, w, step: w),
    penalty_lie(Box(), r"Altered.prox does not minimise", prox=lambda s, w, step: 0.9 * w),
    penalty_lie(
        StrictL1(),
        r"Altered.subdiff_distance returned 0 at a coefficient",
        subdiff_distance=lambda self, w, gradient: np.zeros_like(w),
    ),
    penalty_lie(
        HalfSquares(),
        r"Altered.subdiff_distance returned",
        subdiff_distance=lambda self, w, gradient: np.abs(gradient),
    ),
    penalty_lie(
        Box(low=0.5), r"Altered.value \(inherited from Box\) is inf where all coefficients are 0"
    ),
    penalty_lie(StrictL1(), r"Altered.value returned NaN", value=constant(np.nan)),
    penalty_lie(StrictL1(), r"Altered.value returned a NoneType, but one", value=constant(None)),
    penalty_lie(StrictL1(), r"Altered.value returned a ndarray, but one", value=lambda s, w: w),
    penalty_lie(HalfSquares(), r"Altered.gradient returned a NoneType", gradient=constant(None)),
    penalty_lie(
        HalfSquares(),
        r"Altered.gradient returned an array of shape \(4,\), but .* \(4, 1\)",
        gradient=lambda self, w: w[:, 0],
    ),
    penalty_lie(
        StrictL1(), r"Altered.prox returned NaN", prox=lambda self, w, step: np.full_like(w, np.nan)
    ),
    penalty_lie(
        StrictL1(), r"Altered.prox returned an array of shape", prox=lambda s, w, step: w.ravel()
    ),
]


class TestLyingPenalties:
    @pytest.mark.parametrize(("penalty", "match"), PENALTY_LIES)
    def test_are_refused(self, penalty, match):
        for fit in (NNORegressor(penalty=penalty).fit, NNORegressor(penalty=penalty).partial_fit):
            with pytest.raises(ValueError, match=match) as caught:
                fit(X, Y)
            assert str(caught.value).count(". ") >= 1
        with pytest.raises(ValueError, match=match.replace("4", r"\d")):
            check_penalty(penalty)

    def test_in_a_search_too(self):
        lie = altered(StrictL1(), dual_scaling=constant(2.0))
        search = NNOSearchCV(NNORegressor(), {"penalty": [L2(), lie]}, cv=2, error_score="raise")
        with pytest.raises(ValueError, match="Altered.dual_scaling returned 2"):
            search.fit(X, Y)

    def test_without_strength_no_penalty_is_asked(self):
        lie = altered(StrictL1(), dual_scaling=constant(2.0))
        NNORegressor(penalty=lie, alpha=0.0).fit(X, Y)

    def test_prox_may_not_write_into_its_argument(self):
        def in_place(self, w, step):
            w *= 0.5
            return w

        with pytest.raises(ValueError, match="Altered.prox changes its arguments in place"):
            check_penalty(altered(MCP(), prox=in_place))

    def test_domain_of_a_one_sided_conjugate(self):
        check_penalty(NonNegative())
        lie = altered(NonNegative(), dual_scaling=constant(0.5))
        with pytest.raises(ValueError, match="dual_scaling returned 0.5, but conjugate is inf"):
            check_penalty(lie)


def spoilt(**changes):
    return lambda result, problem: replace(
        result, **{name: change(result, problem) for name, change in changes.items()}
    )


def at_the_start(result, problem):
    """Claims that the null model is the optimum."""
    return replace(
        result,
        coef=problem.null.coef,
        intercept=problem.outer_intercept(problem.null),
        objective=problem.null.value,
        point=None,
    )


def halfway(result, problem):
    """Coefficients of which the objective that is claimed is not."""
    return replace(result, coef=0.5 * result.coef, point=None)


SOLVER_LIES = [
    (lambda result, problem: None, r"returned a NoneType, but a SolverResult is expected"),
    (lambda result, problem: result.coef, r"returned a ndarray, but a SolverResult"),
    (spoilt(coef=lambda r, p: np.nan * r.coef), r"returned NaN in 4 of 4 entries"),
    (spoilt(coef=lambda r, p: r.coef / 0.0), r"returned a coef that is infinite"),
    (spoilt(coef=lambda r, p: r.coef[:, 0]), r"returned an array of shape \(4,\), but .* \(4, 1\)"),
    (spoilt(coef=lambda r, p: r.coef[1:]), r"returned an array of shape \(3, 1\)"),
    (spoilt(coef=lambda r, p: None), r"returned a NoneType"),
    (spoilt(intercept=lambda r, p: 0.0), r"returned an array of shape \(\), but .* \(1,\)"),
    (spoilt(intercept=lambda r, p: r.intercept * np.nan), r"returned NaN in 1 of 1"),
    (
        spoilt(intercept=lambda r, p: r.intercept + 1),
        r"returned objective=.*, but that of its coef",
    ),
    (spoilt(status=lambda r, p: "done"), r"returned the status 'done'"),
    (spoilt(n_iter=lambda r, p: 0), r"returned n_iter=0"),
    (spoilt(history=lambda r, p: None), r"returned history=None"),
    (spoilt(objective=lambda r, p: None), r"returned a NoneType"),
    (spoilt(optimality=lambda r, p: np.nan), r"returned NaN"),
    (
        spoilt(optimality=lambda r, p: 0.5, status=lambda r, p: Status.CONVERGED),
        r"returned Status.CONVERGED with optimality=0.5, above tol=",
    ),
    (spoilt(point=lambda r, p: p.null), r"returned a point of another problem, or with other"),
    (
        spoilt(objective=lambda r, p: r.objective / 2),
        r"returned objective=.*, but that of its coef",
    ),
    (halfway, r"returned objective=.*, but that of its coefficients"),
    (at_the_start, r"returned Status.CONVERGED, but the optimality of its coefficients is"),
]


class TestLyingSolvers:
    @pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
    @pytest.mark.parametrize(("spoil", "match"), SOLVER_LIES)
    @pytest.mark.parametrize("loss", ["squared_error", PseudoHuber(0.5), "huber"])
    def test_are_refused(self, loss, spoil, match):
        model = NNORegressor(loss, alpha=0.01, solver=Losing(spoil), max_iter=5000)
        with pytest.raises(ValueError, match=f"Losing.solve {match}") as caught:
            model.fit(X, Y)
        assert str(caught.value).count(". ") >= 1
        assert not hasattr(model, "coef_")

    @pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
    @pytest.mark.parametrize(("spoil", "match"), SOLVER_LIES)
    def test_check_solver_refuses_them(self, spoil, match):
        with pytest.raises(ValueError, match=f"Losing.solve {match}"):
            check_solver(Losing(spoil))

    def test_an_honest_failure_is_a_warning(self):
        solver = Losing(spoilt(status=lambda r, p: Status.MAX_ITER))
        with pytest.warns(Warning, match="did not converge"):
            NNORegressor(solver=solver, alpha=0.1).fit(X, Y)

    def test_a_bound_of_an_earlier_point_is_believed(self):
        """The certificate of the last point alone may be above tol; going on finds nothing."""
        model = NNORegressor(solver=SteepestDescent(0.7), alpha=0.01, tol=1e-9, max_iter=5000)
        assert model.fit(X, Y).converged_

    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({"max_iter": 50}, "took .* iterations with max_iter=2"),
            ({"tol": 1e-9}, "ended with Status"),
            ({"callback": None}, "called the callback 0 times"),
        ],
    )
    def test_options_are_obeyed(self, changes, match):
        class Deaf(GradientDescent):
            def solve(self, problem, start, **options):
                return super().solve(problem, start, **{**options, **changes})

        with pytest.raises(ValueError, match=f"Deaf.solve {match}"):
            check_solver(Deaf())

    def test_start_is_used(self):
        class Forgetful(GradientDescent):
            def solve(self, problem, start, **options):
                return super().solve(problem, problem.null, **options)

        with pytest.raises(ValueError, match="above that of its start"):
            check_solver(Forgetful())

    def test_start_is_not_changed(self):
        class Rude(GradientDescent):
            def solve(self, problem, start, **options):
                result = super().solve(problem, start, **options)
                start.coef[:] = result.coef
                return result

        with pytest.raises(ValueError, match="changed the start, or the targets, in place"):
            check_solver(Rude())

    def test_same_numbers_for_the_same_random_state(self):
        rng = np.random.default_rng(0)

        class Random(SteepestDescent):
            def solve(self, problem, start, **options):
                shorten = self.shorten - 0.1 * rng.random()
                return SteepestDescent(shorten).solve(problem, start, **options)

        with pytest.raises(ValueError, match="other coefficients for the same random_state"):
            check_solver(Random())

    def test_own_parameters_stay(self):
        class Learning(SteepestDescent):
            def solve(self, problem, start, **options):
                self.shorten *= 0.99
                return super().solve(problem, start, **options)

        with pytest.raises(ValueError, match="changed the solver's own parameters"):
            check_solver(Learning())

    def test_nothing_to_run_on(self):
        class Demanding(Solver):
            requires = frozenset({"loss.third_derivative"})

        with pytest.raises(ValueError, match="no loss and penalty of this package has that"):
            check_solver(Demanding())


class TestStreams:
    @pytest.mark.parametrize("kind", STREAMS.values())
    def test_own_ones_are_right(self, kind):
        check_stream(kind())

    @pytest.mark.parametrize(
        ("spoil", "match"),
        [
            (lambda old, new: replace(new, coef=new.coef[:1]), "returned an array of shape"),
            (lambda old, new: object(), "returned a object without coef"),
            (lambda old, new: (old and old.coef.fill(1.0), new)[1], "changed the state that it"),
        ],
    )
    def test_broken_promises(self, spoil, match):
        class Broken(AdaptiveGradient):
            def learn(self, state, batch, objective, **options):
                found = super().learn(state, batch, objective, **options)
                return spoil(state, found)

        with pytest.raises(ValueError, match=f"Broken.learn.*{match}"):
            check_stream(Broken())

    def test_own_parameters_stay(self):
        class Learning(CellStream):
            def learn(self, state, batch, objective, **options):
                self.forgetting = 10.0
                return super().learn(state, batch, objective, **options)

        with pytest.raises(ValueError, match="changed the stream's own parameters"):
            check_stream(Learning())

    def test_nothing_to_run_on(self):
        class Demanding(Stream):
            requires = frozenset({"loss.third_derivative"})

        with pytest.raises(ValueError, match="no loss and penalty of this package has that"):
            check_stream(Demanding())


def test_expectiles_made_of_squares_are_right():
    """The case that was certified and wrong: second moments do not sum up this loss."""
    model = NNORegressor(AsymmetricSquaredError(), alpha=1e-3, tol=1e-8).fit(X, Y)
    residual = Y - model.predict(X)
    factor = np.where(residual > 0, 0.8, 0.2)
    assert model.converged_
    assert abs((factor * residual).mean()) < 1e-8
    value = (factor * residual**2).mean() + 0.5e-3 * (model.coef_**2).sum()
    assert model.objective_ == pytest.approx(value, rel=1e-12)
