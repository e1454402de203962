"""A loss's second derivatives, checked against differences of its gradient."""

import numpy as np

from nno_sklearn.contracts.answers import array_of, as_array, broken
from nno_sklearn.contracts.differences import (
    NEGLIGIBLE,
    STEP,
    TIMES,
    largest,
    rounding_of,
    span,
    worst,
)
from nno_sklearn.losses import Curvature, Loss

#: Share of the rows whose curvature may jump within an interval; and a divisor of its length, for
#: a much shorter one in which jumps are rare.
JUMPS, SHORTER = 0.25, 1024


def curvature_of(loss, y, eta):
    """A loss's curvature, a :class:`Curvature` whose shapes are checked."""
    return _as_curvature(loss, "curvature", Curvature.of(loss.curvature(y, eta)), eta.shape)


def _as_curvature(loss, method, curvature, shape):
    diagonal = as_array(loss, method, curvature.diagonal, shape)
    if curvature.coupling is None:
        return Curvature(diagonal)
    return Curvature(diagonal, as_array(loss, method, curvature.coupling, shape))


def check_curvature(loss, y, eta, step):
    if type(loss).curvature is Loss.curvature:
        return  # differences of the gradient
    stated, rise, differs = _compare_curvature(loss, y, eta, step)
    differs &= _compare_curvature(loss, y, eta, step / SHORTER)[2]
    informative = np.count_nonzero((rise != 0) | (stated != 0))
    if differs.sum() > max(1, JUMPS * informative):
        index = worst(np.where(differs, np.abs(rise - stated), -np.inf).ravel())
        row, column = np.unravel_index(index, rise.shape)
        square = (step**2)[row, column] if rise.shape == step.shape else step[row] @ step[row]
        raise broken(
            loss,
            "curvature",
            f"is not the derivative of gradient: at y={y[row]}, eta={eta[row]} it gives "
            f"{stated[row, column] / square:g}, but differences of gradient "
            f"{rise[row, column] / square:g}",
            "Return the second derivative of value by eta, or leave the method out: differences "
            "of the gradient then serve.",
        )


def _compare_curvature(loss, y, eta, step):
    """Second derivatives along a step as stated and by differences, and where they differ.

    By entry, (n_samples, n_outputs), or by row, (n_samples, 1), where outputs interact.
    """
    down, up = (array_of(loss, "gradient", y, eta + t * step, shape=y.shape) for t in (-1, 1))
    curvatures = [curvature_of(loss, y, eta + t * step) for t in TIMES]
    products = [curvature.product(step) for curvature in curvatures]
    separate = all(curvature.coupling is None for curvature in curvatures)

    def along(array):
        parts = array * step
        return parts if separate else parts.sum(axis=1, keepdims=True)

    stated, rise = np.stack([along(product) for product in products]), 0.5 * along(up - down)
    sizes = np.abs(up) + np.abs(down) + np.abs(y).max(axis=1, keepdims=True)
    parts = sizes * np.abs(step) + np.abs(products[2]) * np.abs(eta)
    parts = parts if separate else parts.sum(axis=1, keepdims=True)
    rounding = rounding_of(parts, up) + NEGLIGIBLE * largest(rise)
    low, high = span(stated, near=1e-4)
    low, high = low - rounding, high + rounding
    # Where a loss is not convex it may return 0, or what a solver should use there instead.
    agrees = ((low <= rise) & (rise <= high)) | ((rise < 0) & (0 <= high))
    known = np.isfinite(rise) & np.isfinite(low) & np.isfinite(high)
    return stated[2], rise, known & ~agrees


def check_coupling(loss, y, eta, unit):
    """Outputs that interact need a ``curvature``: default differences treat each by itself."""
    if y.shape[1] == 1 or curvature_of(loss, y, eta).coupling is not None:
        return
    moved = eta + STEP * unit * np.eye(y.shape[1])[0]
    one, other = (array_of(loss, "gradient", y, at, shape=y.shape)[:, 1:] for at in (eta, moved))
    if not np.allclose(one, other, rtol=1e-6, atol=NEGLIGIBLE * largest(one), equal_nan=True):
        raise broken(
            loss,
            "curvature",
            "says that outputs do not interact, but the gradient of one depends on another's eta",
            "Write curvature, and return Curvature(diagonal, coupling) with a coupling.",
        )


def check_derivatives(loss, y, eta):
    if type(loss).derivatives is Loss.derivatives:
        return
    remedy = "Return (gradient, Curvature), equal to gradient and curvature, or leave it out."
    returned = loss.derivatives(y, eta)
    if not (isinstance(returned, tuple) and len(returned) == 2):
        found = f"returned a {type(returned).__name__}, but two results are expected"
        raise broken(loss, "derivatives", found, remedy)
    gradient, curvature = returned
    if not isinstance(curvature, Curvature):
        found = f"returned a {type(curvature).__name__} as the second result"
        raise broken(loss, "derivatives", found, remedy)
    gradient = as_array(loss, "derivatives", gradient, eta.shape)
    curvature = _as_curvature(loss, "derivatives", curvature, eta.shape)
    expected = curvature_of(loss, y, eta)
    pairs = [
        ("gradient", gradient, array_of(loss, "gradient", y, eta, shape=eta.shape)),
        ("curvature", curvature.product(gradient), expected.product(gradient)),
    ]
    for name, one, other in pairs:
        known = np.isfinite(one) & np.isfinite(other)
        if not np.allclose(one[known], other[known], rtol=1e-4, atol=1e-9):
            raise broken(loss, "derivatives", f"gives another {name} than {name} does", remedy)


def check_class_data(loss, y, eta, other):
    one, two = curvature_of(loss, y, eta).diagonal, curvature_of(loss, y, other).diagonal
    spread, size = np.abs(one - two).max(), np.abs(two).max()
    if loss.constant_curvature and not spread <= 1e-4 * size:
        raise broken(
            loss,
            "constant_curvature",
            f"is True, but curvature changes from {one.min():g} to {two.max():g}",
            "Set constant_curvature = False.",
        )
    bound, found = loss.largest_curvature, max(one.max(), two.max())
    if bound is not None and found > bound * (1 + 1e-4):
        raise broken(
            loss,
            "largest_curvature",
            f"is {bound:g}, but curvature is {found:g}",
            "Give the largest that there is, or None.",
        )
    if loss.is_quadratic:
        _check_quadratic(loss, y, other, two)


def _check_quadratic(loss, y, eta, curvature):
    expected = 0.5 * curvature.flat[0] * (eta - y) ** 2
    value = array_of(loss, "value", y, eta, shape=eta.shape)
    if not np.allclose(value, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max()):
        raise broken(
            loss,
            "is_quadratic",
            "is True, but value is no multiple of (eta - y)^2",
            "Set is_quadratic = False: else rows are summed up as for squared errors.",
        )
