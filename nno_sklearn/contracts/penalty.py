"""Consistency of the methods of a penalty, tried on a few coefficients."""

import numpy as np

from nno_sklearn.contracts.answers import array_of, broken, number_of
from nno_sklearn.contracts.differences import INSIDE, STEP, TIMES, span, worst
from nno_sklearn.penalties import Penalty

#: Relative rounding of a value.
ROUNDING = 1e-11
#: Coefficients at which curvatures are compared with differences.
N_CURVATURES = 4


def examine_penalty(penalty, shape, rng, size=1.0):
    """Raise a ValueError where the methods of a penalty do not agree.

    Parameters
    ----------
    penalty : Penalty
    shape : tuple
        Shape of the coefficients, (n_features, n_outputs).
    rng : RandomState
    size : float, default=1.0
        Size of the coefficients that are tried.
    """
    provides = penalty.provides
    if "value" not in provides:
        return
    with np.errstate(all="ignore"):
        w = size * rng.normal(size=shape)
        _check_value(penalty, w)
        if "gradient" in provides:
            _check_gradient(penalty, w, rng)
        if "prox" in provides:
            for step in (0.1, 1.0):
                _check_prox(penalty, w, step, rng)
        _check_curvature(penalty, w, rng)
        if provides & {"gradient", "prox"}:
            _check_subdiff_distance(penalty, w)
            if "conjugate" in provides:
                _check_conjugate(penalty, w)
                _check_dual_scaling(penalty, w)


def _check_value(penalty, w):
    start = array_of(penalty, "feasible_start", w.shape, shape=w.shape)
    first = number_of(penalty, "value", start)
    if not np.isfinite(first):
        where = "at its feasible_start" if start.any() else "where all coefficients are 0"
        raise broken(
            penalty,
            "value",
            f"is {first:g} {where}, but that is where fits begin",
            "Allow 0, or return allowed coefficients from feasible_start(shape).",
        )
    if number_of(penalty, "value", w) == -np.inf:
        raise broken(penalty, "value", "returned -inf", "Bound it from below.")


def _check_gradient(penalty, w, rng):
    step = STEP * np.abs(w).max() * rng.choice([-1.0, 1.0], w.shape)
    down, up = (number_of(penalty, "value", w + t * step) for t in (-1, 1))
    slopes = [array_of(penalty, "gradient", w + t * step, shape=w.shape) for t in TIMES]
    slopes = np.array([np.vdot(slope, step) for slope in slopes])
    rise, rounding = 0.5 * (up - down), ROUNDING * (abs(up) + abs(down))
    low, high = span(slopes)
    if not low - rounding <= rise <= high + rounding:
        length = np.linalg.norm(step)
        raise broken(
            penalty,
            "gradient",
            f"is not the derivative of value: along a step it gives {slopes[2] / length:g}, but "
            f"differences of value {rise / length:g}",
            "Return the derivative by each coefficient, or leave the method out where there is "
            "none: prox then serves.",
        )


def _feasible(penalty, w):
    """Coefficients near w whose penalty is finite."""
    return array_of(penalty, "prox", w, 1.0, shape=w.shape) if "prox" in penalty.provides else w


def check_elementwise_prox(penalty, w, rng):
    """Raise a ValueError unless the prox takes a step for each coefficient that is not tied."""
    with np.errstate(all="ignore"):
        step = 1 / penalty.tied(rng.choice([1e3, 10.0, 1.0, 0.1], w.shape))
        _check_prox(penalty, w, step, rng)


def _check_prox(penalty, w, step, rng):
    """No point tried may have a lower objective than the prox."""
    best = array_of(penalty, "prox", w, step, shape=w.shape)

    def objective(v):
        return (0.5 * (v - w) ** 2 / step).sum() + number_of(penalty, "value", v)

    least, toward = objective(best), np.abs(w) * rng.normal(size=w.shape)
    directions = [w - best, -best, toward, best]
    trials = [best + t * direction for direction in directions for t in (1.0, 0.05, -0.05)]
    values = np.array([objective(trial) for trial in trials])
    lowest = worst(-values)
    if not least <= values[lowest] + 1e-9 * (abs(least) + (w**2 / step).sum()):
        steps = f"step={step}" if np.ndim(step) == 0 else "a step for each coefficient"
        raise broken(
            penalty,
            "prox",
            f"does not minimise |v - w|^2 / (2 step) + penalty(v) with {steps}: the objective is "
            f"{least:g}, but {values[lowest]:g} at another v",
            "Return the minimiser; step multiplies the penalty.",
        )


