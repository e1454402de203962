"""What the methods of a loss must have to do with each other, tried on a few rows.

No test asks for convexity or for derivatives everywhere: a difference quotient of ``value`` lies
between the least and the largest ``gradient`` on its interval, with or without kinks there.
"""

import numpy as np

from nno_sklearn.contracts.answers import array_of, as_array, broken, span, worst
from nno_sklearn.losses import Curvature, Loss

N_ROWS = 32
#: Length of a difference quotient's interval to each side, and where its derivatives are asked.
STEP, TIMES = 0.02, np.linspace(-1.0, 1.0, 5)
#: Share of the largest of all rows that does not count in one of them.
NEGLIGIBLE = 1e-6
#: Least spread that is tried, in units of 1 and of the largest target: below it, digits are lost.
LEAST_UNIT = 0.01
#: Share of the rows that may have a jump of the gradient within an interval; and a much shorter
#: one, in which a jump is rare.
JUMPS, SHORTER = 0.25, 64
#: How far gradients are pulled into the conjugate's domain: they may be rounded out of it.
INSIDE = 1 - 1e-7


def examine_loss_on(loss, y, rng):
    """Raise a ValueError where a loss breaks its contract around targets ``y`` of a fit.

    Parameters
    ----------
    loss : Loss
    y : ndarray of shape (n_samples, n_outputs)
        A few of them are looked at.
    rng : RandomState
    """
    few = y[np.linspace(0, len(y) - 1, min(N_ROWS, len(y))).astype(int)]
    few = np.resize(few, (N_ROWS, y.shape[1]))
    with np.errstate(all="ignore"):
        start = array_of(loss, "link", y.mean(axis=0), shape=y.shape[1:])
    start = np.broadcast_to(np.nan_to_num(start, neginf=-40.0, posinf=40.0), few.shape)
    examine_loss(loss, few, start, start + rng.normal(size=few.shape), 1.0, rng)
    # Where predictions are in the target's units, its spread is the scale, and it the place.
    spread = max(float(np.std(few)), LEAST_UNIT * (1 + np.abs(few).max()))
    for eta, unit in ((start, spread), (few, spread), (few, 0.1 * spread)):
        other = eta + unit * rng.normal(size=few.shape)
        if _is_finite(loss, few, eta) and _is_finite(loss, few, other + unit):
            examine_loss(loss, few, eta, other, unit, rng)


def _is_finite(loss, y, eta):
    """Whether these raw predictions are moderate ones: exponentials overflow at others."""
    methods = {"value", "gradient"} & loss.provides
    with np.errstate(all="ignore"):
        return all(np.isfinite(getattr(loss, name)(y, eta)).all() for name in methods)


def examine_loss(loss, y, eta, other, unit, rng):
    """Raise a ValueError where the methods of a loss do not agree at some raw predictions.

    Parameters
    ----------
    loss : Loss
    y, eta, other : ndarray of shape (n_samples, n_outputs)
        Targets, and two raw predictions for each; ``other`` is at random, off any kink.
    unit : float
        Length by which raw predictions differ.
    rng : RandomState
    """
    with np.errstate(all="ignore"):
        _check_values(loss, y, eta)
        _check_values(loss, y, other)
        _check_prediction(loss, eta)
        if "gradient" not in loss.provides:
            return
        for step in _steps(rng, unit, y.shape):
            _check_gradient(loss, y, eta, step)
            _check_gradient(loss, y, other, step)
            _check_curvature(loss, y, other, step)
        _check_coupling(loss, y, other, unit)
        _check_derivatives(loss, y, other)
        _check_class_data(loss, y, eta, other)
        if "conjugate" in loss.provides:
            _check_conjugate(loss, y, eta, other)
            _check_conjugate(loss, y, other, eta)


def _steps(rng, unit, shape):
    """Steps from each raw prediction: all outputs at once, and one of several outputs."""
    if shape[1] == 1:
        return [np.full(shape, STEP * unit)]
    one = np.eye(shape[1])[rng.randint(shape[1], size=shape[0])]
    return [STEP * unit * rng.choice([-1.0, 1.0], shape), STEP * unit * one]


