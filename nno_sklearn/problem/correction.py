"""A quadratic that corrects an objective on condensed rows for the scatter they have lost."""

import numpy as np


class NoCorrection:
    """No correction: the rows are all there are."""

    is_zero = True
    shift = 0.0

    def centred(self, rows):
        return self

    def columns(self, index):
        return self

    def shifted(self, sums):
        return sums

    def product(self, coef):
        return 0.0

    def gradient(self, coef):
        return 0.0

    def values(self, coef):
        return 0.0

    def block(self, k, m):
        return 0.0

    def second_order(self, data, coef, b):
        """The data loss's :class:`SecondOrder` at coefficients and an intercept, corrected."""
        return data


class Tilt(NoCorrection):
    """``<linear, w> + shift b + level`` of centred columns, added to the data loss.

    It gives an objective on few rows the gradient of all rows at some coefficients.

    Parameters
    ----------
    linear : ndarray of shape (n_features, n_outputs)
    shift : ndarray of shape (n_outputs,)
        Of the intercept.
    level : ndarray of shape (n_outputs,)
    """

    is_zero = False

    def __init__(self, linear, shift, level):
        self.linear, self.shift, self.level = linear, shift, level

    @classmethod
    def at(cls, coef, intercept, linear, shift):
        """The one that is 0 at some coefficients and an intercept."""
        return cls(linear, shift, -np.einsum("jk,jk->k", coef, linear) - shift * intercept)

    def columns(self, index):
        """The same with all coefficients but those of ``index`` held at 0."""
        return Tilt(self.linear[index], self.shift, self.level)

    def shifted(self, sums):
        """Sums over the rows with the derivative by the intercept."""
        return sums._replace(total=sums.total + self.shift)

    def gradient(self, coef):
        """Derivative by the coefficients."""
        return self.linear

    def product(self, coef):
        """Second derivative times ``coef``."""
        return np.zeros_like(coef)

    def values(self, coef):
        """Each output's share without the intercept's part, (n_outputs,)."""
        return np.einsum("jk,jk->k", coef, self.linear) + self.level

    def block(self, k, m):
        """Second derivative by the coefficients of outputs k and m."""
        return np.zeros((len(self.linear),) * 2)

    def second_order(self, data, coef, b):
        outputs = np.arange(coef.shape[1]).reshape(len(data.blocks), -1)
        for block, coupled in zip(data.blocks, outputs, strict=True):
            added = np.block([[self.block(k, m) for m in coupled] for k in coupled])
            block[: len(added), : len(added)] += added
        return data._replace(
            values=data.values + self.values(coef) + self.shift * b,
            total=data.total + self.shift,
            gradient=data.gradient + self.gradient(coef),
        )


class Correction(Tilt):
    """``<linear, w> + shift b + <w, scatter w curvature> / 2 + level``, added to the data loss.

    Rows that were replaced by means of rows lack the scatter around the means, and with it part
    of the gradient and of the curvature (the idea of DANE: Shamir, Srebro and Zhang, 2014).

    Parameters
    ----------
    linear : ndarray of shape (n_features, n_outputs)
    shift : ndarray of shape (n_outputs,)
        Of the intercept.
    scatter : ndarray of shape (n_features, n_features), or (n_features,) for its diagonal
        Positive semi-definite.
    curvature : ndarray of shape (n_outputs, n_outputs)
        Mean second derivatives of the loss by the raw predictions; positive semi-definite.
    level : ndarray of shape (n_outputs,) or float, default=0.0
        Each output's constant. It moves no minimum, but tolerances are shares of the objective.
    """

    def __init__(self, linear, shift, scatter, curvature, level=0.0):
        self.linear, self.shift, self.scatter, self.curvature = linear, shift, scatter, curvature
        self.level = level

    def centred(self, rows):
        """For columns whose centre is taken out of X; constant columns act as zeros."""
        used = rows.scale > 0
        linear = np.where(used[:, None], self.linear - np.outer(rows.origin, self.shift), 0.0)
        mask = used if self.scatter.ndim == 1 else np.outer(used, used)
        scatter = np.where(mask, self.scatter, 0.0)
        return Correction(linear, self.shift, scatter, self.curvature, self.level)

    def columns(self, index):
        """The same with all coefficients but those of ``index`` held at 0."""
        square = self.scatter.ndim == 2
        scatter = self.scatter[np.ix_(index, index)] if square else self.scatter[index]
        linear = self.linear[index]
        return Correction(linear, self.shift, scatter, self.curvature, self.level)

    def product(self, coef):
        """Second derivative times ``coef``."""
        spread = self.scatter @ coef if self.scatter.ndim == 2 else self.scatter[:, None] * coef
        return spread @ self.curvature

    def gradient(self, coef):
        """Derivative by the coefficients."""
        return self.linear + self.product(coef)

    def values(self, coef):
        """Each output's share without the intercept's part, (n_outputs,)."""
        return np.einsum("jk,jk->k", coef, self.linear + 0.5 * self.product(coef)) + self.level

    def block(self, k, m):
        """Second derivative by the coefficients of outputs k and m."""
        square = self.scatter.ndim == 2
        return self.curvature[k, m] * (self.scatter if square else np.diag(self.scatter))
