"""What work costs, and what each method may spend: every comparison of costs is made here.

Units
-----
entry
    One stored entry of X in a product with X, read at memory's speed: .4 ns of a dense X and 2.4 of
    a sparse one on the AMD EPYC, one thread, where the rates below were measured.
pass
    One product with all of X: as many entries as X stores, and :data:`ROW_WORK` for each row.
row product
    One row's outer product in a Gram matrix. The rows tell what it costs in entries
    (:attr:`Rows.row_product_cost`), as that depends on how they are stored.

``python -m benchmarks --suite costs`` measures every rate on the machine at hand, beside the one
that stands here. Budgets and numbers of rows are choices; the suites named beside them show what
they are worth.
"""

import numpy as np

from nno_sklearn.rows.intercept_curvature import MOST_JOINT_OUTPUTS

# Rates, in entries. Measured by ``--suite costs``.

#: Multiplications of a factor, or of a further output of a product, in the time of an entry.
BLOCKED_SPEEDUP = 8
#: Entries that an iteration is worth however small X is: Python's own steps.
LEAST_PASS = 5e5
#: Entries in the time of a row's losses and their derivatives, along lines too.
ROW_WORK = 75
#: Entries in the time of what secants do with a coefficient in an iteration.
COEFFICIENT_WORK = 60
#: Entries in the time of comparing two rows in a search for neighbours, and of each feature in
#: that: euclidean distances are products of matrices, a user's own are Python.
COMPARISON = {"euclidean": (8.0, 0.12), "other": (45.0, 2.0), "callable": (8000.0, 0.0)}

#: Multiplications in the time of gathering an entry of X for an output, and of all looks at it.
STACK_WORK = 50

#: Entries of X in products with which threads of BLAS gain more than they lose by waiting for each
#: other on a machine that has other work as well.
LEAST_THREADED = 1e7
#: Entries of X, and multiplications of a Hessian, up to which BLAS starts no threads by itself
#: (OpenBLAS 0.3: interface/gemv.c, interface/syrk.c).
NEVER_THREADED, NEVER_THREADED_HESSIAN = 9216, 59296
#: Entries of X in products of a fit that ends before the libraries of BLAS are found.
BRIEF = 2.5e5

#: Iterations that a basis of the rows' space may cost; and the smallest spread of a column, as a
#: share of the largest, whose coefficients keep their digits in sums with those of others.
ROW_SPACE_BUDGET, LEAST_ROTATED = 15.0, 1e-4

# Budgets, in passes over X. ``--suite speed`` and ``--suite landmarks`` show what they are worth.

#: What the rows of a first preconditioner may cost, and what a preconditioner may cost at once.
ROWS_BUDGET, PRECONDITIONER_BUDGET = 1.0, 1.25
#: What all rows' Hessian may cost where it is constant, so that one step ends.
NEWTON_BUDGET = 8.0
#: What eigenvectors of one output's second moments may cost, which save searches along lines, and
#: iterations with them.
FACTOR_BUDGET, MOST_IN_ONE_METRIC = 5.0, 25
#: What a neighbour search may cost: a tenth of a fit.
SEARCH_BUDGET = 1.0
#: What all rows' Hessian may cost where it proves an optimum that no dual point proves, or tells
#: which of many optima is the shortest; and what it may cost to see whether a run has ended.
PROOF_BUDGET, LOOK_BUDGET = 50.0, 10.0
#: What a Hessian of all rows may cost at each of some twenty steps of an interior point method.
INTERIOR_BUDGET = 25.0
#: Entries in the time of sums over a row's or a column's numbers, beside a product.
LEAST_ROW_WORK = 3
#: An entry of a sparse X, in entries of a dense one.
SPARSE_ENTRY = 6
#: What second moments may cost in one fit, where they save most other passes; and with a penalty
#: that is not smooth, whose working sets take most of the Gram matrix anyway.
MOMENTS_BUDGET, NONSMOOTH_MOMENTS_BUDGET = 8.0, 13.0
#: What a fit near a solved one takes, about: moments may cost as much for each of many fits.
PASSES_PER_FIT = 3.0

# Sizes of matrices. Beyond them a factor takes seconds and hundreds of megabytes.