def _check_values(loss, y, eta):
    value = array_of(loss, "value", y, eta, shape=eta.shape)
    if np.isneginf(value).any():
        raise broken(
            loss, "value", "returned -inf, below which no optimum lies", "Bound it from below."
        )
    half = len(y) // 2
    part = array_of(loss, "value", y[:half], eta[:half], shape=eta[:half].shape)
    if not np.allclose(part, value[:half], rtol=1e-5, atol=0, equal_nan=True):
        raise broken(
            loss,
            "value",
            "returned other values for rows alone than for the same rows among others",
            "Return the loss of each entry by itself: weights and means are taken outside.",
        )


def _check_prediction(loss, eta):
    prediction = array_of(loss, "predict", eta, shape=eta.shape)
    if loss.probabilistic and not ((prediction > -1e-9) & (prediction < 1 + 1e-9)).all():
        found = f"returned numbers from {prediction.min():g} to {prediction.max():g}"
        raise broken(
            loss,
            "predict",
            f"{found}, but probabilistic = True promises probabilities",
            "Return numbers between 0 and 1, or set probabilistic = False.",
        )


def _check_gradient(loss, y, eta, step):
    down, up = (array_of(loss, "value", y, eta + t * step, shape=y.shape) for t in (-1, 1))
    gradients = [array_of(loss, "gradient", y, eta + t * step, shape=y.shape) for t in TIMES]
    rise = 0.5 * (up - down).sum(axis=1)
    slopes = np.stack([(gradient * step).sum(axis=1) for gradient in gradients])
    parts = np.abs(up) + np.abs(down) + np.abs(gradients[0]) * (np.abs(eta) + np.abs(y))
    rounding = _rounding(parts, up).sum(axis=1) + NEGLIGIBLE * _largest(rise)
    low, high = span(slopes)
    excess = np.maximum(rise - high, low - rise) - rounding
    excess = np.where(np.isfinite(rise), np.where(np.isnan(excess), np.inf, excess), -np.inf)
    row = worst(excess)
    if excess[row] > 0:
        length = np.linalg.norm(step[row])
        raise broken(
            loss,
            "gradient",
            f"is not the derivative of value: at y={y[row]}, eta={eta[row]}, along {step[row]}, it "
            f"gives {slopes[2, row] / length:g}, but differences of value {rise[row] / length:g}",
            "Return the derivative of value by eta: look for its sign, its scale and its y.",
        )


def _rounding(parts, result):
    """Rounding errors of a result, of the precision of its type, that was made of such parts."""
    return 1e4 * np.finfo(float).eps * parts if result.dtype == float else 1e-5 * parts


def _largest(array):
    return np.abs(array[np.isfinite(array)]).max(initial=0.0)


def curvature_of(loss, y, eta):
    """A loss's curvature, a :class:`Curvature` whose shapes are checked."""
    return _as_curvature(loss, "curvature", Curvature.of(loss.curvature(y, eta)), eta.shape)


def _as_curvature(loss, method, curvature, shape):
    diagonal = as_array(loss, method, curvature.diagonal, shape)
    if curvature.coupling is None:
        return Curvature(diagonal)
    return Curvature(diagonal, as_array(loss, method, curvature.coupling, shape))


def _check_curvature(loss, y, eta, step):
    if type(loss).curvature is Loss.curvature:
        return  # differences of the gradient
    bends, rise, differs = _compare_curvature(loss, y, eta, step)
    differs &= _compare_curvature(loss, y, eta, step / SHORTER)[2]
    informative = np.count_nonzero((rise != 0) | (bends != 0))
    if differs.sum() > max(1, JUMPS * informative):
        place = worst(np.where(differs, np.abs(rise - bends), -np.inf).ravel())
        row, column = np.unravel_index(place, rise.shape)
        square = (step**2)[row, column] if rise.shape == step.shape else step[row] @ step[row]
        raise broken(
            loss,
            "curvature",
            f"is not the derivative of gradient: at y={y[row]}, eta={eta[row]} it gives "
            f"{bends[row, column] / square:g}, but differences of gradient "
            f"{rise[row, column] / square:g}",
            "Return the second derivative of value by eta, or leave the method out: differences "
            "of the gradient then serve.",
        )


