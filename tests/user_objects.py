"""Losses, penalties and solvers as users write them: correct ones, and ones that lie."""

import numpy as np

from nno_sklearn import Loss, Penalty, Solver
from nno_sklearn.losses import Curvature, Huber, MultinomialLogLoss, SquaredError
from nno_sklearn.penalties import L1, L2
from nno_sklearn.solvers import Run


class PseudoHuber(Loss):
    """A loss with every method that solvers can use."""

    def __init__(self, delta=1.0):
        self.delta = delta

    def value(self, y, eta):
        return self.delta**2 * (np.sqrt(1 + ((eta - y) / self.delta) ** 2) - 1)

    def gradient(self, y, eta):
        return (eta - y) / np.sqrt(1 + ((eta - y) / self.delta) ** 2)

    def curvature(self, y, eta):
        return (1 + ((eta - y) / self.delta) ** 2) ** -1.5

    def conjugate(self, y, u):
        inside = 1 - (u / self.delta) ** 2
        value = u * y + self.delta**2 * (1 - np.sqrt(np.maximum(inside, 0)))
        return np.where(inside >= 0, value, np.inf)

    def link(self, mean):
        return mean


class PlainPseudoHuber(Loss):
    """The same with value and gradient only; where it is flat, its differences are rounding."""

    __init__, value, gradient = PseudoHuber.__init__, PseudoHuber.value, PseudoHuber.gradient


class LogCosh(Loss):
    def value(self, y, eta):
        return np.logaddexp(eta - y, y - eta) - np.log(2)

    def gradient(self, y, eta):
        return np.tanh(eta - y)


class Expectile(Loss):
    """Asymmetric squares (Newey and Powell, 1987): the curvature jumps at the target."""

    def __init__(self, level=0.8):
        self.level = level

    def _factor(self, y, eta):
        return np.where(eta > y, 1 - self.level, self.level)

    def value(self, y, eta):
        return self._factor(y, eta) * (eta - y) ** 2

    def gradient(self, y, eta):
        return 2 * self._factor(y, eta) * (eta - y)

    def curvature(self, y, eta):
        return 2 * self._factor(y, eta)


class AsymmetricSquaredError(SquaredError):
    """The same as a subclass of the squared error, no other member of which holds."""

    level = 0.8
    value, gradient, _factor = Expectile.value, Expectile.gradient, Expectile._factor


class SmoothQuantile(Loss):
    """Pinball loss smoothed by a parabola of half-width ``width``."""

    def __init__(self, level=0.3, width=0.05):
        self.level = level
        self.width = width

    def value(self, y, eta):
        r, h = y - eta, self.width
        near = 0.5 * (r**2 / (2 * h) + h / 2) + (self.level - 0.5) * r
        return np.where(np.abs(r) <= h, near, np.maximum(self.level * r, (self.level - 1) * r))

    def gradient(self, y, eta):
        share = np.clip(0.5 + (y - eta) / (2 * self.width), 0, 1)
        return (1 - self.level) - share


class Pinball(Loss):
    """A quantile's loss: the gradient jumps, and the curvature is 0 wherever there is one."""

    def __init__(self, level=0.5):
        self.level = level

    def value(self, y, eta):
        return np.maximum(self.level * (y - eta), (self.level - 1) * (y - eta))

    def gradient(self, y, eta):
        return np.where(eta > y, 1 - self.level, -self.level)

    def curvature(self, y, eta):
        return np.zeros_like(eta)


class Hinge(Loss):
    def value(self, y, eta):
        return np.maximum(0, 1 - (2 * y - 1) * eta)

    def gradient(self, y, eta):
        sign = 2 * y - 1
        return np.where(sign * eta < 1, -sign, 0.0)


class Cauchy(Loss):
    """Not convex: its curvature is negative far away."""

    def value(self, y, eta):
        return np.log1p((eta - y) ** 2)

    def gradient(self, y, eta):
        return 2 * (eta - y) / (1 + (eta - y) ** 2)

    def curvature(self, y, eta):
        r = (eta - y) ** 2
        return 2 * (1 - r) / (1 + r) ** 2


