"""How many rows tell of all, and how many are searched. ``--suite landmarks`` shows what these
numbers are worth."""

from nno_sklearn.problem.cost.descents import takes_single
from nno_sklearn.problem.cost.preconditioners import (
    ROWS_BUDGET,
    preconditioner_budget,
    preconditioner_cost,
)
from nno_sklearn.problem.cost.rates import COMPARISON, LEAST_PASS, ROW_WORK
from nno_sklearn.problem.cost.sizes import (
    MOST_ROW_ENTRIES,
    fits_matrix,
    gathered_rows,
    is_wide_sparse,
)

#: What a neighbour search may cost: a tenth of a fit.
SEARCH_BUDGET = 1.0
#: Landmarks per feature: at least, and at most where the Hessian of more is cheap too.
LEAST_PER_FEATURE, MOST_PER_FEATURE = 10, 40
#: Fewest landmarks.
FEWEST_LANDMARKS = 2000
#: Landmarks at most where the preconditioner is solved in their space (more features than fit a
#: matrix).
MOST_WIDE_LANDMARKS = 1500
#: Rows of a wide sparse X that are heavy enough to count one by one.
HEAVY_ROWS = 375
#: Rows per landmark that make a small problem small; and that make a copy of landmarks with more
#: features than fit a matrix a small part of a fit, where no preconditioner shares it.
ROWS_PER_LANDMARK, ROWS_PER_COPY = 4, 40
#: Rows per feature from which some of them tell the curvature of all.
TALL = 50


def paid_landmarks(problem):
    """Landmarks of a first preconditioner: as many as a few passes pay for, within limits."""
    n, p = problem.n_samples, problem.n_features
    if not fits_matrix(problem.n_features):
        is_heavy = is_wide_sparse(problem) and n > MOST_WIDE_LANDMARKS
        return min(most_landmarks(problem), HEAVY_ROWS) if is_heavy else most_landmarks(problem)
    if takes_single(problem):
        return n  # the copy is there, and its moments take no longer than a draw
    if n <= FEWEST_LANDMARKS:
        return n
    every, factor = (preconditioner_cost(problem, rows) for rows in (n, 0))
    if every <= preconditioner_budget(problem, n):
        return n
    paid = int(max(0.0, ROWS_BUDGET - factor) / (every - factor) * n)
    count = min(max(paid, LEAST_PER_FEATURE * p), MOST_PER_FEATURE * p)
    return min(n, max(FEWEST_LANDMARKS, count))


def most_landmarks(problem):
    """Landmarks that a preconditioner may grow to."""
    n = problem.n_samples
    if fits_matrix(problem.n_features):
        return n
    return max(1, int(min(n, MOST_WIDE_LANDMARKS, gathered_rows(problem))))


def takes_models(problem):
    """Whether each look at all rows is a trip, which a model on landmark rows saves."""
    is_elsewhere = problem.rows.n_elsewhere > 0 and problem.correction.is_zero
    has_room = model_rows(problem) * problem.n_features <= MOST_ROW_ENTRIES
    return is_elsewhere and has_room and problem.penalty.is_convex


def model_rows(problem):
    """Landmark rows of a model: all, where they are few."""
    most = max(FEWEST_LANDMARKS, MOST_PER_FEATURE * problem.n_features)
    return min(problem.n_samples, most)


def growth_pays_trips(problem, n_rows):
    """Whether twice as many landmarks of a model are few beside all rows, and fit the memory."""
    has_room = 2 * n_rows * problem.n_features <= MOST_ROW_ENTRIES
    return has_room and 2 * n_rows * ROWS_PER_LANDMARK <= problem.n_samples


def most_cells(problem):
    """Landmarks that gather rows around them, at most."""
    n, p = problem.given.n_samples, problem.n_features
    most = n // ROWS_PER_LANDMARK
    if not (problem.is_smooth or fits_matrix(p)):
        most = min(most, max(n // ROWS_PER_COPY, int(LEAST_PASS / p)))
    return max(1, most)


def searched_rows(rows, n_landmarks, metric):
    """Rows whose nearest of ``n_landmarks`` are searched for: as many as the budget pays, one at
    least, but no more than landmarks, which stand for themselves without an error."""
    kind = "callable" if callable(metric) else metric if metric in COMPARISON else "other"
    each, feature = COMPARISON[kind]
    if rows.is_sparse:  # their distances are sums over what is stored
        feature *= rows.n_stored / (rows.shape[0] * rows.shape[1])
    one_row = n_landmarks * (each + feature * rows.shape[1])
    one_pass = max(LEAST_PASS, rows.n_stored + ROW_WORK * rows.shape[0])
    return min(n_landmarks, max(1, int(SEARCH_BUDGET * one_pass / one_row)))


def is_wide_parabola(problem):
    """Whether the objective is a parabola, with a minimum that a dual point proves, whose Hessian
    has no factor by columns or by rows: a second-order model is the objective itself."""
    is_here = not problem.rows.n_elsewhere and problem.correction.is_zero
    is_parabola = problem.is_smooth and problem.is_piecewise_quadratic
    if not (is_here and is_parabola and problem.has_dual):
        return False
    return not fits_matrix(problem.n_features) and paid_landmarks(problem) < problem.n_samples
