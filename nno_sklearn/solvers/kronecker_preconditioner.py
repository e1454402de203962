"""The preconditioner of many coupled outputs: one matrix over features times one over outputs."""

import numpy as np

from nno_sklearn.solvers.preconditioner import positive_diagonal

#: Power of a class's own curvature, the rest being the largest, where no matrix over the classes is
#: known. With the plain curvature a rare class leaps to where its probability is far larger; this
#: power was the best of those tried on 250 words as classes.
SPREAD = 0.35


class KroneckerPreconditioner:
    """``(A x C + 1 x D)^-1`` for a matrix A over features, C over outputs and a diagonal D.

    The Hessian of a softmax has K p x K p entries; where the rows' curvature varies little, it is
    nearly the Kronecker product of the columns' second moments and of the second derivative by
    the intercept (as in K-FAC; Martens and Grosse, 2015). In the eigenvectors of both factors the
    inverse is diagonal, and exact in the penalty's D.

    Parameters
    ----------
    features : Factor
        Eigenvalues and eigenvectors of ``D^-1/2 A D^-1/2``, and ``D^-1/2``.
    outputs : tuple of (values, vectors)
        Eigenvalues and eigenvectors of C; None for the unit vectors.
    """

    is_hessian = False

    def __init__(self, features, outputs):
        values, self._vectors, self._scaling, rest = features
        curvatures, self._outputs = outputs
        inverse = 1.0 / (np.multiply.outer(values, curvatures) + 1.0)
        self._others = None
        if rest is not None:  # of directions that are not known, and the known ones beside it
            others = 1.0 / (rest * curvatures + 1.0)
            inverse -= others
            self._others = self._narrow(others)
        self._inverse = self._narrow(inverse)
        if self._outputs is not None:
            self._outputs = self._narrow(self._outputs)

    def _narrow(self, array):
        """As precise as the eigenvectors."""
        return array.astype(self._vectors.dtype)

    def solve(self, gradient):
        scaling, outputs = self._scaling[:, None], self._outputs
        inside = self._narrow(scaling * gradient)
        if outputs is not None:
            inside = inside @ outputs
        solution = self._vectors @ (self._inverse * (self._vectors.T @ inside))
        if self._others is not None:
            solution += self._others * inside
        return scaling * (solution if outputs is None else solution @ outputs.T)


class KroneckerAtPoint:
    """The :class:`KroneckerPreconditioner` at a point, by landmark rows' second moments.

    The factor over features is made once for all fits to the landmarks; that over outputs is given
    by each point.

    Parameters
    ----------
    landmarks : Landmarks
        With the problem of the run.
    n_rows : int
        Number of landmarks.
    """

    def __init__(self, landmarks, n_rows):
        self._problem, self._moments = landmarks.problem, landmarks.moments(n_rows)

    def take_over(self, other):
        """Start with the second moments of another run on the same landmarks."""
        self._moments = other._moments

    def __call__(self, point):
        return self.at(point.coef, point.data_diagonal, point.sums.curvature.eigen())

    def at(self, coef, data_diagonal, outputs):
        """The preconditioner at coefficients.

        Parameters
        ----------
        coef, data_diagonal : ndarray of shape (n_features, n_outputs)
            The latter as of a :class:`~nno_sklearn.problem.Point`.
        outputs : tuple of (values, vectors)
            Eigenvalues and eigenvectors of the second derivative by the intercept.
        """
        problem = self._problem
        smooth = problem.alpha * problem.penalty.curvature(coef)
        diagonal = positive_diagonal(smooth, data_diagonal).mean(axis=1)
        size = diagonal.mean()
        unit = diagonal / size if size > 0 else diagonal
        largest = outputs[0].max()
        least = size / largest if largest > 0 else np.inf
        features = self._moments.factor(unit, least).times(1.0 / size if size > 0 else 0.0)
        return KroneckerPreconditioner(features, _spread(*outputs))


def _spread(values, vectors):
    """Curvatures of the outputs alone, nearer to the largest of them."""
    if vectors is None:
        values = values**SPREAD * values.max() ** (1.0 - SPREAD)
    return values, vectors
