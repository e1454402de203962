"""Proximal gradient steps with conjugate moves, on quadratic models with norms of many groups.

Newton's steps in the sizes of groups factor matrices over groups; where these are thousands, tens
of products with the Hessian cost less.
"""

from itertools import combinations_with_replacement

import numpy as np

from nno_sklearn.penalties import PiecewiseQuadratic
from nno_sklearn.solvers.models import stands_still

#: Steps between looks at the gap, and looks within which it must fall to a share.
BETWEEN_LOOKS, PATIENCE, WORTHWHILE = 5, 6, 0.5
#: Newton steps in a plane, halvings of one, and share of the first fall that a further one gains.
PLANE_STEPS, HALVINGS, LITTLE = 2, 10, 0.1
#: Share of a plane's largest curvature below which its directions are nearly the same.
OPEN = 1e-12
#: Least curvature of a step, as a share of the columns' own.
LEAST_STRETCH = 1e-3


class Kinks(PiecewiseQuadratic):
    """``sum l1 |w|`` as norms: those of no groups, and an l1 part."""

    radii = np.zeros(0)

    def sums(self, terms):
        """Of each group."""
        return self.radii


class PlaneSteps:
    """``g (v - w) + (v - w)' H (v - w) / 2 + norms(v)``, lowered by products with H.

    A proximal gradient step finds which groups are 0. It and the last move span a plane, whose
    lowest point is the next place: the model is there a function of two numbers, by the groups'
    inner products alone. Among groups that stay in use these are steps of conjugate gradients, and
    neither a momentum nor the length of a step is to be found (Zibulevsky and Elad, 2010).

    Parameters
    ----------
    norms : GroupNorms or Kinks
        Without squares, which are H's.
    product : callable
        ``H d``.
    diagonal : ndarray of shape (n_features, 1) or (n_features, n_outputs)
        About that of H, the same for all of a group.
    v, slope : ndarray of shape (n_features, n_outputs)
        Where to begin, and the model's slope there.

    References
    ----------
    M. Zibulevsky and M. Elad (2010): L1-L2 optimization in signal and image processing. IEEE Signal
    Processing Magazine 27(3), 76-88.
    """

    def __init__(self, norms, product, diagonal, v, slope):
        self._norms, self._product, self._diagonal = norms, product, diagonal
        self._v, self._slope, self._last = np.asfortranarray(v), np.asfortranarray(slope), []
        self._stretch = 1.0

    def minimise(self, gap, target_gap, most):
        """Steps until a gap is reached, it hardly falls any more, or so many are done.

        Parameters
        ----------
        gap : callable
            The duality gap at coefficients and the slope there.
        target_gap : float
        most : int

        Returns
        -------
        v, slope : ndarray of shape (n_features, n_outputs)
        is_reached : bool
        """
        gaps = []
        for count in range(1, most + 1):
            ahead, image = self._proximal_step()
            near, slope = self._v + ahead, self._slope + image
            if count % BETWEEN_LOOKS == 0 or count == most:
                gaps.append(gap(near, slope))
                if gaps[-1] <= target_gap:
                    return near, slope, True
                if stands_still(gaps, PATIENCE, WORTHWHILE):
                    break
            if not self._move([(ahead, image), *self._last]):
                break
        return near, slope, False

    def _proximal_step(self):
        """A proximal gradient step, and its image by H; as long as would have been best for the one
        before."""
        curvature = self._stretch * self._diagonal
        step = np.divide(1.0, curvature, out=np.zeros_like(curvature), where=curvature > 0)
        ahead = self._norms.prox(self._v - step * self._slope, step) - self._v
        image = self._product(ahead)
        square = _inner(ahead, self._diagonal * ahead)
        if square > 0:
            self._stretch = max(_inner(ahead, image) / square, LEAST_STRETCH)
        return ahead, image

    def _move(self, directions):
        """Go to the lowest place in the span of directions, (d, H d) each; whether there is one
        below this."""
        plane = _Plane(self._norms, self._v, self._slope, directions)
        shares = plane.lowest()
        if shares is None:
            return False
        move, image = (
            sum(share * part for share, part in zip(shares, parts, strict=True))
            for parts in zip(*directions, strict=True)
        )
        self._v, self._slope, self._last = self._v + move, self._slope + image, [(move, image)]
        return True


def _inner(a, b):
    """Inner product of arrays in column order."""
    return float(np.vdot(a.T, b.T))


class _Plane:
    """The model along directions: a quadratic, and norms of groups by their inner products."""

    def __init__(self, norms, v, slope, directions):
        along, images = zip(*directions, strict=True)
        self._radii, every = norms.radii, (v, *along)
        self._slopes = np.asarray([_inner(slope, d) for d in along])
        self._curvature = np.asarray([[_inner(d, image) for image in images] for d in along])
        size = len(every)
        self._inner = np.empty((size, size, len(norms.radii)))
        for i, j in combinations_with_replacement(range(size), 2):
            self._inner[i, j] = self._inner[j, i] = norms.sums(every[i] * every[j])
        self._l1, self._start, self._along = norms.l1, v, along

    def lowest(self):
        """Shares of the directions where it is about lowest; None where it is not lower than here.

        The first direction descends.
        """
        whole = np.eye(len(self._slopes))[0]
        shares, place = self._fall(np.zeros_like(whole), self._at(np.zeros_like(whole)), whole)
        for _ in range(PLANE_STEPS):
            value, slope, curvature = place
            step = -np.linalg.lstsq(curvature, slope, rcond=OPEN)[0]
            if not slope @ step < 0:
                break
            shares, place = self._fall(shares, place, step)
            if value - place[0] <= LITTLE * -value:
                break
        return shares if place[0] < 0 else None

    def _fall(self, shares, place, step):
        """The first place on the way back from the end of a step that is lower."""
        for halvings in range(HALVINGS):
            new = shares + 0.5**halvings * step
            found = self._at(new)
            if found[0] < place[0]:
                return new, found
        return shares, place

    def _at(self, shares):
        """By what the model is above that at the start, its slope and its curvature."""
        here, mixed = self._inner[0, 0], np.tensordot(shares, self._inner[1:], 1)
        products = self._inner[0, 1:] + mixed[1:]  # of the place, with each direction
        change = mixed[0] + shares @ products  # of the squares; small without cancellation
        sizes = np.sqrt(np.maximum(here + change, 0.0))
        inverse = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        total = np.sqrt(here) + sizes
        growth = np.divide(change, total, out=np.zeros_like(total), where=total > 0)
        rates, radial = self._radii * inverse, products * inverse
        bent = self._curvature @ shares
        value = (self._slopes + 0.5 * bent) @ shares + self._radii @ growth
        slope = self._slopes + bent + products @ rates
        curvature = self._curvature + self._inner[1:, 1:] @ rates - (radial * rates) @ radial.T
        if np.any(self._l1):
            place = self._start + sum(t * d for t, d in zip(shares, self._along, strict=True))
            value += float((self._l1 * (np.abs(place) - np.abs(self._start))).sum())
            signs = self._l1 * np.sign(place)
            slope += np.asarray([_inner(signs, d) for d in self._along])
        return value, slope, curvature
