"""Quadratic models with kinks and bounds of single coefficients: active sets."""

import numpy as np

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
#: Share of a direction without curvature, in units of the columns, that is rounding: a coefficient
#: that has no more would change its sign far away.
NO_PART = 1e-8
#: Exponents of the step sizes at which the model is evaluated, up to the first change of sign.
POWERS = np.linspace(0.0, 1.0, 8)


class ActiveSets:
    """Newton steps among the coefficients in use, which others join and leave.

    A coefficient at 0, where the penalty has a kink there, or at a bound is held. In each round
    those that violate optimality most enter in the direction that lowers the model. Newton's step
    goes to the optimum among the signs; where coefficients would change theirs, or leave their
    bounds, they are held, as far along the step as the model falls (a projected Newton method;
    Bertsekas, 1982).

    Parameters
    ----------
    place : KinkedModel
        The model, and where the first round begins.
    rank : int
        How many coefficients the rows can tell apart.
    """

    def __init__(self, place, rank):
        self._place, self._rank = place, rank
        self._model, self._terms = place.model, place.terms
        #: Whether the last move was to the best place on its way; not a move without curvature.
        self._is_best = True

    def minimise(self, target_gap):
        """The minimum, to a duality gap or to rounding."""
        place, settled, gaps = self._place, True, []
        for _ in range(MAX_ROUNDS):
            gaps.append(place.gap())
            if gaps[-1] <= target_gap or stands_still(gaps):
                break
            if gaps[-1] <= place.gap_rounding:  # a gap tells no more: Newton's step is exact
                self._round(0)
                break
            used = np.count_nonzero(place.v)
            # Others enter when those in use have settled: else both oscillate.
            most = self._entering(used)
            numbers = (most, -(-most // FEWER), 1, 0) if settled else (0,)
            moved = any(self._round(number) for number in numbers)
            if settled and not moved:
                break
            settled = not moved or (self._is_best and np.count_nonzero(place.v) >= used)
        return place.v

    def _entering(self, used):
        """How many may enter, while the rows can tell all apart."""
        most = max(LEAST_ENTERING, int(ENTERING * used))
        return most if self._place.has_l2 else max(1, min(most, self._rank - used))

    def _round(self, entering):
        """Let coefficients enter, and go to the optimum among the signs; whether that moved."""
        place, (active, sides, n_used) = self._place, self._choose(entering)
        for _ in range(MOST_TRIALS):
            if not len(active):
                return False
            terms, u = self._terms.take(active), place.v[active]
            part = self._model.part(active, terms.l2)
            right = place.slope[active] + terms.l2 * u + terms.l1 * sides
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
                    v = place.v.copy()
                    v[active] = new
                    place.move_to(v)
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
        size = np.abs(direction) * np.sqrt(self._model.diagonal[active])
        direction[size <= NO_PART * size.max()] = 0.0
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
        place, held = self._place, self._is_held()
        used = np.flatnonzero(~held)
        if entering == 0 and place.v[used].all():
            return used, np.sign(place.v[used]), len(used)
        up, down = place.falls()
        violation = np.maximum(np.maximum(up, down), 0.0)
        promise = np.divide(
            violation**2,
            place.curvature,
            out=np.zeros_like(violation),
            where=(place.curvature > 0) & held,
        )
        promise[promise < PROMISING * promise.max(initial=0.0)] = 0.0
        if entering == 0:
            promise[:] = 0.0
        elif np.count_nonzero(promise) > entering:
            promise[np.argpartition(-promise, entering)[entering:]] = 0.0
        new = np.flatnonzero(promise)
        active = np.concatenate([used, new[np.argsort(-promise[new], kind="stable")]])
        sides = np.sign(place.v[active])
        towards = np.where(up[active] > 0, 1.0, -1.0)
        return active, np.where(sides == 0, towards, sides), len(used)

    def _is_held(self):
        """Which coefficients are at a kink or at a bound."""
        v, terms = self._place.v, self._terms
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
