"""How losses with corners are solved: inside, by multipliers, and from which rows."""

import numpy as np

from nno_sklearn.problem.cost.newton import newton_operations
from nno_sklearn.problem.cost.preconditioners import newton_cost
from nno_sklearn.problem.cost.rates import BLOCKED_SPEEDUP, LEAST_ROW_WORK, SPARSE_ENTRY
from nno_sklearn.problem.cost.sizes import fits_matrix

#: What a Hessian of all rows may cost at each of some twenty steps of an interior point method.
INTERIOR_BUDGET = 25.0
#: The same at each of some twenty steps of an interior point method on all rows; beyond, the method
#: of multipliers takes more steps on few rows, which cost less.
MOST_INTERIOR_OPERATIONS = 4e6
#: Rows on a loss's curved part at the constant model, in coefficients that rows can tell apart,
#: below which Newton's steps know too little of the others.
FEW_CURVED = 0.2
#: Rows far beyond that part, in its lengths, and as a share of all: those that Newton's steps leave
#: where they are, which are fewer the more columns there are beside rows, and at least.
FAR, MANY_FAR, FAR_PER_COLUMN, LEAST_FAR = 100.0, 0.5, 2.0, 0.05
#: Rows near corners, in shares ``sqrt(p / count)`` of all, and what the rows of both problems must
#: save.
NEAR_BAND, WORTH_DRAWING = 3.0, 1.5


def takes_interior(problem):
    """Whether a Hessian of all rows at each of some twenty steps costs less than the passes that
    losses with corners take otherwise."""
    return fits_matrix(problem.n_features) and newton_cost(problem) <= INTERIOR_BUDGET


def is_nearly_sharp(problem):
    """Whether the curved part of a loss between its lines is so narrow, as the targets' unit is
    small, that it is solved as one with a corner: hardly any rows are on it, or those that are, as
    equal targets may be, tell nothing of many others far away. Wider losses are made around a dual
    point, so the penalty must be convex."""
    if not problem.penalty.is_convex:
        return False
    n, p = problem.n_samples, problem.n_features
    few = problem.fit_intercept + FEW_CURVED * min(n, p)  # an intercept itself leads to one
    if _curved_share(problem, problem.null.sums) * n < few:
        return True
    wide = problem.with_loss(problem.loss.sharp.smoothed(FAR - 1.0))
    sums = wide.rows.sums(wide.rows.nothing(), problem.null.intercept)
    most = max(LEAST_FAR, MANY_FAR - FAR_PER_COLUMN * p / n)
    return _curved_share(wide, sums) < 1.0 - most


def _curved_share(problem, sums):
    """Share of the rows on the curved part of the loss, in the output where it is least."""
    return float(sums.curvature.diagonal.min() / problem.loss.largest_curvature)


def begins_inside(problem):
    """Whether losses with corners are solved by an interior point method rather than by that of
    multipliers, where both can: rows are few, and so are columns."""
    is_cheap = newton_operations(problem) <= MOST_INTERIOR_OPERATIONS
    return is_cheap and n_drawn(problem) is None


def curved_by(problem, n_rows, n_products):
    """By what a Newton step of one output costs least, of which ``n_rows`` rows are curved:
    a factor by "columns", one by these "rows", or conjugate gradients by so many "products"."""
    p, stored = problem.n_features, problem.rows.n_stored / problem.n_samples
    speedup = BLOCKED_SPEEDUP * (SPARSE_ENTRY if problem.rows.is_sparse else 1)
    pairs = BLOCKED_SPEEDUP if problem.rows.is_sparse else 2 * BLOCKED_SPEEDUP
    costs = {
        "columns": n_rows * problem.rows.row_product_cost + _factor_work(p) / speedup,
        "rows": n_rows**2 * stored / pairs + _factor_work(n_rows) / speedup,
        "products": n_products * (2 * n_rows * stored + LEAST_ROW_WORK * (n_rows + p)),
    }
    return min(costs, key=costs.get)


def _factor_work(size):
    """Multiplications of a factor; inf where it does not fit."""
    return size**3 / 3 if fits_matrix(size) else np.inf


def n_drawn(problem):
    """Rows of which a method for losses with corners finds a start, where that saves more than it
    costs; else None.

    Raw predictions are off by about ``sqrt(p / count)`` of what rows scatter, and as many rows as
    that share are near corners: the count makes both problems together smallest.
    """
    n, band = problem.n_samples, _near_band(problem)
    count = int((0.5 * band * n) ** (2 / 3))
    return count if WORTH_DRAWING * (count + n_near(problem, count)) <= n else None


def n_near(problem, drawn):
    """Rows that are near corners of any output at the optimum of ``drawn`` rows; all for None."""
    n = problem.n_samples
    return n if drawn is None else int(_near_band(problem) * n / drawn**0.5)


def _near_band(problem):
    return NEAR_BAND * problem.n_outputs * (problem.n_features + 1) ** 0.5