def _compare_curvature(loss, y, eta, step):
    """Second derivatives along a step as stated and by differences, and where they differ.

    Of each entry, (n_samples, n_outputs), or of each row, (n_samples, 1), where outputs interact.
    """
    down, up = (array_of(loss, "gradient", y, eta + t * step, shape=y.shape) for t in (-1, 1))
    curvatures = [curvature_of(loss, y, eta + t * step) for t in TIMES]
    products = [curvature.product(step) for curvature in curvatures]
    separate = all(curvature.coupling is None for curvature in curvatures)

    def along(array):
        parts = array * step
        return parts if separate else parts.sum(axis=1, keepdims=True)

    bends, rise = np.stack([along(product) for product in products]), 0.5 * along(up - down)
    parts = (np.abs(up) + np.abs(down) + np.abs(products[2] / step) * np.abs(eta)) * np.abs(step)
    parts = parts if separate else parts.sum(axis=1, keepdims=True)
    rounding = _rounding(parts, up) + NEGLIGIBLE * _largest(rise)
    low, high = span(bends, near=1e-4)
    low, high = low - rounding, high + rounding
    # Where a loss is not convex its curvature may be stated as 0, as solvers take it.
    agrees = ((low <= rise) & (rise <= high)) | ((rise < 0) & (low <= 0) & (0 <= high))
    known = np.isfinite(rise) & np.isfinite(low) & np.isfinite(high)
    return bends[2], rise, known & ~agrees


def _check_coupling(loss, y, eta, unit):
    """Outputs that interact need a curvature that says how: differences take them one by one."""
    if y.shape[1] == 1 or curvature_of(loss, y, eta).coupling is not None:
        return
    moved = eta + STEP * unit * np.eye(y.shape[1])[0]
    one, other = (array_of(loss, "gradient", y, at, shape=y.shape)[:, 1:] for at in (eta, moved))
    if not np.allclose(one, other, rtol=1e-6, atol=NEGLIGIBLE * _largest(one), equal_nan=True):
        raise broken(
            loss,
            "curvature",
            "says that outputs do not interact, but the gradient of one depends on another's eta",
            "Write curvature, and return Curvature(diagonal, coupling) with a coupling.",
        )


def _check_derivatives(loss, y, eta):
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


def _check_class_data(loss, y, eta, other):
    one, two = curvature_of(loss, y, eta).diagonal, curvature_of(loss, y, other).diagonal
    spread, size = np.abs(one - two).max(), np.abs(two).max()
    if loss.constant_curvature and not spread <= 1e-4 * size:
        raise broken(
            loss,
            "constant_curvature",
            f"is True, but curvature changes from {one.min():g} to {two.max():g}",
            "Set constant_curvature = False.",
        )
    largest = loss.largest_curvature
    if largest is not None and max(one.max(), two.max()) > largest * (1 + 1e-4):
        raise broken(
            loss,
            "largest_curvature",
            f"is {largest:g}, but curvature is {max(one.max(), two.max()):g}",
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


def _check_conjugate(loss, y, eta, other):
    """Fenchel and Young: ``value + conjugate >= u eta``, with equality at ``u = gradient``."""
    u = INSIDE * array_of(loss, "gradient", y, eta, shape=y.shape)
    values = [array_of(loss, "value", y, at, shape=y.shape) for at in (eta, other)]
    negligible = NEGLIGIBLE * max(map(_largest, values))
    for share, at, touches in ((1.0, eta, True), (1.0, other, False), (0.5, other, False)):
        value = values[0] if at is eta else values[1]
        conjugate = array_of(loss, "conjugate", y, share * u, shape=y.shape)
        product = share * u * at
        gap = (value + conjugate - product).sum(axis=1)
        size = (np.abs(value) + np.abs(product)).sum(axis=1)
        size += np.where(np.isfinite(conjugate), np.abs(conjugate), 0.0).sum(axis=1)
        slack = 1e-5 * size + negligible
        excess = np.where(np.isfinite(size), (np.abs(gap) if touches else -gap) - slack, 0.0)
        row = worst(excess)
        if excess[row] > 0:
            expected = f"u eta - value = {(product - value)[row].sum():g}"
            raise broken(
                loss,
                "conjugate",
                f"breaks Fenchel's inequality: at y={y[row]}, u={share * u[row]} it gives "
                f"{conjugate[row].sum():g}, but {'' if touches else 'at least '}{expected} at "
                f"eta={at[row]}" + (", whose gradient u is" if touches else ""),
                "Return sup over eta of u eta - value, inf outside of its domain, or leave the "
                "method out: a wrong one certifies what is wrong.",
            )
