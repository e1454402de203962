"""Quadratic models with kinks and bounds of single coefficients: active sets."""

import numpy as np

from nno_sklearn.penalties import PiecewiseQuadratic
from nno_sklearn.solvers.models import stands_still

#: Newton steps of the active sets.
MAX_ROUNDS = 200
#: Coefficients that enter at once: at least, and at most as a share of those in use.
LEAST_ENTERING, ENTERING = 10, 0.5
#: Part of them that enters where all together do not lower the model, and how often some of them
#: are left out in a round.
FEWER, MOST_TRIALS = 8, 4
#: Share of the largest decrease that a coefficient must promise to enter with others.
PROMISING = 0.1
#: Exponents of the step sizes at which the model is evaluated, up to the first change of sign.
POWERS = np.linspace(0.0, 1.0, 8)
#: Roundings of the terms of a gap that it may be off by.
GAP_ROUNDINGS = 4096
TINY = np.finfo(float).tiny


class ActiveSets:
    """Newton steps among the coefficients in use, which others join and leave.

    A coefficient at 0, where the penalty has a kink there, or at a bound is held. In each round
    those that violate optimality most enter in the direction that lowers the model. Newton's step
    goes to the optimum among the signs; where coefficients would change theirs, or leave their
    bounds, they are held, as far along the step as the model falls (a projected Newton method;
    Bertsekas, 1982). All is in differences from w, so that its gradient is as exact as the rows
    give it.

    Parameters
    ----------
    model : GramModel or RowsModel
    terms : PiecewiseQuadratic
        The penalty of these coefficients; its arrays, if any, of shape (n,).
    w, gradient : ndarray of shape (n,)
        Where the model is made, and the gradient of the data loss there.
    energy : float
        Squared norm of the working residuals, of which a duality gap is made.
    rank : int
        How many coefficients the rows can tell apart.
    begin : ndarray of shape (n,), default=None
        Where the first round begins; w by default.
    """

    def __init__(self, model, terms, w, gradient, energy, rank, begin=None):
        self._model, self._terms, self._w, self._gradient = model, terms, w, gradient
        self._energy, self._rank = energy, rank
        self._curvature = model.diagonal + terms.l2
        self._has_l2 = bool(np.all(np.greater(terms.l2, 0)))
        self._without_l2 = PiecewiseQuadratic(terms.l1, 0.0, terms.lower, terms.upper)
        is_free = np.equal(terms.l1, 0) & (np.isinf(terms.lower) | np.isinf(terms.upper))
        self._free = np.flatnonzero(np.broadcast_to(is_free, w.shape))
        self._v, self._slope = w.copy(), gradient
        if begin is not None:
            self._move_to(begin)
        #: Whether the last move was to the best place on its way; not a move without curvature.
        self._is_best = True

    def minimise(self, target_gap):
        """The minimum, to a duality gap or to rounding."""
        settled, gaps = True, []
        for _ in range(MAX_ROUNDS):
            gaps.append(self._gap())
            if gaps[-1] <= target_gap or stands_still(gaps):
                break
            if gaps[-1] <= self._gap_rounding:  # a gap tells no more: Newton's step is exact
                self._round(0)
                break
            used = np.count_nonzero(self._v)
            # Others enter when those in use have settled: else both oscillate.
            most = self._entering(used)
            numbers = (most, -(-most // FEWER), 1, 0) if settled else (0,)
            moved = any(self._round(number) for number in numbers)
            if settled and not moved:
                break
            settled = not moved or (self._is_best and np.count_nonzero(self._v) >= used)
        return self._v

    def _entering(self, used):
        """How many may enter, while the rows can tell all apart."""
        most = max(LEAST_ENTERING, int(ENTERING * used))
        return most if self._has_l2 else max(1, min(most, self._rank - used))

    def _move_to(self, v):
        self._v = v
        self._slope = self._gradient + self._model.product(v - self._w)

    def _gap(self):
        """Duality gap of the model (see :func:`nno_sklearn.problem.certificate.dual_gap`).

        The squares of the penalty count with the rows', or else with the penalty's conjugate.
        Coefficients without a penalty, whose dual points are exact at the optimum alone, count with
        what each could still gain.
        """
        v, terms, kinks = self._v, self._terms, self._without_l2
        squares = terms.l2 * v
        total = self._slope + squares
        left = total[self._free]
        total[self._free] = 0.0
        scaling = kinks.dual_scaling(-total)
        moved = (self._slope + self._gradient) @ (v - self._w)
        energy = max(self._energy + moved, 0.0) + squares @ v
        value, product = kinks.value(v), scaling * (total @ v)
        gap = value + kinks.conjugate(-scaling * total) + product
        gap += 0.5 * (1.0 - scaling) ** 2 * energy
        self._gap_rounding = GAP_ROUNDINGS * np.finfo(float).eps * (abs(value) + abs(product))
        if len(left):
            gap += 0.5 * np.sum(left**2 / np.maximum(self._curvature[self._free], TINY))
        if self._has_l2:
            gap = min(gap, terms.value(v) + self._slope @ v + terms.conjugate(-self._slope))
        return gap

    def _round(self, entering):
        """Let coefficients enter, and go to the optimum among the signs; whether that moved."""
        active, sides, n_used = self._choose(entering)
        for _ in range(MOST_TRIALS):
            if not len(active):
                return False
            terms, u = self._terms.take(active), self._v[active]
            part = self._model.part(active, terms.l2)
            right = self._slope[active] + terms.l2 * u + terms.l1 * sides
            room = _room(terms, sides)
            # Where there is no curvature, the step to the first change of sign is all there is:
            # coefficients that depend on others enter one at a time.
            stays = ~part.is_dependent if entering > 1 else np.ones(len(active), dtype=bool)
            if stays[n_used:].all():
                new = self._without_curvature(active, part, u, right, room)
                self._is_best = new is None
                if new is None:
                    whole = u - part.solve(right)
                    new = _best_on_the_way(part, u, whole, *room, right)
                if np.isfinite(new).all() and (new != u).any():
                    v = self._v.copy()
                    v[active] = new
                    self._move_to(v)
                    return True
                # Those that would leave 0 on the wrong side turn the path: without them it falls.
                stays = (whole >= room[0]) & (whole <= room[1])
            stays[:n_used] = True
            if stays.all() or not stays[n_used:].any():
                return False
            active, sides = active[stays], sides[stays]
        return False

    def _without_curvature(self, active, part, u, right, room):
        """Where a coefficient depends on others: downhill, without curvature, to the first change
        of sign or bound; None where there is no such direction or end."""
        if not part.is_dependent.any():
            return None
        last = int(part.is_dependent.argmax())
        combination = part.combination(last)
        self._model.check(active[: last + 1], combination)
        direction = np.zeros_like(u)
        direction[: last + 1] = combination
        if right @ direction > 0:
            direction = -direction
        end = np.where(direction > 0, room[1], room[0])
        length = np.divide(end - u, direction, out=np.full_like(u, np.inf), where=direction != 0)
        first = int(length.argmin())
        if not 0 < length[first] < np.inf:
            return None
        new = np.clip(u + length[first] * direction, *room)
        new[first] = end[first]
        return new

    def _choose(self, entering):
        """Coefficients in use, then those that promise the largest decrease, on which side of 0
        each is, or is going to be, and how many are in use."""
        held = self._is_held()
        used = np.flatnonzero(~held)
        if entering == 0 and self._v[used].all():
            return used, np.sign(self._v[used]), len(used)
        left, right = self._terms.slopes(self._v)
        up, down = -(self._slope + right), self._slope + left  # what the model falls by
        violation = np.maximum(np.maximum(up, down), 0.0)
        promise = np.divide(
            violation**2,
            self._curvature,
            out=np.zeros_like(violation),
            where=(self._curvature > 0) & held,
        )
        promise[promise < PROMISING * promise.max(initial=0.0)] = 0.0
        if entering == 0:
            promise[:] = 0.0
        elif np.count_nonzero(promise) > entering:
            promise[np.argpartition(-promise, entering)[entering:]] = 0.0
        new = np.flatnonzero(promise)
        active = np.concatenate([used, new[np.argsort(-promise[new], kind="stable")]])
        sides = np.sign(self._v[active])
        towards = np.where(up[active] > 0, 1.0, -1.0)
        return active, np.where(sides == 0, towards, sides), len(used)

    def _is_held(self):
        """Which coefficients are at a kink or at a bound."""
        v, terms = self._v, self._terms
        held = np.greater(terms.l1, 0) & (v == 0)
        return held | (v <= terms.lower) | (v >= terms.upper) if terms.has_bounds else held


def _room(terms, sides):
    """The least and the largest number that each coefficient may be on its side of 0."""
    has_kink = np.greater(terms.l1, 0)
    low = np.where(has_kink & (sides > 0), 0.0, -np.inf)
    high = np.where(has_kink & (sides < 0), 0.0, np.inf)
    if terms.has_bounds:
        low, high = np.maximum(low, terms.lower), np.minimum(high, terms.upper)
    return low, high


def _best_on_the_way(part, u, new, low, high, right):
    """The model's lowest point on the path from ``u`` to its minimum ``new``, projected between
    ``low`` and ``high``."""
    end = np.clip(new, low, high)
    if not (end != new).any():
        return new
    # The t at which each coefficient is held; 0 for those that start in the wrong direction.
    crossing = np.divide(end - u, new - u, out=np.full_like(u, np.inf), where=new != end)
    reach = crossing[crossing > 0].min(initial=0.99)
    steps = reach**POWERS
    places = u[:, None] + np.multiply.outer(new - u, steps)
    places = np.where(crossing[:, None] <= steps, end[:, None], places)
    moved = places - u[:, None]
    rise = right @ moved + 0.5 * part.squares(moved)
    lowest = int(rise.argmin())
    return places[:, lowest] if rise[lowest] < 0 else u
