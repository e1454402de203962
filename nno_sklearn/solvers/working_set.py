"""The loop for nonsmooth penalties: proximal Newton on a growing set of features."""

from functools import partial

import numpy as np

from nno_sklearn.problem import Line, WorkingHessian, least_dual_gap
from nno_sklearn.problem.cost import (
    can_have_rows,
    coupled_outputs,
    fits_candidates,
    fits_lasting_matrix,
    fits_matrix,
    has_cheap_factor,
    has_few_rows,
    takes_all_columns,
    takes_kinked_newton,
    takes_products,
)
from nno_sklearn.solvers.accelerated import accelerated_steps
from nno_sklearn.solvers.coefficient_choice import (
    are_chosen,
    chosen_coefficients,
    holds_all,
    is_model_of_some,
    may_be_any_number,
)
from nno_sklearn.solvers.column_sweeps import ColumnSweeps
from nno_sklearn.solvers.feature_choice import choose_features
from nno_sklearn.solvers.joint_newton import descend_by_newton
from nno_sklearn.solvers.joint_proximal import kinked_place_at
from nno_sklearn.solvers.linesearch import exact_step, rounding_of
from nno_sklearn.solvers.model_steps import step_to_minimum
from nno_sklearn.solvers.models import RowHessian
from nno_sklearn.solvers.product_models import has_product_models, minimise_by_products
from nno_sklearn.solvers.quadratic import minimise_model
from nno_sklearn.solvers.run import STANDSTILL

MAX_NEWTON_STEPS = 10
#: Accelerated steps on a set, and in all columns before a run stalls: few tell whether they gain.
ACCELERATED_STEPS, LAST_STEPS = 100, 20
#: A working set stays while it holds all needed features, and at most so many times as many.
SLACK = 1.5
#: A cached Hessian is renewed where a step leaves more than this share of the gap.
WORTHWHILE = 0.5
#: Accuracy of the inner problem, as a share of the whole problem's gap: coarser where columns are
#: many, as there a model of some of them costs more than a pass over all.
MANY_ROWS_ACCURACY, MANY_COLUMNS_ACCURACY = 0.1, 0.3
#: Smallest target gap of the inner problem, as a share of the gap at which the run converges.
ENOUGH = 0.3
#: Share of the gap that :data:`PATIENCE` iterations must gain together, or steps in all columns are
#: tried before the run stalls, sooner than a run ends that stands still altogether. Far from the
#: optimum a gap may be a million times what is left to gain.
STALLING, PATIENCE = 1e-6, STANDSTILL - 1
#: Share of the gap that one of so many Newton steps in a row must gain, those in all coefficients,
#: or they end.
CREEPING, FEW_STEPS = 1e-3, 2
#: How many times as far as a step a search goes on, and what a step gains at least that leaves half
#: of its slope, in terms of by how much it has turned that.
FARTHER, TURNED = 100.0, 1.5
#: Accuracy of a model's minimum by products, as a share of the gap where it is made: each digit is
#: some products more, and the next model has another curvature.
FORCING = 0.03


def solve_by_working_sets(run, point, rows=None):
    """Solve on working sets of features, chosen by their predicted decrease.

    Parameters
    ----------
    run : Run
    point : Point
    rows : Problem, default=None
        The same objective on fewer rows, to take the curvature from; None for all rows.

    Returns
    -------
    Point
    """
    step_size = np.nan
    if takes_kinked_newton(point.problem):
        point, step_size = descend_by_newton(run, point, kinked_place_at), 1.0
    if run.done(point, step_size):
        return point
    hessian = point.problem.knowledge.working_hessian(rows, lambda: WorkingHessian(rows))
    sets = _WorkingSets(hessian)
    while not run.done(point, step_size):
        better = point if _creeps(run.history) else sets.lowered(run, point)
        if better is point:
            better = _by_all_columns(run, point)
        if better is point:
            run.stall()
            break
        step_size, point = np.abs(better.coef - point.coef).max(), better
    return point