#: Rows of the largest square matrix that is factored, 32 MB and some tenths of a second: of
#: features, or of rows where features are more.
MAX_MATRIX_SIZE = 2000
#: Coefficients of coupled outputs up to which their Hessian is one matrix.
MAX_JOINT_SIZE = 600
#: Numbers in a dense matrix of rows (one for each row, output and coefficient), or over candidates
#: of which few are factored, that may be made at once, 160 MB; and in one of rows of which a
#: singular value decomposition, or products with vectors by the dozen, take some milliseconds.
MOST_ROW_ENTRIES, FEW_ROW_ENTRIES = 2e7, 2e6
#: Arrays of one number for each row and output that a Newton step on all rows holds.
NEWTON_ARRAYS = 12
#: Entries of a linear program that may be solved once for a problem, 20 ms.
FEW_PROGRAM_ENTRIES = 3e4
#: Entries of X, for each output, up to which a result is polished to the limit of precision.
MOST_POLISHED_ENTRIES = 2e4
#: Multiplications that factors of the rows of a small problem may take: some milliseconds.
MOST_ROW_OPERATIONS = 2e7
#: The same at each of Newton's steps that do without searches: of outputs that do not interact, and
#: of those that do.
MOST_NEWTON_OPERATIONS, MOST_JOINT_OPERATIONS = 1.3e7, 2e7
#: The same where a penalty has kinks: beyond, a working set's matrix of some columns is cheaper.
MOST_KINKED_OPERATIONS = 4e6

#: The same at each of some twenty steps of an interior point method on all rows; beyond, the method
#: of multipliers takes more steps on few rows, which cost less.
MOST_INTERIOR_OPERATIONS = 4e6

#: Newton's steps in the sizes of groups to a model's minimum, and steps by products, about, with a
#: margin.
SIZE_STEPS, PLANE_STEPS = 8, 120
#: Products of a Newton model of coupled outputs with the rows' Hessian, about, and factors of its
#: matrix.
MODEL_PRODUCTS, MODEL_FACTORS = 60, 4
#: Coefficients of a model whose factor takes no longer than the steps of Python around it.
FEW_COEFFICIENTS = 100
#: Entries of X and of a matrix over its columns, for each output, up to which a look at coupled
#: outputs takes longer than products with their Hessian.
MOST_PRODUCT_ENTRIES = 3e6
#: Entries of a dense X up to which one output's searches along lines take longer than products.
MOST_ONE_METRIC_ENTRIES = 1.5e6
#: Directions of the columns' second moments that a factor of the largest alone has; iterations of a
#: descent of coupled outputs, about, and share of them that it adds to those.
LEADING, DESCENT_ITERATIONS, MORE_ITERATIONS = 32, 20.0, 0.25
#: Share of the largest spread, in the penalty's units, that is one like it: directions of the
#: largest say nothing of columns in other units.
LIKE_SPREAD = 0.1
#: Powers of 10 between 1 and the spreads of columns whose products are no overflow in float32.
MOST_DECADES = 12

# Numbers of rows. ``--suite landmarks`` shows what they are worth.

#: Landmarks per feature: at least, and at most where the Hessian of more is cheap too.
LEAST_PER_FEATURE, MOST_PER_FEATURE = 10, 40
#: Fewest landmarks.
FEWEST_LANDMARKS = 2000
#: Landmarks at most where the preconditioner is solved in their space (more features than fit a
#: matrix).
MOST_WIDE_LANDMARKS = 1500
#: Rows of a wide sparse X that are heavy enough to count one by one.
HEAVY_ROWS = 375
#: Rows near corners, in shares ``sqrt(p / count)`` of all, and what the rows of both problems must
#: save.
NEAR_BAND, WORTH_DRAWING = 3.0, 1.5
#: Rows per landmark that make a small problem small; and that make a copy of landmarks with more
#: features than fit a matrix a small part of a fit, where no preconditioner shares it.
ROWS_PER_LANDMARK, ROWS_PER_COPY = 4, 40
#: Columns per row from which on coordinates of the rows' space may save more than they cost.
FEW_ROWS = 2
#: Rows per feature from which some of them tell the curvature of all.
TALL = 50


