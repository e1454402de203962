"""The minimum of a quadratic model with kinks, by whichever way takes the fewest factors."""

from nno_sklearn.problem.cost import guesses_signs
from nno_sklearn.solvers.active_sets import ActiveSets
from nno_sklearn.solvers.signs import settled_signs
from nno_sklearn.solvers.sweeps import pays_sweeps, settle_by_sweeps

#: Share of a gap that sweeps leave to active sets, which are exact.
COARSE = 0.03


def minimise_kinked(place, rank, target_gap):
    """By guesses of the signs where coefficients are few, by sweeps where many of them are about to
    enter, and else, or where these do not settle, by active sets.

    Parameters
    ----------
    place : KinkedModel
        By a Gram matrix; it is moved.
    rank : int
        How many coefficients the rows can tell apart.
    target_gap : float

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    IllConditionedError
        Where the rows tell more than the matrix.
    """
    sets, terms, w = ActiveSets(place, rank), place.terms, place.v
    if guesses_signs(len(w)) and not terms.has_bounds:
        found = settled_signs(place.model.matrix, terms, w, place.slope)
        if found is not None:
            return found
    elif pays_sweeps(place, rank):
        enough = max(target_gap, COARSE * place.gap())
        settle_by_sweeps(place, enough)
        gap = place.gap()
        if gap <= target_gap:
            sets.settle(target_gap)
            return place.v
        if not gap <= enough:  # nor where numbers overflow
            place.move_to(w)
    return sets.minimise(target_gap)
