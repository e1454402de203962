"""A start for a weak penalty with kinks: about the optima of ever weaker ones."""

from itertools import takewhile

import numpy as np

from nno_sklearn.problem.cost import takes_kinked_newton
from nno_sklearn.solvers.coefficient_choice import SMALLEST_SET
from nno_sklearn.solvers.run import Run
from nno_sklearn.solvers.working_set import solve_by_working_sets

#: Each strength as a share of the one before, and the least and the largest number of them: so weak
#: a penalty that these do not suffice has larger steps.
NEXT, LEAST, MOST = 0.2, 2, 6
#: Relative gap of each optimum.
ROUGH = 0.1
#: A strength that holds whatever a penalty can, in slopes of the loss, and the most tried.
STRONGEST, TRIED = 1e6, 20
#: What :attr:`Record.start` calls it.
STRONGER = "stronger penalties"


def stronger_penalties(problem):
    """Strengths from about where coefficients enter down to the problem's own, without that.

    Empty where a fit from the constant model takes no longer: the penalty is strong, one working
    set holds all features, a model is the whole objective on many rows, or a fit takes few
    Newton steps in all coefficients.

    Returns
    -------
    ndarray, strongest first
    """
    is_exact = problem.loss.constant_curvature and problem.n_samples > problem.n_features
    is_small = problem.n_features <= SMALLEST_SET or takes_kinked_newton(problem)
    if is_exact or is_small or problem.is_smooth:
        return np.empty(0)
    gradient, coef = problem.null.data_gradient, np.zeros(problem.shape)
    size = np.abs(gradient).max(initial=0.0)
    if not 0 < size < np.inf:
        return np.empty(0)
    held = problem.penalty.subdiff_distance(coef, gradient / (STRONGEST * size)) == 0

    def lets_in(alpha):
        return (problem.penalty.subdiff_distance(coef, gradient / alpha)[held] > 0).any()

    strengths = problem.alpha / NEXT ** np.arange(LEAST, TRIED + 1)
    strengths = list(takewhile(lets_in, strengths))
    if not strengths:
        return np.empty(0)
    steps = min(LEAST + len(strengths) - 1, MOST)
    return np.geomspace(strengths[-1], problem.alpha, steps + 1)[:-1]


def begin_at_stronger_penalties(run, start, strengths, rows=None):
    """The lower of a start and of where stronger penalties lead (a continuation; Hale, Yin and
    Zhang, 2008): each has few coefficients more than the one before, where a weak one begins with
    far too many.

    Parameters
    ----------
    run : Run
    start : Point
    strengths : ndarray
        See :func:`stronger_penalties`.
    rows : Problem, default=None
        As of :func:`solve_by_working_sets`.

    Returns
    -------
    Point
    """
    if not len(strengths):
        return start
    problem = start.problem
    point = problem.null
    for alpha in strengths:
        stronger = problem.with_bound(problem.penalty, alpha)
        rough = Run(stronger, max_iter=run.max_iter, tol=ROUGH)
        point = solve_by_working_sets(rough, point.of(stronger), rows)
    return run.choose_start(STRONGER, point.of(problem), start)