def pays_threads(problem):
    """Whether products with X are long enough for several threads."""
    return problem.rows.n_stored * problem.n_outputs >= LEAST_THREADED


def may_thread(problem):
    """Whether BLAS would start threads for products with X, or for a Hessian of all outputs."""
    size = coupled_outputs(problem) * (problem.n_features + 1)
    entries = problem.rows.n_stored * problem.n_outputs
    operations = problem.n_samples * size * (size + 1)
    return entries >= NEVER_THREADED or operations > NEVER_THREADED_HESSIAN


def is_brief(problem):
    """Whether a fit takes less time than to find the libraries whose threads it would limit."""
    return problem.rows.n_stored * problem.n_outputs <= BRIEF


def fits_matrix(size):
    """Whether a square matrix of ``size`` rows is small enough to be factored."""
    return size <= MAX_MATRIX_SIZE


def fits_candidates(problem):
    """Whether each output's matrix over all coefficients may be made, few of which are factored at
    once."""
    return problem.n_outputs * problem.n_features**2 <= MOST_ROW_ENTRIES


def is_wide_sparse(problem):
    """Whether X is sparse with more columns than fit a matrix over them, such as words."""
    return problem.rows.is_sparse and not fits_matrix(problem.n_features)


def too_coupled(problem):
    """Whether the outputs' joint curvature is too large for one matrix."""
    return not problem.rows.is_separate and problem.n_features * problem.n_outputs > MAX_JOINT_SIZE


def has_kronecker_factors(problem):
    """Whether one matrix over features and one over outputs stand for the coupled Hessian, as it is
    too large, or dear."""
    is_dear = too_coupled(problem) or not (problem.rows.is_separate or takes_newton(problem))
    return is_dear and fits_matrix(problem.n_features)


def moves_jointly(problem):
    """Whether coefficients and intercept move together, up to where a duality gap is near: of
    fewer outputs Newton's step of the intercept costs little beside an iteration."""
    if problem.n_outputs <= MOST_JOINT_OUTPUTS:
        return False
    return too_coupled(problem) and fits_matrix(problem.n_features) and problem.has_dual


def takes_row_space(problem):
    """Whether coupled outputs are solved for in coordinates of the rows' space: there are fewer
    rows than columns, and a basis costs no more than a few iterations."""
    n, (p, n_outputs) = problem.n_samples, problem.shape
    is_elsewhere = problem.rows.n_elsewhere or problem.rows.is_sparse
    if is_elsewhere or not (too_coupled(problem) and FEW_ROWS * n <= p):
        return False
    iteration = (4 * n / BLOCKED_SPEEDUP + COEFFICIENT_WORK) * p * n_outputs
    is_cheap = 4 * n**2 * p / BLOCKED_SPEEDUP <= ROW_SPACE_BUDGET * iteration
    has_room = fits_matrix(n) and n * p <= MOST_ROW_ENTRIES
    used = problem.scale[problem.scale > 0]
    has_digits = used.min(initial=np.inf) >= LEAST_ROTATED * used.max(initial=0.0)
    is_fit = problem.correction.is_zero and problem.is_of_lengths
    return bool(is_cheap and has_room and has_digits and is_fit)


def takes_few_looks(problem):
    """Whether an iteration is to be no more than two products with X and one look at the loss, as
    the best intercept and the best step would be many, which cost more than products of coupled
    outputs, and of one where X is of middle size."""
    is_here = not problem.rows.n_elsewhere and problem.correction.is_zero
    if not is_here or problem.n_outputs > MOST_JOINT_OUTPUTS or takes_newton(problem):
        return False
    return has_kronecker_factors(problem) or _has_one_metric(problem)


def _has_one_metric(problem):
    """Whether second moments, of which eigenvectors cost little, serve a single output at all its
    places: the loss's curvature neither is a constant, when it is one step, nor jumps."""
    rows, loss, (p, n_outputs) = problem.rows, problem.loss, problem.shape
    varies = loss.largest_curvature is None and not loss.constant_curvature
    is_middling = not rows.is_sparse and rows.n_stored <= MOST_ONE_METRIC_ENTRIES
    factor = 2 * p**3 / BLOCKED_SPEEDUP
    return n_outputs == 1 and varies and is_middling and factor <= FACTOR_BUDGET * rows.n_stored


