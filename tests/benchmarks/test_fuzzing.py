"""Every claim of a fit against extended precision, on random problems that are hard in many ways.

A bounded share of what ``python -m benchmarks --suite robustness`` draws.
"""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from benchmarks.fuzzing import checks, problems, shapes
from benchmarks.fuzzing.oracle import LD, Objective
from nno_sklearn.losses import ScaledHuber

pytestmark = pytest.mark.skipif(
    np.finfo(LD).eps > 1e-18, reason="numpy.longdouble is no more precise than double here"
)


@pytest.mark.parametrize(
    "seed",
    [*range(15), *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(15, 75))],
)
def test_every_claim_of_a_fit_is_true(seed):
    problem = problems.draw(seed)
    _, faults = checks.examine(problem, checks.as_drawn(problem))
    again = f"python -m benchmarks --suite robustness --only {seed}"
    assert not faults, "\n".join([str(problem), *map(str, faults), again])


@pytest.mark.parametrize(
    "seed",
    [
        3225,  # collinear to 9e-9 in float32, no penalty: the Newton step's dual point
        40032,  # collinear to 9e-7 at 1e9 spreads from 0: the constant model was called optimal
        40078,  # targets 1e6 spreads from 0: the dual value summed what should cancel
        40310,  # uneven weights: the shortest coefficients overflowed in one row
        40387,  # residuals so small that any dual point seemed perpendicular
        42261,  # more columns than rows and a vanishing ridge: a factor broke down
        13799,  # columns far from 0, no intercept: the value by second moments lost 9 digits
        7105,  # the objective was that of raw predictions that are sums of steps
        2797,  # classes separable but for some rows: the gap was to a point on the way to infinity
        3166,  # the same with a softmax
        3174,  # rows saturate: Newton's step, and with it the gap, told nothing of the distance
        811242,  # tiny losses: a dual point was feasible only within what the conjugate forgives
        810105,  # offsets of 1e8 spreads: the stored intercept was rounded by 40
        852705,  # a column of no precision hid all others: the constant model was called optimal
        600144,  # a softmax without curvature but for a damping that was rounded away: singular
        864123,  # separable by rounding: steps of a row by 3 lead farther than a few of them
        870266,  # a dual point 1e-14 beyond the conjugate's domain, predictions of 1e2
        7038798,  # the same: a bound above the optimum by 5e-13
        950031,  # a step that promises nothing where the objective is negative
    ],
)
def test_claims_that_were_false_once(seed):
    problem = problems.draw(seed)
    _, faults = checks.examine(problem, [*checks.as_drawn(problem), *checks.precise(problem)])
    assert not faults, "\n".join([str(problem), *map(str, faults)])


def test_a_fit_that_is_cut_claims_nothing():
    """Epsilon-insensitive, no penalty, weights of 16 decades: the last look of a smooth problem
    that had no time to end was taken for a proof, and the constant model called optimal."""
    cut = problems.draw(6100361).replaced(warm=None, max_iter=20)
    fits, faults = checks.examine(cut, [checks.Run("cut", cut)])
    assert not faults, "\n".join(map(str, faults))
    assert fits[0].objective < 1e-6 * float(cut.objective().null)  # the optimum is 0


def test_a_bound_of_a_fit_that_is_cut_far_away():
    """Poisson, columns 1e5 spreads from 0, no penalty: coefficients after three iterations told
    nothing of how large those of the optimum are, but the Newton step did."""
    cut = problems.draw(868363).replaced(solver="gd", max_iter=3)
    _, faults = checks.examine(
        cut, [checks.Run("cut", cut), *checks.as_drawn(problems.draw(868363))]
    )
    assert not faults, "\n".join(map(str, faults))


def test_a_fit_that_takes_too_long_is_made_again_with_few_iterations():
    """Hinge, SLOPE, an alpha of 2e-10: 7,000 passes in half a minute, towards 1e-9."""
    slow = problems.draw(1900086).replaced(seconds=0.05)
    fits, faults = checks.examine(slow, [checks.Run("as drawn", slow)])
    assert not faults, "\n".join(map(str, faults))
    assert fits[0].n_passes < 1000 and fits[0].run.name == "as drawn"