class CautiousCauchy(Cauchy):
    """Returns 0 where the curvature is negative."""

    def curvature(self, y, eta):
        return np.maximum(super().curvature(y, eta), 0)


class Tweedie(Loss):
    """Half deviance of power 1.5 with log link, without its constant."""

    positive_target = True

    def value(self, y, eta):
        return 2 * y * np.exp(-eta / 2) + 2 * np.exp(eta / 2)

    def gradient(self, y, eta):
        return np.exp(eta / 2) - y * np.exp(-eta / 2)

    def predict(self, eta):
        return np.exp(eta)

    def link(self, mean):
        return np.log(mean)


class Exponential(Loss):
    """AdaBoost's loss of a label."""

    probabilistic = True

    def value(self, y, eta):
        return np.exp(np.where(y > 0.5, -eta, eta))

    def gradient(self, y, eta):
        return np.where(y > 0.5, -1, 1) * self.value(y, eta)

    def predict(self, eta):
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-2 * eta))


class Tempered(MultinomialLogLoss):
    """Softmax at another temperature: coupled outputs, from a built-in loss."""

    def value(self, y, eta):
        return super().value(y, 2 * eta)

    def gradient(self, y, eta):
        return 2 * super().gradient(y, 2 * eta)

    def curvature(self, y, eta):
        inner = super().curvature(y, 2 * eta)
        return Curvature(4 * inner.diagonal, 2 * inner.coupling)


class HalfHuber(Huber):
    """Another unit of the predictions, and nothing else."""

    def predict(self, eta):
        return eta / 2


class Float32SquaredError(SquaredError):
    """Results in float32, as of a library that computes in it."""

    def value(self, y, eta):
        return super().value(np.float32(y), np.float32(eta))

    def gradient(self, y, eta):
        return super().gradient(np.float32(y), np.float32(eta))


NUMBER_LOSSES = [
    PseudoHuber(), PseudoHuber(0.01), PseudoHuber(100.0), LogCosh(), Expectile(),
    Expectile(0.01), AsymmetricSquaredError(), SmoothQuantile(), SmoothQuantile(0.9, 1e-4),
    Pinball(), Pinball(0.9), Cauchy(), CautiousCauchy(), HalfHuber(), HalfHuber(0.01),
    Float32SquaredError(),
]  # fmt: skip
LABEL_LOSSES = [Hinge(), Exponential(), PseudoHuber(), Pinball(0.2), Cauchy(), LogCosh()]


class Box(Penalty):
    """Coefficients between two bounds: a user's penalty that has a value and a prox only."""

    def __init__(self, low=0.0, high=np.inf):
        self.low = low
        self.high = high

    def value(self, w):
        return 0.0 if (w >= self.low).all() and (w <= self.high).all() else np.inf

    def prox(self, w, step):
        return np.clip(w, self.low, self.high)


class NonNegative(Box):
    """With its conjugate, whose domain is the negative numbers."""

    def conjugate(self, z):
        return 0.0 if z.max(initial=0.0) <= 1e-12 else np.inf

    def dual_scaling(self, z):
        return 1.0 if z.max(initial=0.0) <= 0 else 0.0


class SmoothedL1(Penalty):
    def __init__(self, eps=0.1):
        self.eps = eps

    def value(self, w):
        return np.sqrt(w**2 + self.eps**2).sum()

    def gradient(self, w):
        return w / np.sqrt(w**2 + self.eps**2)

    def curvature(self, w):
        return self.eps**2 / (w**2 + self.eps**2) ** 1.5


class SmoothedGroups(Penalty):
    """Rows of w together; the curvature that is stated leaves the others out."""

    def value(self, w):
        return np.sqrt((w**2).sum(axis=1) + 1e-4).sum()

    def gradient(self, w):
        return w / np.sqrt((w**2).sum(axis=1, keepdims=True) + 1e-4)


