"""Problems that have the same objective in other words, and the way back to the first ones.

Numbers change by powers of 2, or not at all, so that nothing is rounded.
"""

import numpy as np

from benchmarks.fuzzing.problems import FORMATS

_OF_RESIDUALS = (
    "squared_error", "huber", "quantile", "absolute_error", "epsilon_insensitive",
    "squared_epsilon_insensitive", "concomitant_huber",
)  # fmt: skip


def equivalent(problem):
    """One equivalent problem, drawn by the seed: (name, problem, back); none is a rare case.

    ``back(coef, intercept)`` gives coefficients and intercept of the first problem.
    """
    rng = np.random.default_rng([41, problem.seed])
    problem = problem.replaced(warm=None)
    for index in rng.permutation(len(_MAKERS)):
        found = _MAKERS[index](problem, rng)
        if found is not None:
            return [found]
    return []


def _same(coef, intercept):
    return coef, intercept


def _rows_repeated(problem, rng):
    if "integer weights" not in problem.traits:
        return None
    counts = problem.weight.astype(int)
    X, y = problem.X.repeat(counts, axis=0), problem.y.repeat(counts, axis=0)
    return "rows repeated", problem.replaced(X=X, y=y, weight=None), _same


def _rows_permuted(problem, rng):
    order = rng.permutation(len(problem.X))
    weight = None if problem.weight is None else problem.weight[order]
    other = problem.replaced(X=problem.X[order], y=problem.y[order], weight=weight)
    return "rows in another order", other, _same


def _columns_permuted(problem, rng):
    if problem.shape is not None and not problem.shape.is_symmetric:
        return None
    order = rng.permutation(problem.X.shape[1])

    def back(coef, intercept):
        return coef[np.argsort(order)], intercept

    return "columns in another order", problem.replaced(X=problem.X[:, order]), back


def _columns_scaled(problem, rng):
    """Each by a factor of its own without a penalty, else all by one, which alpha follows."""
    power = {None: 0, "l1": 1, "l2": 2, "elasticnet": None}.get(problem.penalty)
    if problem.shape is not None:
        power = problem.shape.degree
    if power is None:
        return None
    limit = 30 if problem.dtype is np.float64 else 8
    size = problem.X.shape[1] if problem.penalty is None else 1
    factor = np.broadcast_to(2.0 ** rng.integers(-limit, limit + 1, size), problem.X.shape[1])
    other = problem.replaced(X=problem.X * factor, alpha=problem.alpha * float(factor[0]) ** power)

    def back(coef, intercept):
        return coef * factor[:, None], intercept

    return "columns in other units", other, back


def _target_shifted(problem, rng):
    """Only where no target is rounded by it."""
    if problem.loss not in _OF_RESIDUALS or not problem.fit_intercept:
        return None
    size = np.abs(problem.y).max()
    shift = 2.0 ** (np.ceil(np.log2(size)) + rng.integers(0, 20)) if size > 0 else 1.0
    moved = problem.y + shift
    if not np.array_equal(moved - shift, problem.y):
        return None

    def back(coef, intercept):
        return coef, intercept - shift

    return "target shifted", problem.replaced(y=moved), back


def _stored_otherwise(problem, rng):
    layout = rng.choice([layout for layout in FORMATS if layout != problem.layout])
    return f"as {layout}", problem.replaced(layout=str(layout)), _same


_MAKERS = (
    _rows_repeated,
    _rows_permuted,
    _columns_permuted,
    _columns_scaled,
    _target_shifted,
    _stored_otherwise,
)