class _WorkingSets:
    """The set of features that serves from one iteration to the next, and its columns."""

    def __init__(self, hessian):
        self._hessian, self._columns, self._set = hessian, None, np.zeros(0, dtype=int)
        self._sweeps = ColumnSweeps(hessian)

    def lowered(self, run, point):
        """A lower point, by the features of a set alone; the point itself where there is none."""
        needed = choose_features(point)
        if not len(needed):
            return point
        gap, wanted = _gaps(run, point)
        better = self._sweeps.lowered(point, needed, MANY_COLUMNS_ACCURACY * gap, wanted)
        if better is not point and not _hardly_gains(better, point):
            return better
        penalty = point.problem.penalty
        norms, face = penalty.group_norms(point.coef), penalty.face(point.coef)
        # With faces or an l1 part, steps are of all coefficients of a model, not of the groups in
        # use.
        is_by_groups = norms is not None and norms.l1 == 0
        has_models = norms is not None or face is not None
        is_thin = has_models and _has_thin_models(point, is_by_groups, len(needed))
        is_of_all = is_thin and is_by_groups
        self._hold(point.problem, np.arange(point.problem.n_features) if is_of_all else needed)
        is_whole = self._columns is point.problem
        inner = point if is_whole else point.on_columns(self._columns, self._set)
        better = self._lowered(inner, _target_gap(point, self._columns, gap, wanted), is_thin)
        if better is inner:
            return point
        return better if is_whole else better.widened(point.problem, self._set)

    def _hold(self, problem, needed):
        """Renew the set where it lacks features, or has too many."""
        if len(self._set) > SLACK * len(needed) or not np.isin(needed, self._set).all():
            self._set, self._columns = needed, problem.columns(needed)

    def _lowered(self, inner, target_gap, is_thin):
        """A lower point of the problem on the set's columns, by models where these fit."""
        better = inner
        if is_thin or _has_wide_models(inner):
            better = _proximal_newton(inner, target_gap, RowHessian(), self._set)
        elif _fits_hessian(inner):
            better = _proximal_newton(inner, target_gap, self._hessian, self._set)
            if is_model_of_some(better) and not has_product_models(better):
                better = accelerated_steps(better, target_gap, ACCELERATED_STEPS)
        elif _has_row_models(inner):
            better = _proximal_newton(inner, target_gap, RowHessian(), self._set)
        elif has_product_models(inner):
            better = _proximal_newton(inner, target_gap, self._hessian, self._set)
        if better is inner or _hardly_gains(better, inner):
            better = accelerated_steps(better, target_gap, ACCELERATED_STEPS)
        return better


def _by_all_columns(run, point):
    """A point by accelerated steps in all coefficients, before a run stalls: what a set or a model
    lacks they may gain. The point itself where they creep too."""
    better = accelerated_steps(point, ENOUGH * run.tol * point.unit, LAST_STEPS)
    gains = point.value - better.value >= CREEPING / PATIENCE * _left(point)
    return better if gains else point


def _gaps(run, point):
    """The gap of a run's last point, and the one that is wanted of it."""
    gap, enough = run.last.dual_gap, run.tol
    if np.isinf(gap):  # what tol bounds is then the square root of a decrease
        gap, enough = point.promised_decrease.sum(), run.tol**2
    return gap, ENOUGH * enough * point.unit


def _target_gap(point, inner, gap, wanted):
    """Gap to which the inner problem, on columns of the point's, is solved, by :func:`_gaps`.

    Where its model is the objective on these columns, and a factor costs less than a pass, that is
    the gap wanted of the whole, on many rows, which tell columns apart, and where nothing tells how
    large the set's own gap is.
    """
    problem = point.problem
    is_tall = problem.n_samples > problem.n_features
    is_cheap = (is_tall or not problem.has_dual) and has_cheap_factor(problem, inner.n_features)
    if problem.loss.constant_curvature and (inner is problem or is_cheap):
        return wanted
    return max((MANY_ROWS_ACCURACY if is_tall else MANY_COLUMNS_ACCURACY) * gap, wanted)


def _creeps(history):
    """Whether the last iterations have gained almost nothing of a finite gap."""
    recent = history[-PATIENCE - 1 :]
    gain = recent[0].objective - recent[-1].objective
    return len(recent) > PATIENCE and gain < STALLING * recent[-1].dual_gap < np.inf


def _hardly_gains(better, point):
    """Whether models have gained almost nothing, and not as rounding hides what they gain, as where
    an output has no curvature of its own; of a finite gap :func:`_creeps` tells."""
    worthwhile = CREEPING * _left(point)
    is_told = not point.problem.has_dual and worthwhile > rounding_of(point.problem)
    return is_told and point.value - better.value < worthwhile


def _takes_products(point, hessian, chosen):
    """Whether a model is solved by products with the Hessian: a matrix over its coefficients, of
    coupled outputs the ``chosen`` ones, costs more or has no room for all in use."""
    problem = point.problem
    if problem.rows.is_separate:
        fits = not hessian.has_matrices or _fits_hessian(point)
        return not fits and has_product_models(point)
    if not has_product_models(point):
        return False
    n_coefs = point.coef.size if chosen is None else len(chosen)
    pays = takes_products(problem, hessian.n_rows(problem), n_coefs)
    return pays or is_model_of_some(point)


def _fits_hessian(point):
    """Whether a matrix over the coefficients that a model is of may be factored; a larger one where
    it lasts, as curvature is constant, and is factored in parts, by the signs of coefficients."""
    problem = point.problem
    n_coupled = problem.n_features * coupled_outputs(problem)
    return (
        fits_matrix(n_coupled)
        or are_chosen(point)
        or (fits_candidates(problem) and _has_row_models(point))
        or (_has_lasting_matrix(point) and fits_lasting_matrix(problem, n_coupled))
    )


def _has_lasting_matrix(point):
    """Whether a matrix is made once, and factored for coefficients of given signs alone."""
    problem = point.problem
    has_kinks = problem.penalty.piecewise_quadratic(point.coef) is not None
    return problem.loss.constant_curvature and has_kinks