class Groups(Penalty):
    """L2,1: a step for each row, not for each coefficient."""

    def value(self, w):
        return np.linalg.norm(w, axis=1).sum()

    def prox(self, w, step):
        size = np.linalg.norm(w, axis=1, keepdims=True)
        return w * np.maximum(1 - step / np.maximum(size, 1e-300), 0)


class StrictL1(Penalty):
    """The lasso without slack for rounding, and without a ``subdiff_distance``."""

    def value(self, w):
        return np.abs(w).sum()

    def prox(self, w, step):
        return np.sign(w) * np.maximum(np.abs(w) - step, 0)

    def conjugate(self, z):
        return 0.0 if np.abs(z).max() <= 1 else np.inf

    def dual_scaling(self, z):
        return min(1.0, 1 / max(np.abs(z).max(), 1e-300))


class WeightedL1(L1):
    """A weight for each feature, as a subclass of a built-in penalty."""

    def __init__(self, weights):
        self.weights = weights

    def value(self, w):
        return (self.weights[:, None] * np.abs(w)).sum()

    def prox(self, w, step):
        return np.sign(w) * np.maximum(np.abs(w) - step * self.weights[:, None], 0)


class BoundedRidge(L2):
    def value(self, w):
        return super().value(w) if (w >= 0).all() else np.inf

    def prox(self, w, step):
        return np.maximum(super().prox(w, step), 0)


class MCP(Penalty):
    """Not convex (Zhang, 2010)."""

    def value(self, w):
        a = np.abs(w)
        return np.where(a <= 3, a - a**2 / 6, 1.5).sum()

    def prox(self, w, step):
        a = np.abs(w)
        small = np.sign(w) * np.maximum(a - step, 0) / (1 - step / 3)
        return np.where(a <= 3, small, w)


class HalfSquares(Penalty):
    """Ridge, as short as possible, with a conjugate."""

    def value(self, w):
        return 0.5 * (w**2).sum()

    def gradient(self, w):
        return w.copy()

    def conjugate(self, z):
        return 0.5 * (z**2).sum()


CORRECT_PENALTIES = [
    Box(), Box(-0.1, 0.1), Box(-np.inf, 1e-3), NonNegative(), SmoothedL1(), SmoothedL1(1e-3),
    SmoothedGroups(), StrictL1(), BoundedRidge(), MCP(), HalfSquares(),
]  # fmt: skip


class SteepestDescent(Solver):
    requires = frozenset({"loss.gradient", "penalty.gradient"})

    def __init__(self, shorten=1.0):
        self.shorten = shorten

    def solve(self, problem, start, *, max_iter, tol, callback=None, random_state=None):
        run = Run(problem, max_iter=max_iter, tol=tol, callback=callback)
        point = start
        while not run.done(point):
            line = point.towards(-point.gradient)
            first, second = line.derivatives(0.0)
            point = line.point(-self.shorten * first / second)
        return run.result(point)


def altered(base, **members):
    """An object of a subclass of a user's or built-in class, with some members replaced."""
    thing = type("Altered", (type(base),), {**members, "__init__": type(base).__init__})
    return thing(**base.get_params())


def twice(method, cls):
    """Twice the result of a class's method."""

    def doubled(self, *arguments):
        found = getattr(cls, method)(self, *arguments)
        if isinstance(found, tuple) and not isinstance(found, Curvature):  # derivatives
            return 2 * found[0], Curvature(2 * found[1].diagonal, found[1].coupling)
        if isinstance(found, Curvature):
            return Curvature(2 * found.diagonal, found.coupling)
        return 2 * found

    return doubled


class Losing(SteepestDescent):
    """Returns ``spoil`` of a good result."""

    def __init__(self, spoil=None):
        self.spoil = spoil

    shorten = 1.0

    def solve(self, problem, start, **options):
        return self.spoil(super().solve(problem, start, **options), problem)
