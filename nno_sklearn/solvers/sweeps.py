"""Quadratic models with kinks: sweeps over single coefficients, then damped Newton steps.

Where many coefficients are about to enter, active sets take many rounds: those that enter together
go too far, and most of them leave again. One sweep over single coefficients costs a tenth of a
factor, and each of them is moved in the light of those before.
"""

import numpy as np
from scipy.linalg.blas import daxpy

#: Sweeps before a Newton step, and after how many of them the gap is looked at.
SWEEPS, LOOKS = 10, 5
#: How often both are repeated.
MOST_STEPS = 6
#: Share of their own curvature that keeps all coefficients near, less where few enter, and by what
#: it changes: it falls where a step settles, and rises where a step leads up.
DAMPING, LESS, MORE = 0.01, 0.2, 5.0
#: Guesses of the signs in a Newton step.
GUESSES = 4
#: Roundings beyond a kink that let no coefficient leave it: copies of a column would all enter.
BEYOND = 16 * np.finfo(float).eps
#: By what shares the weights of columns that are alike, and their products, may differ.
ALIKE_WEIGHTS, ALIKE = 1e-6, 1e-9
#: Violations of optimality, as a share of the coefficients in use, beside which few are.
MANY = 0.15


def pays_sweeps(place, rank):
    """Whether many coefficients are about to enter, or more than the ``rank`` of the rows leaves
    room for: active sets would let them in and out in turn."""
    if place.terms.has_bounds:
        return False
    n_used = np.count_nonzero(place.v)
    room = np.inf if place.has_l2 else max(rank - n_used, 0)
    return _n_entering(place) >= min(MANY * n_used, room)


def _n_entering(place):
    """How many coefficients that are 0 violate optimality."""
    return np.count_nonzero(np.maximum(*place.falls())[place.v == 0] > 0)


def settle_by_sweeps(place, target_gap):
    """Go towards a model's minimum, up to a duality gap.

    Sweeps (coordinate descent; Friedman, Hastie and Tibshirani, 2010) find about which coefficients
    are used, and a proximal point step (Rockafellar, 1976) solves for them together: among as many
    as there are rows Newton's own step would lead far away.

    Parameters
    ----------
    place : KinkedModel
        By a Gram matrix and without bounds; it is moved.
    target_gap : float
    """
    many = MANY * max(1, np.count_nonzero(place.v))
    damping = DAMPING * min(1.0, max(1, _n_entering(place)) / many)
    candidates = _candidates(place)
    for _ in range(MOST_STEPS):
        gap = _sweeps(place, candidates, target_gap)
        if gap > target_gap:
            damping = _damped_step(place, candidates, damping)
            gap = place.gap()
        if gap <= target_gap:
            break


def _candidates(place):
    """Which coefficients may be used: of columns that are alike one, or both would be in turn."""
    may_be = place.curvature > 0
    if place.has_l2:
        return may_be
    first, second = _alike(place.model)
    size, weights = np.sqrt(place.model.diagonal), np.broadcast_to(place.terms.l1, place.v.shape)
    cost = np.divide(weights, size, out=np.zeros_like(size), where=size > 0)
    alike = np.isclose(cost[first], cost[second], ALIKE_WEIGHTS, 0.0)
    first, second = first[alike], second[alike]
    cost[place.v != 0] = -1.0  # one in use stays
    may_be[np.where(cost[first] <= cost[second], second, first)] = False
    return may_be | (place.v != 0)


def _alike(model):
    """Pairs of coefficients whose columns are multiples of each other, but for rounding: so are
    their products with all columns."""
    used = np.flatnonzero(model.diagonal)
    size, direction = np.sqrt(model.diagonal[used]), np.zeros(len(model.diagonal))
    direction[used] = np.random.default_rng(0).normal(size=len(used)) / size
    order = np.argsort(np.abs(model.product(direction)[used]) / size, kind="stable")
    first, second = order[:-1], order[1:]
    product = np.abs(model.matrix[used[first], used[second]])
    alike = product >= (1.0 - ALIKE) * size[first] * size[second]
    return used[first[alike]], used[second[alike]]


def _sweeps(place, candidates, target_gap):
    """Minimise over one coefficient after another, a few times; the gap that is left."""
    matrix, v, slope = place.model.matrix, place.v.tolist(), place.slope.astype(float)
    l1 = np.broadcast_to(place.terms.l1, place.v.shape).tolist()
    own, curvature = place.model.diagonal.tolist(), place.curvature.tolist()
    visited = np.flatnonzero(candidates).tolist()
    for sweep in range(1, SWEEPS + 1):
        for j in visited:  # plain numbers: arrays of one would take ten times as long
            before = v[j]
            pull = own[j] * before - slope.item(j)
            excess = abs(pull) - l1[j]
            if excess <= BEYOND * l1[j]:
                after = 0.0
            else:
                after = (excess if pull > 0 else -excess) / curvature[j]
            if after != before:
                daxpy(matrix[j], slope, a=after - before)
                v[j] = after
        if sweep % LOOKS == 0:
            place.v, place.slope = np.asarray(v), slope
            if place.gap() <= target_gap:
                break
    place.move_to(np.asarray(v))  # without the rounding of so many updates
    return place.gap()


def _damped_step(place, candidates, damping):
    """Newton's step with a penalty on its length, among signs that are guessed; how much the next
    one is damped."""
    ridge = damping * place.model.diagonal
    step, sides, settled = _among_signs(place, candidates, ridge)
    v = place.v + step
    v[v * sides <= 0] = 0.0
    if not place.rise(v) < 0:
        return MORE * damping
    place.move_to(v)
    return LESS * damping if settled else damping


def _among_signs(place, candidates, ridge):
    """The step to a damped model's minimum among signs, the signs, and whether they settled."""
    model, terms, v = place.model, place.terms, place.v
    ahead, sides = place.slope + terms.l2 * v, np.sign(v)
    added = np.broadcast_to(terms.l2, v.shape) + ridge
    for guess in range(GUESSES):
        active, step = np.flatnonzero(sides), np.where(sides == 0, -v, 0.0)
        if len(active):
            right = (ahead + terms.l1 * sides + model.product(step))[active]
            step[active] = -model.part(active, added[active]).solve(right)
        pull = (model.diagonal + added) * (v + step) - (ahead + model.product(step) + added * step)
        new = np.where(np.abs(pull) > terms.l1, np.sign(pull), 0.0)
        new[(sides * new < 0) | ~candidates] = 0.0
        settled = bool((new == sides).all())
        if settled or guess == GUESSES - 1:
            return step, sides, settled
        sides = new
