"""Solvers that lie are refused by name, in fits and by check_solver."""

from dataclasses import replace

import numpy as np
import pytest

from nno_sklearn import (
    NNORegressor,
    Solver,
    check_solver,
)
from nno_sklearn.solvers import GradientDescent, Status
from tests.problems import X, Y
from tests.user_objects import (
    Losing,
    PseudoHuber,
    SteepestDescent,
)


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
    @pytest.mark.each_value
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
