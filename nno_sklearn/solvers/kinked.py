"""The minimum of a quadratic model with kinks, by whichever way takes the fewest factors."""

from nno_sklearn.problem.cost import guesses_signs
from nno_sklearn.solvers.active_sets import ActiveSets
from nno_sklearn.solvers.dependent import leave_dependent
from nno_sklearn.solvers.signs import settled_signs
from nno_sklearn.solvers.sweeps import pays_sweeps, settle_by_sweeps

#: Share of a gap that sweeps leave to active sets, which are exact.
COARSE = 0.03
#: Share of a gap that a model may rise by where dependences, which rounding blurs, are left.
MOST_RISE = 0.1


def minimise_kinked(place, rank, target_gap):
    """By guesses of the signs where coefficients are few, by sweeps where many of them are about to
    enter, and else, or where these do not settle, by active sets, which begin where no coefficient
    in use depends on others.

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
    terms, w = place.terms, place.v
    if guesses_signs(len(w)) and not terms.has_bounds:
        found = settled_signs(place.model.matrix, terms, w, place.slope)
        if found is not None:
            return found
    elif pays_sweeps(place, rank):
        enough = max(target_gap, COARSE * place.gap())
        settle_by_sweeps(place, enough)
        gap = place.gap()
        if gap <= target_gap:
            return place.v
        if not gap <= enough:  # or numbers overflow
            place.move_to(w)
    if not terms.has_bounds:
        leave_dependent(place, MOST_RISE * target_gap)
    return ActiveSets(place, rank).minimise(target_gap)
