"""Test functions of derivative-free minimisation; each has the minimum 0 near its start."""

from typing import NamedTuple

import numpy as np


class TestFunction(NamedTuple):
    """A function, where a search starts, and how near to 0 it has to come."""

    __test__ = False  # not one of pytest's

    value: callable
    start: callable
    target: float = 1e-6


def _at(level):
    """A start that is off every axis and diagonal."""
    return lambda d: level * np.cos(np.arange(1, d + 1))


def _ellipsoid(x):
    return float(10 ** np.linspace(0, 4, len(x)) @ x**2)


def _rosenbrock(x):
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def _ackley(x):
    smooth = -20 * np.exp(-0.2 * np.sqrt((x**2).mean())) + 20
    return float(smooth - np.exp(np.cos(2 * np.pi * x).mean()) + np.e)


def _rastrigin(x):
    return float((10 + x**2 - 10 * np.cos(2 * np.pi * x)).sum())


def _noisy_sphere(x):
    """Relative noise of one part in a hundred; the same at the same point."""
    return float(x @ x * (1 + 0.01 * np.sin(1e4 * x.sum())))


def _rotated(x):
    angles = np.cos(np.outer(np.arange(1, len(x) + 1), np.arange(1, len(x) + 1)))
    return _ellipsoid(np.linalg.qr(angles)[0] @ x)


FUNCTIONS = {
    "sphere": TestFunction(lambda x: float(x @ x), _at(3.0)),
    "ellipsoid": TestFunction(_ellipsoid, _at(3.0)),
    "rotated ellipsoid": TestFunction(_rotated, _at(3.0)),
    "Rosenbrock": TestFunction(_rosenbrock, lambda d: np.tile([-1.2, 1.0], d)[:d]),
    "quartic": TestFunction(lambda x: float(np.arange(1, len(x) + 1) @ x**4), _at(2.0)),
    "Ackley, local": TestFunction(_ackley, _at(0.3)),
    "Rastrigin, local": TestFunction(_rastrigin, _at(0.3)),
    "absolute value": TestFunction(lambda x: float(np.abs(x).sum()), _at(3.0)),
    "step": TestFunction(lambda x: float((np.floor(np.abs(x) + 0.5) ** 2).sum()), _at(3.0)),
    "noisy sphere": TestFunction(_noisy_sphere, _at(3.0)),
}