def _has_thin_models(point, is_by_groups, n_needed):
    """Whether Newton models of groups or faces can be solved by rows that are fewer than the
    features needed, or than all where steps are of the groups in use, a choice of some would take
    longer, and leave out what violates optimality."""
    problem, n_coefs = point.problem, n_needed
    may_hold_all = takes_all_columns(problem) and is_by_groups
    if may_hold_all and point.promised_decrease.any(axis=1).sum() > n_needed:
        n_coefs = problem.n_features
    if problem.n_samples >= n_coefs or not problem.penalty.is_convex:
        return False
    n_models = 1 if problem.loss.constant_curvature else problem.n_outputs
    has_room = can_have_rows(problem, n_models * problem.n_features)
    return problem.rows.is_separate and has_room and fits_matrix(problem.n_samples)


def _has_wide_models(point):
    """Whether Newton models have more coefficients that are not at a kink than rows, in whose
    space they are then solved: each has curvature of its own."""
    problem, terms = point.problem, point.problem.penalty.piecewise_quadratic(point.coef)
    has_curvature = terms is not None and np.all(np.greater(terms.l2, 0))
    if not (has_curvature and problem.rows.is_separate and _has_row_models(point)):
        return False
    return has_few_rows(problem, may_be_any_number(point).sum(axis=0).max())


def _has_row_models(point):
    """Whether Newton models of many coefficients can be solved in the space of few rows."""
    problem = point.problem
    has_terms = problem.penalty.piecewise_quadratic(point.coef) is not None
    has_room = can_have_rows(problem, problem.n_features)
    return has_terms and has_room and fits_matrix(problem.n_samples)


def _proximal_newton(inner, target_gap, hessian, columns):
    """Lower the objective over the working set's columns, to about ``target_gap``."""
    if _is_model_exact(inner.problem, hessian) and not _takes_products(inner, hessian, None):
        minimum = partial(minimise_model, inner, hessian.blocks(inner, columns))
        found = step_to_minimum(inner, minimum, target_gap)
        return inner if found is None else found
    gap, in_vain, accuracy = _left(inner), 0, target_gap
    for count in range(MAX_NEWTON_STEPS):
        # What single coefficients promise is no gap: together they may gain more, as the run knows.
        is_reached = gap <= target_gap and (count > 0 or inner.problem.has_dual)
        if is_reached or in_vain == FEW_STEPS:
            break
        chosen = chosen_coefficients(inner)
        by_products = _takes_products(inner, hessian, chosen)
        if by_products:
            minimum = partial(minimise_by_products, inner, hessian.product(inner, columns))
            found = step_to_minimum(inner, minimum, max(target_gap, FORCING * gap))
        else:
            minimum = partial(minimise_model, inner, hessian.blocks(inner, columns, chosen))
            found = step_to_minimum(inner, minimum, accuracy)
        if found is None:
            if hessian.expire():
                continue
            break
        is_whole = by_products or holds_all(inner, chosen)
        creeps = is_whole and inner.value - found.value < CREEPING * gap
        in_vain = in_vain + 1 if creeps else 0
        if creeps:  # a gap may be far more than what is left: then minima must be exact
            accuracy, found = 0.0, _farther(inner, found)
        before, gap = gap, _about_left(found)
        if not by_products:
            hessian.learn(inner, found)
        inner = found
        # Products know a model's minimum only about: a gap that falls little blames no rows yet.
        if is_whole and (creeps or not by_products) and not gap <= WORTHWHILE * before:
            hessian.expire()
    return inner


def _farther(before, after):
    """A lower point ahead of a step that has hardly turned the slope: a model that takes flat rows
    for curved ones has minima that are too near. Beyond the first 0 of a coefficient the penalty
    rises more than the rows fall."""
    gain, step = before.value - after.value, after.coef - before.coef
    turned = np.vdot(after.data_gradient - before.data_gradient, step)
    if gain <= TURNED * turned or gain <= rounding_of(after.problem):
        return after
    length = min(FARTHER, _length_to_zero(after.coef, step))
    found = exact_step(Line(after, length * step))
    return after if found is None else found[1]


def _length_to_zero(coef, step):
    """Steps up to where the first coefficient is 0; inf where none gets there."""
    falls = coef * step < 0
    return np.min(np.abs(coef[falls] / step[falls]), initial=np.inf)


def _is_model_exact(problem, hessian):
    """Whether a model is the objective, which its own gap then bounds: one step is enough."""
    if not (problem.loss.constant_curvature and problem.penalty.is_convex):
        return False
    has_norms = problem.penalty.group_norms(np.zeros(problem.shape)) is not None
    return hessian.is_of_all_rows and (has_norms or problem.is_piecewise_quadratic)


def _left(point):
    """The gap, or without a dual the decrease that single coefficients promise."""
    return point.dual_gap if point.problem.has_dual else point.promised_decrease.sum()


def _about_left(point):
    """About the same after a step, where it decides on another one alone."""
    return least_dual_gap(point) if point.problem.has_dual else _left(point)