@pytest.mark.parametrize(
    "seed",
    [
        1000201,  # inverse gaussian, negative curvature in all rows: the start was called optimal
        1000773,  # hinge: the objective was that of raw predictions that are sums of steps
        1001098,  # Tweedie, fitted perfectly in float32: an objective of 1e304 was called optimal
        1002008,  # quantile, targets 1e4 spreads from 0: a bound was above the objective
        1002642,  # epsilon-insensitive without a penalty: rounding to float32 was not judged
        6000134,  # log-loss, MCP, float32: where all rows are wrong for sure, nothing had a slope
        7020304,  # concomitant, one residual 1e9 times the others: another scale was the best
        7021613,  # softmax, one class apart, two that overlap: an optimum was claimed
        7023705,  # absolute errors, fitted by 0: a bound above the objective made the gap negative
        7040423,  # a Newton step of less than a coefficient's rounding hid the slope's sign
        1002928,  # columns that are not penalised are collinear: the rounded step was no step
    ],
)
def test_claims_of_shaped_problems_that_were_false_once(seed):
    problem = problems.draw(seed)
    run = checks.Run("as drawn", problem.replaced(warm=None))
    _, faults = checks.examine(problem, [run])
    assert not faults, "\n".join([str(problem), *map(str, faults)])


def test_an_estimated_scale_is_the_best_one_where_no_dual_is_known():
    """The objective was three times too large, at the first scale, and called optimal."""
    problem = problems.draw(1001378)
    fits, faults = checks.examine(problem, [checks.Run("as drawn", problem)])
    assert not faults, "\n".join(map(str, faults))
    assert problem.loss == "concomitant_huber" and np.isinf(fits[0].dual_gap)


def test_rounded_coefficients_keep_the_bound_of_those_before():
    """A weak l1 penalty, where slopes at float32 coefficients are far from any dual point."""
    problem = problems.draw(108).replaced(penalty="l1", solver="auto")
    fits, faults = checks.examine(problem, [checks.Run("as drawn", problem)])
    assert not faults, "\n".join(map(str, faults))
    assert problem.dtype is np.float32 and fits[0].converged


OTHERS = {loss for related in problems.RELATED.values() for loss in related}
OTHERS -= {*problems.REGRESSION, *problems.CLASSIFICATION, "concomitant_huber"}


@pytest.mark.parametrize("loss", sorted(OTHERS))
def test_derivatives_of_shaped_problems_are_differences(loss):
    rng = np.random.default_rng(0)
    y = (rng.random((20, 2)) < 0.5) if loss == "hinge" else rng.exponential(size=(20, 2)) + 0.1
    oracle = Objective(loss, np.zeros((20, 1)), y, np.ones(20), 0.0, 0.0, True)
    eta, h = 2 * rng.standard_normal((20, 2)).astype(LD), LD(1e-6)
    at = oracle.derivatives(oracle.y, eta)
    up, down = (oracle.derivatives(oracle.y, eta + sign * h) for sign in (1, -1))
    rise = (up.value - down.value) / (2 * h)
    np.testing.assert_allclose(rise, at.slope.sum(axis=1), rtol=1e-8, atol=1e-8)
    bend = (up.slope - down.slope) / (2 * h)
    np.testing.assert_allclose(bend, np.einsum("ikk->ik", at.curvature), rtol=1e-8, atol=1e-8)


def test_the_oracles_scale_is_the_best_one():
    rng = np.random.default_rng(0)
    y, eta = rng.standard_normal((30, 1)), np.zeros((30, 1))
    oracle = Objective("concomitant_huber", np.zeros((30, 1)), y, np.ones(30), 0.0, 0.0, True)
    least = oracle.weight @ oracle.derivatives(oracle.y, eta.astype(LD)).value
    values = [ScaledHuber(scale).value(y, eta).mean() for scale in np.geomspace(0.1, 10, 2001)]
    assert min(values) - 1e-15 <= least + 1e-5 and least <= min(values) + 1e-15