def most_few_looks(problem):
    """Iterations in a descent of :func:`takes_few_looks`, after which one output goes on by the
    curvature of landmarks: second moments are then too unlike it."""
    return MOST_IN_ONE_METRIC if problem.n_outputs == 1 else np.inf


def takes_hessian_products(problem):
    """Whether, in a descent of :func:`takes_few_looks`, a look costs more than products with the
    Hessian of the coupled outputs, of which Newton's steps take twice as many as secants do."""
    entries = (problem.rows.n_stored + problem.n_features**2) * problem.n_outputs
    return problem.n_outputs > 1 and entries <= MOST_PRODUCT_ENTRIES


def takes_single(problem):
    """Whether a copy of X in float32 serves a descent of :func:`takes_few_looks`: where products
    take most of its time, but not where the penalty leaves directions open, along which rounding
    would become a step."""
    if not takes_few_looks(problem) or takes_hessian_products(problem):
        return False
    rows, used = problem.rows, problem.scale[problem.scale > 0]
    is_curved = (problem.penalty.curvature(np.zeros(problem.shape)) > 0).all()
    has_room = not rows.is_sparse and rows.n_stored <= 2 * MOST_ROW_ENTRIES  # of half the bytes
    fits = (np.abs(np.log10(used)) <= MOST_DECADES).all()
    return bool(has_room and fits and is_curved)


def leading_directions(problem):
    """Directions of the columns' second moments that the preconditioner of coupled outputs has a
    factor of: None for all of them, where they cost less than the iterations that they save."""
    if not takes_single(problem) or problem.n_features <= LEADING:
        return None
    unit = problem.penalty.curvature(np.zeros(problem.shape)).mean(axis=1)
    spread = problem.scale / np.sqrt(unit)
    if np.median(spread) < LIKE_SPREAD * spread.max():
        return None
    n, (p, n_outputs) = problem.n_samples, problem.shape
    one_product = n * p / BLOCKED_SPEEDUP
    factor = n * problem.rows.row_product_cost + 2 * p**3 / BLOCKED_SPEEDUP
    solves = 4 * p * (p - LEADING) * n_outputs / BLOCKED_SPEEDUP  # there and back, twice
    iteration = 2 * n_outputs * one_product + ROW_WORK * n * n_outputs
    saved = factor - 4 * LEADING * one_product + DESCENT_ITERATIONS * solves
    return LEADING if saved > MORE_ITERATIONS * DESCENT_ITERATIONS * iteration else None


def hessian_cost(problem, n_rows):
    """Passes over X that ``hessian_blocks`` on ``n_rows`` rows, and its factor, cost."""
    n_blocks = 1 if problem.loss.constant_curvature else problem.n_outputs
    return _blocks_cost(problem, n_rows, n_blocks)


def _blocks_cost(problem, n_rows, n_blocks):
    p, n_outputs = problem.shape
    factor = p**3 / 3 / BLOCKED_SPEEDUP
    gram = n_rows * problem.rows.row_product_cost
    # Further outputs ride along: a pass for many is a product of matrices itself.
    columns = 1 + 2 * (n_outputs - 1) / BLOCKED_SPEEDUP
    one_pass = problem.rows.n_stored * columns + ROW_WORK * problem.n_samples * n_outputs
    return n_blocks * (gram + factor) / max(LEAST_PASS, one_pass)


def preconditioner_cost(problem, n_rows):
    """Passes over X that a preconditioner of ``n_rows`` landmarks costs."""
    if has_kronecker_factors(problem):
        return _blocks_cost(problem, n_rows, 1)
    if fits_matrix(problem.n_features):
        return hessian_cost(problem, n_rows)
    if n_rows > gathered_rows(problem):
        return np.inf
    cost = n_rows**2 / max(1, problem.n_samples)
    if n_rows >= problem.n_samples or not problem.rows.is_sparse:
        return cost / 4
    # Where curvature changes, that of heavy rows vanishes: plain gradients are faster.
    return cost if problem.loss.constant_curvature else np.inf


