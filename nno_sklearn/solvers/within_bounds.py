"""A start for coefficients with bounds: the optimum without them."""

import numpy as np

from nno_sklearn.problem.cost import takes_kinked_newton
from nno_sklearn.solvers.feature_choice import may_be_any_number

#: Share of the coefficients that may be any number near 0, for the start to be worth it.
MOST = 0.5
#: What :attr:`Record.start` calls it.
WITHOUT_BOUNDS = "optimum without bounds"


def begin_within_bounds(run, solver, start, **options):
    """The better of a start and the optimum without bounds, moved to within them.

    Without bounds a ridge is smooth, and Newton's method soon at its end. Where few bounds matter,
    as where they only keep coefficients plausible, little is left to do.

    Parameters
    ----------
    run : Run
    solver : Solver
        Of the smooth problem.
    start : Point
        The constant model's.
    **options
        Of ``solver.solve``.

    Returns
    -------
    Point
    """
    problem, penalty = start.problem, start.problem.penalty.without_bounds()
    if penalty is None or takes_kinked_newton(problem):
        return start
    if np.count_nonzero(may_be_any_number(start)) < MOST * start.coef.size:
        return start
    smooth = problem.with_penalty(penalty, problem.alpha)
    found = solver.solve(smooth, smooth.null, callback=None, **options).point
    coef = problem.penalty.prox(found.coef, 0.0)
    return run.choose_start(WITHOUT_BOUNDS, problem.at(coef, found.intercept), start)