@pytest.mark.parametrize("name", shapes.MAKERS)
def test_values_of_shapes_are_those_of_the_penalties(name):
    rng = np.random.default_rng(0)
    for _ in range(5):
        shape = shapes.MAKERS[name](6, rng)
        w = np.abs(rng.standard_normal((6, 2))) * 0.4
        bound = shape.penalty.bind(6, 2, None).at_strength(0.3)
        assert float(shape.value(w.astype(LD), LD(0.3))) == pytest.approx(0.3 * bound.value(w))
        if shape.free is not None:
            along = w + shape.free[:, :1]
            assert shape.value(along.astype(LD), LD(0.3)) == pytest.approx(
                float(shape.value(w.astype(LD), LD(0.3)))
            )


@pytest.mark.parametrize("loss", problems.REGRESSION + problems.CLASSIFICATION)
class TestOracle:
    """The oracle must be right, and the checks must find every false claim."""

    def problem(self, loss):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((30, 3)) * [1.0, 10.0, 0.1] + 5
        score = X[:, 0] - 5 + rng.standard_normal(30)
        y = np.exp(0.5 * score) if loss in problems.REGRESSION else (score > 0).astype(int)
        return problems.draw(0).replaced(
            loss=loss, penalty="l2", alpha=0.1, solver="auto", tol=1e-10, fit_intercept=True,
            layout="C", dtype=np.float64, warm=None, traits=(), X=X, y=y, weight=rng.random(30),
        )  # fmt: skip

    def test_slopes_and_curvatures_are_differences_of_the_value(self, loss):
        rng, n_outputs = np.random.default_rng(0), 3 if loss in problems.CLASSIFICATION else 2
        y = np.abs(rng.standard_normal((20, n_outputs))) + 0.1
        if loss in problems.CLASSIFICATION:
            y = np.eye(n_outputs)[rng.integers(n_outputs, size=20)]
        oracle = Objective(loss, np.zeros((20, 1)), y, np.ones(20), 0.0, 0.0, True)
        eta, h = 2 * rng.standard_normal((20, n_outputs)).astype(LD), LD(1e-6)
        at = oracle.derivatives(oracle.y, eta)
        for k, step in enumerate(h * np.eye(n_outputs)):
            up, down = (oracle.derivatives(oracle.y, eta + sign * step) for sign in (1, -1))
            for below, above, derivative in (
                (down.value, up.value, at.slope[:, k]),
                (down.slope, up.slope, at.curvature[:, :, k]),
            ):
                difference = (above - below) / (2 * h)
                np.testing.assert_allclose(difference, derivative, rtol=1e-8, atol=1e-8)

    @pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
    def test_polish_finds_the_optimum(self, loss, penalty):
        problem = self.problem(loss).replaced(penalty=penalty, alpha=0.05)
        oracle = problem.objective()
        coef, intercept = oracle.polish(np.zeros((3, 1)), np.zeros(1))

        def around(step):  # in units of the columns, about the polished point
            scale = problem.X.std(axis=0)
            w = coef[:, 0] + step[:3] / scale
            b = intercept + step[3:] - problem.X.mean(axis=0) @ (step[:3] / scale)
            return float(oracle.value(w[:, None], b) - oracle.value(coef, intercept))

        for size in (1e-1, 1e-3, 1e-5):
            for step in size * np.random.default_rng(0).standard_normal((40, 4)):
                assert around(step) > -1e-19

    def test_lies_are_found(self, loss):
        problem = self.problem(loss)
        (run, *_) = checks.as_drawn(problem)
        honest = checks.fit(run)
        assert not checks.judge(problem, [honest])

        def kinds(**changes):
            return {one.kind for one in checks.judge(problem, [replace(honest, **changes)])}

        null = float(problem.objective().null)
        assert kinds(objective=honest.objective + 1e-12 * null) == {"objective_is_not_that_of_coef"}
        moved = honest.coef * 1.01
        claimed = float(problem.objective().value(moved, honest.intercept))
        lies = {"dual_gap_is_no_bound", "converged_far_from_the_optimum"}
        assert kinds(coef=moved, objective=claimed) == lies
        assert kinds(converged=False) == {"ended_early_without_a_warning"}
        text = f"{ConvergenceWarning.__name__}: did not converge"
        assert kinds(warned=(text,)) == {"warns_but_converged"}
        assert kinds(warned=("RuntimeWarning: overflow",)) == {"warns_of_something_else"}
        assert kinds(coef=moved * np.nan) == {"objective_is_not_finite"}