def gathered_rows(problem):
    """Rows that one place may hold for a preconditioner in their space: all, where they are there
    already."""
    elsewhere = problem.rows.n_elsewhere
    return problem.n_samples * min(1.0, MOST_ROW_ENTRIES / elsewhere) if elsewhere else np.inf


def solves_at_once(n_rows, p):
    """Whether normal equations of an output that counts so many rows cost less than the steps of
    Python in a fit of it; for arrays of counts too."""
    multiplications = n_rows * p * (p + STACK_WORK) + p**3
    return multiplications <= PASSES_PER_FIT * BLOCKED_SPEEDUP * LEAST_PASS


def newton_cost(problem):
    """Passes over X that the Hessian of all rows costs."""
    if fits_matrix(problem.n_features):
        return hessian_cost(problem, problem.n_samples)
    return preconditioner_cost(problem, problem.n_samples)


def ends_at_once(problem, n_rows):
    """Whether the first step in a preconditioner of ``n_rows`` landmarks is the last one."""
    return n_rows >= problem.n_samples and problem.loss.constant_curvature


def preconditioner_budget(problem, n_rows):
    """Passes over X that a preconditioner of ``n_rows`` landmarks may cost at once."""
    return NEWTON_BUDGET if ends_at_once(problem, n_rows) else PRECONDITIONER_BUDGET


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


def has_room_for_newton(problem):
    """Whether a Newton step on all rows fits the memory. Where outputs move jointly, the mean of
    their dual points is a proof that needs none."""
    entries = NEWTON_ARRAYS * problem.n_samples * problem.n_outputs
    return entries <= MOST_ROW_ENTRIES or not moves_jointly(problem)


def coupled_outputs(problem):
    """Outputs that share one Hessian: all where they interact, else one."""
    return 1 if problem.rows.is_separate else problem.n_outputs


def can_have_rows(problem, n_coefs):
    """Whether the rows of a Hessian by so many coefficients of a block fit the memory."""
    return coupled_outputs(problem) * problem.n_samples * n_coefs <= MOST_ROW_ENTRIES


def has_cheap_factor(problem, n_coefs):
    """Whether a factor of a model of so many coefficients takes no longer than a pass over X."""
    return n_coefs**3 / 3 <= BLOCKED_SPEEDUP * problem.rows.n_stored


def takes_all_columns(problem):
    """Whether products of all columns with rows of a Hessian take no longer than Python's steps
    of a choice among them."""
    return problem.n_samples * problem.n_features <= FEW_ROW_ENTRIES


def most_plane_steps(n_groups, n_used, rank, shape):
    """Steps by products with a model of groups that cost less than Newton's in the groups' sizes;
    0 where these are less work than such steps usually are.

    Parameters
    ----------
    n_groups, n_used : int
        Groups that may be in use, and features of theirs.
    rank : int
        Size of the model's matrix, over features or over rows.
    shape : tuple
        Shape of the model's coefficients.
    """
    size, (n_features, n_outputs) = min(n_used, rank), shape
    factors = n_groups**3 / 3 + n_groups**2 * size + size**2 * n_used
    product = n_features * n_outputs * (n_features if rank == n_features else 2 * rank)
    python = BLOCKED_SPEEDUP * (COEFFICIENT_WORK * n_features * n_outputs + 2 * LEAST_PASS)
    most = int(SIZE_STEPS * factors / (product + python))
    return most if most >= PLANE_STEPS else 0


def takes_products(problem, n_rows, n_coefs):
    """Whether a Newton model of coupled outputs costs less by products with the Hessian of
    ``n_rows`` rows than by its matrix over ``n_coefs`` coefficients, and factors of that."""
    n, (p, n_outputs) = problem.n_samples, problem.shape
    if problem.rows.n_elsewhere and n_rows == n:
        return False
    entry = SPARSE_ENTRY if problem.rows.is_sparse else 1
    outer = n_coefs**2 / 2 / BLOCKED_SPEEDUP  # of a row
    if problem.rows.is_sparse:
        outer = min(outer, entry * problem.rows.row_product_cost * (n_coefs / max(1, p)) ** 2)
    matrix = (1 + 1 / n_outputs) * n_rows * outer
    factors = MODEL_FACTORS * n_coefs**3 / 3 / BLOCKED_SPEEDUP
    columns = 1 + 2 * (n_outputs - 1) / BLOCKED_SPEEDUP
    product = n_rows * (entry * problem.rows.n_stored / n * columns + ROW_WORK * n_outputs)
    product += COEFFICIENT_WORK * p * n_outputs + 2 * LEAST_PASS
    return MODEL_PRODUCTS * product <= matrix + factors