def _check_curvature(penalty, w, rng):
    """The curvature must lie between 0, which is safe, and the second derivative."""
    if type(penalty).curvature is Penalty.curvature:
        return
    w = _feasible(penalty, w)
    for index in rng.randint(w.size, size=N_CURVATURES):
        step = np.zeros_like(w)
        step.flat[index] = STEP * max(np.sqrt(np.mean(w**2)), STEP)
        stated = [array_of(penalty, "curvature", w + t * step, shape=w.shape) for t in TIMES]
        low, high = span(np.array([np.vdot(one * step, step) for one in stated]), near=1e-3)
        rise, rounding = _second_difference(penalty, w, step)
        if low > max(rise, 0.0) + rounding or high < min(rise, 0.0) - rounding:
            square = np.vdot(step, step)
            raise broken(
                penalty,
                "curvature",
                f"returned {stated[2].flat[index]:g} at a coefficient of {w.flat[index]:g}, but "
                f"the value's second derivative is about {rise / square:g}",
                "Return the second derivative, or 0.",
            )


def _second_difference(penalty, w, step):
    """The second derivative along a step, times its squared length, and its rounding error."""
    if "gradient" in penalty.provides:
        slopes = [array_of(penalty, "gradient", w + t * step, shape=w.shape) for t in (-1, 1)]
        rounding = ROUNDING * sum(np.vdot(np.abs(slope), np.abs(step)) for slope in slopes)
        return 0.5 * np.vdot(slopes[1] - slopes[0], step), rounding
    down, here, up = (number_of(penalty, "value", w + t * step) for t in (-1, 0, 1))
    return up - 2 * here + down, ROUNDING * abs(here)


def _subgradient(penalty, w):
    """Coefficients and a subgradient of the penalty there."""
    if "gradient" in penalty.provides:
        return w, array_of(penalty, "gradient", w, shape=w.shape)
    v = _feasible(penalty, w)
    return v, w - v


def _check_subdiff_distance(penalty, w):
    if type(penalty).subdiff_distance is Penalty.subdiff_distance:
        return
    v, z = _subgradient(penalty, w)
    size = 1 + np.abs(z).max() + np.abs(v).max()
    for slope, is_optimal in ((-z, True), (3.0 * size - z, False), (-z - 3.0 * size, False)):
        before = v, slope
        distance = array_of(penalty, "subdiff_distance", *before, shape=w.shape)
        expected = Penalty.subdiff_distance(penalty, v, slope)
        if is_optimal:
            agrees = np.abs(distance).max() <= 1e-6 * size
        else:
            agrees = (distance >= 0).all() and 0.1 * np.linalg.norm(expected) <= np.linalg.norm(
                distance
            )
        if not agrees:
            index = worst(np.abs(distance - expected).ravel())
            raise broken(
                penalty,
                "subdiff_distance",
                f"returned {distance.flat[index]:g} at a coefficient of {v.flat[index]:g} with "
                f"gradient {slope.flat[index]:g}, but about {expected.flat[index]:g} is expected",
                "Return the distance of -gradient to the subdifferential, 0 at an optimum only, or "
                "leave the method out.",
            )


def _check_conjugate(penalty, w):
    """Fenchel-Young: ``value + conjugate >= z w``, with equality at subgradients."""
    v, z = _subgradient(penalty, w)
    _check_fenchel(penalty, v, INSIDE * z, touches=True)
    for slope in (INSIDE * z, w, 10.0 * w):
        for at in (3.0 * v, -v, 100.0 * v, 100.0 * slope, np.zeros_like(v)):
            _check_fenchel(penalty, at, slope, touches=False)


def _check_fenchel(penalty, w, z, touches):
    value, conjugate = number_of(penalty, "value", w), number_of(penalty, "conjugate", z)
    product = np.vdot(z, w)
    gap = value + conjugate - product
    finite = abs(conjugate) if np.isfinite(conjugate) else 0.0
    slack = 1e-5 * (abs(value) + abs(product) + finite)
    if not -slack <= gap or (touches and not gap <= slack):
        raise broken(
            penalty,
            "conjugate",
            f"breaks Fenchel's inequality: it gives {conjugate:g}, but "
            f"{'' if touches else 'at least '}z w - penalty(w) = {product - value:g} is "
            f"expected at a w{' whose subgradient z is' if touches else ''}",
            "Return sup over w of z w - penalty(w), inf outside of its domain, or leave the "
            "method out: a wrong one certifies what is wrong.",
        )


def _check_dual_scaling(penalty, w):
    for size in (0.1, 1.0, 10.0, 1e6):
        z = size * w
        scaling = number_of(penalty, "dual_scaling", z)
        if not 0 <= scaling <= 1:
            raise broken(
                penalty,
                "dual_scaling",
                f"returned {scaling:g}, but a factor between 0 and 1 is expected",
                "Return the largest factor up to 1 that brings z into the conjugate's domain.",
            )
        if type(penalty).dual_scaling is Penalty.dual_scaling:
            continue  # the default assumes that every z is in the domain
        if not np.isfinite(number_of(penalty, "conjugate", INSIDE * scaling * z)):
            raise broken(
                penalty,
                "dual_scaling",
                f"returned {scaling:g}, but conjugate is inf at z times that: it lies outside of "
                "the domain",
                "Return a factor that brings z into the conjugate's domain.",
            )
