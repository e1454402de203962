"""Consistency of the methods of a loss, tried on a few rows."""

import numpy as np

from nno_sklearn.contracts.answers import array_of, broken
from nno_sklearn.contracts.curvature import (
    check_class_data,
    check_coupling,
    check_curvature,
    check_derivatives,
)
from nno_sklearn.contracts.differences import (
    INSIDE,
    NEGLIGIBLE,
    STEP,
    TIMES,
    largest,
    rounding_of,
    span,
    worst,
)

N_ROWS = 32
#: Least spread that is tried, relative to 1 plus the largest target: below it, digits are lost.
LEAST_UNIT = 0.01
#: Width of the smoothed losses that are tried, relative to the raw predictions' spread.
WIDTH = 0.1
#: Raw prediction in place of an infinite one, such as that of a class without rows.
FAR = 5.0


def examine_loss_on(loss, y, rng):
    """Raise a ValueError where a loss breaks its contract around targets ``y`` of a fit.

    Parameters
    ----------
    loss : Loss
    y : ndarray of shape (n_samples, n_outputs)
        At most :data:`N_ROWS` of them are used.
    rng : RandomState
    """
    few = y[np.linspace(0, len(y) - 1, min(N_ROWS, len(y))).astype(int)]
    few = np.resize(few, (N_ROWS, y.shape[1]))
    with np.errstate(all="ignore"):
        start = array_of(loss, "link", y.mean(axis=0), shape=y.shape[1:])
    start = np.broadcast_to(np.nan_to_num(start, neginf=-FAR, posinf=FAR), few.shape)
    examine_loss(loss, few, start, start + rng.normal(size=few.shape), 1.0, rng)
    # Where predictions are in units of the target, try them near it, at the scale of its spread.
    spread = max(float(np.std(few)), LEAST_UNIT * (1 + np.abs(few).max()))
    for eta, unit in ((start, spread), (few, spread), (few, 0.1 * spread), (few, 1.0)):
        other = eta + unit * rng.normal(size=few.shape)
        if all(_is_finite(loss, few, at) for at in (eta, other - unit, other + unit)):
            examine_loss(loss, few, eta, other, unit, rng)


def _is_finite(loss, y, eta):
    """Whether value and gradient are finite: exponentials overflow at large raw predictions."""
    methods = {"value", "gradient"} & loss.provides
    with np.errstate(all="ignore"):
        return all(np.isfinite(getattr(loss, name)(y, eta)).all() for name in methods)


def examine_loss(loss, y, eta, other, unit, rng):
    """Raise a ValueError where the methods of a loss do not agree at some raw predictions.

    Parameters
    ----------
    loss : Loss
    y, eta, other : ndarray of shape (n_samples, n_outputs)
        Targets, and two raw predictions for each; ``other`` is random, so that the loss is
        differentiable there.
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
            check_curvature(loss, y, other, step)
        check_coupling(loss, y, other, unit)
        check_derivatives(loss, y, other)
        check_class_data(loss, y, eta, other)
        if "conjugate" in loss.provides:
            _check_conjugate(loss, y, eta, other)
            _check_conjugate(loss, y, other, eta)
        if not loss.is_smooth:
            _check_smoothed(loss, y, other, unit)


def _steps(rng, unit, shape):
    """Steps from each raw prediction: in all outputs at once, and in one of several."""
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
    parts += np.abs(y).max(axis=1, keepdims=True) * np.abs(step)  # of a gradient such as p - y
    rounding = rounding_of(parts, up).sum(axis=1) + NEGLIGIBLE * largest(rise)
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


def _check_smoothed(loss, y, eta, unit):
    """A smoothed loss is a smooth one below the loss, whose gradients its conjugate takes."""
    smooth = loss.smoothed(WIDTH * unit)
    if not smooth.is_smooth:
        raise broken(
            loss, "smoothed", "returned a loss that has a smoothed itself", "Return a smooth loss."
        )
    value, below = (array_of(one, "value", y, eta, shape=y.shape) for one in (loss, smooth))
    excess = (below - value) - rounding_of(np.abs(value) + np.abs(y) + np.abs(eta), value)
    row = worst(excess.max(axis=1))
    if excess[row].max() > 0:
        raise broken(
            loss,
            "smoothed",
            f"returned a loss above this one: at y={y[row]}, eta={eta[row]} it is {below[row]}, "
            f"not {value[row]}",
            "Return Moreau's envelope, or another loss from below: its optimum then bounds this "
            "one's.",
        )
    if "conjugate" in loss.provides:
        gradient = array_of(smooth, "gradient", y, eta, shape=y.shape)
        outside = np.isinf(array_of(loss, "conjugate", y, INSIDE * gradient, shape=y.shape))
        row = worst(outside.any(axis=1).astype(float))
        if outside[row].any():
            raise broken(
                loss,
                "smoothed",
                f"has gradients that the loss itself has nowhere: at y={y[row]}, eta={eta[row]}, "
                f"{gradient[row]} is outside of the conjugate's domain",
                "Return Moreau's envelope, whose gradients are subgradients of this loss.",
            )


def _check_conjugate(loss, y, eta, other):
    """Fenchel-Young: ``value + conjugate >= u eta``, with equality at ``u = gradient``."""
    u = INSIDE * array_of(loss, "gradient", y, eta, shape=y.shape)
    values = [array_of(loss, "value", y, at, shape=y.shape) for at in (eta, other)]
    negligible = NEGLIGIBLE * max(map(largest, values))
    for share, at, touches in ((1.0, eta, True), (1.0, other, False), (0.5, other, False)):
        value = values[0] if at is eta else values[1]
        conjugate = array_of(loss, "conjugate", y, share * u, shape=y.shape)
        product = share * u * at
        gap = (value + conjugate - product).sum(axis=1)
        size = (np.abs(value) + np.abs(product)).sum(axis=1)
        size += np.where(np.isfinite(conjugate), np.abs(conjugate), 0.0).sum(axis=1)
        slack = 1e-3 * size + negligible + 1e-12 * np.abs(y * at).sum(axis=1)
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