def has_cheap_rows(problem, n_coefs):
    """Whether a factor of those rows takes some milliseconds."""
    return coupled_outputs(problem) * problem.n_samples * n_coefs**2 <= MOST_ROW_OPERATIONS


def guesses_signs(n_coefs):
    """Whether a model of so many coefficients is minimised among signs that may be wrong: a factor
    for each guess costs no more than one of those that a descent takes."""
    return n_coefs <= FEW_COEFFICIENTS


def can_factor_rows(problem):
    """Whether factors of the rows of the whole Hessian cost next to nothing."""
    return _row_operations(problem) <= MOST_ROW_OPERATIONS


def takes_newton(problem):
    """Whether a Hessian by coefficients and intercept costs less at each step than the searches for
    an intercept and a step length that it saves, which take longer where outputs interact."""
    most = MOST_NEWTON_OPERATIONS if problem.rows.is_separate else MOST_JOINT_OPERATIONS
    return _newton_operations(problem) <= most


def takes_kinked_newton(problem):
    """The same for a penalty with kinks and bounds of single coefficients alone, which keeps all of
    them from going far where rows do not. A quadratic loss takes one model, which is cheaper."""
    penalty, is_curved = problem.penalty, not problem.loss.constant_curvature
    if problem.is_smooth or not (problem.has_dual and penalty.is_convex and is_curved):
        return False
    are_told_apart = problem.n_samples > problem.n_features
    if not are_told_apart or _newton_operations(problem) > MOST_KINKED_OPERATIONS:
        return False
    return penalty.piecewise_quadratic(np.zeros(problem.shape)) is not None


def _newton_operations(problem):
    """Multiplications of a Hessian by coefficients and its factor."""
    n_coupled = coupled_outputs(problem)
    size = n_coupled * problem.n_features
    return problem.n_outputs / n_coupled * (problem.n_samples + size) * size**2


def takes_interior(problem):
    """Whether a Hessian of all rows at each of some twenty steps costs less than the passes that
    losses with corners take otherwise."""
    return fits_matrix(problem.n_features) and newton_cost(problem) <= INTERIOR_BUDGET


def begins_inside(problem):
    """Whether losses with corners are solved by an interior point method rather than by that of
    multipliers, where both can: rows are few, and so are columns."""
    is_cheap = _newton_operations(problem) <= MOST_INTERIOR_OPERATIONS
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


def is_wide_parabola(problem):
    """Whether the objective is a parabola, with a minimum that a dual point proves, whose Hessian
    has no factor by columns or by rows: a second-order model is the objective itself."""
    is_here = not problem.rows.n_elsewhere and problem.correction.is_zero
    is_parabola = problem.is_smooth and problem.is_piecewise_quadratic
    if not (is_here and is_parabola and problem.has_dual):
        return False
    return not fits_matrix(problem.n_features) and paid_landmarks(problem) < problem.n_samples


def is_polished(problem):
    """Whether results go to the limit of precision, as looks at the rows cost next to nothing: they
    are few, and in this process."""
    size = problem.n_samples * problem.n_features * problem.n_outputs
    return size <= MOST_POLISHED_ENTRIES and not problem.rows.n_elsewhere


def _row_operations(problem):
    """Multiplications of factors of the rows of the whole Hessian; inf where rows are not all."""
    if not problem.correction.is_zero:
        return np.inf
    n_coupled = coupled_outputs(problem)
    n_rows, n_coefs = n_coupled * problem.n_samples, n_coupled * problem.n_features
    return problem.n_outputs / n_coupled * (n_rows + n_coefs) * n_coefs**2
