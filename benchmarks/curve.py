"""Measurements: fits of a competitor from loose to tight, and time to an accuracy from them."""

from dataclasses import dataclass, field
from statistics import median

import numpy as np

#: Suboptimalities that the tables show.
TARGETS = (1e-3, 1e-4, 1e-6, 1e-9)

#: Suboptimality that cold fits are to reach.
COLD_TARGET = 1e-6

#: Below this a suboptimality is rounding.
ROUNDING = 1e-15


@dataclass
class Rung:
    """Fits of one competitor at one tolerance."""

    tolerance: float
    objective: float
    seconds: list[float]
    passes: float | None
    #: Growth of the process at its peak, in bytes.
    memory: int | None
    suboptimality: float = np.inf


@dataclass
class Curve:
    """Seconds against suboptimality for one competitor on one case.

    Parameters
    ----------
    name, package : str
    rungs : list of Rung
        From loose to tight.
    note : str
        Why there are no tighter ones, "" where it reached the last target.
    cold : list of float
        Seconds of first fits in fresh processes, import included, to 1e-6.
    """

    name: str
    package: str
    rungs: list[Rung] = field(default_factory=list)
    note: str = ""
    cold: list[float] = field(default_factory=list)

    def measure(self, optimum, unit):
        """Set all suboptimalities: ``(F - optimum) / unit``."""
        for rung in self.rungs:
            gap = (rung.objective - optimum) / unit
            rung.suboptimality = max(gap, ROUNDING) if np.isfinite(gap) else np.inf

    def time_to(self, target):
        """Seconds to a suboptimality; None where no fit reached it."""
        return interpolate([(median(r.seconds), r.suboptimality) for r in self.rungs], target)

    def passes_to(self, target):
        """Passes over X to a suboptimality; None where unknown or not reached."""
        if any(rung.passes is None for rung in self.rungs):
            return None
        return interpolate([(rung.passes, rung.suboptimality) for rung in self.rungs], target)

    def rung_at(self, target):
        """The loosest rung that reaches a suboptimality, or None."""
        return next((rung for rung in self.rungs if rung.suboptimality <= target), None)

    def rows(self):
        """What is known at each target, as dicts of plain values.

        ``seconds`` and ``passes`` are None where the target was not reached, ``cold_seconds`` at
        all targets but one. ``memory`` is the largest growth of the process in bytes, and
        ``last_passes`` are those of the most accurate fit.
        """
        memory = [rung.memory for rung in self.rungs if rung.memory is not None]
        last = self.rungs[-1].passes if self.rungs else None
        return [
            {
                "accuracy": target,
                "seconds": self.time_to(target),
                "passes": self.passes_to(target),
                "cold_seconds": self.cold_seconds if target == COLD_TARGET else None,
                "last_passes": last,
                "memory": max(memory, default=None),
                "fits": min((len(rung.seconds) for rung in self.rungs), default=0),
                "note": self.note,
            }
            for target in TARGETS
        ]

    def keep_useful(self):
        """Drop rungs that no target is interpolated from."""
        useful = set()
        for target in TARGETS:
            reached = [i for i, rung in enumerate(self.rungs) if rung.suboptimality <= target]
            first = reached[0] if reached else len(self.rungs) - 1
            useful |= {max(first - 1, 0), max(first, 0)}
        self.rungs = [rung for i, rung in enumerate(self.rungs) if i in useful]

    @property
    def cold_seconds(self):
        return median(self.cold) if self.cold else None


def interpolate(points, target):
    """Cost at which a curve falls to a suboptimality.

    Parameters
    ----------
    points : list of (cost, suboptimality)
        From loose to tight.
    target : float

    Returns
    -------
    float or None
        The least cost of the points that reach the target and of the log-log segments that
        cross it. Never less accurate than the best point: None where none reaches the target.
    """
    costs = [cost for cost, reached in points if reached <= target]
    for (cost, above), (next_cost, below) in zip(points, points[1:], strict=False):
        if below <= target < above < np.inf:
            share = np.log(above / target) / np.log(above / below)
            costs.append(float(cost ** (1 - share) * next_cost**share))
    return min(costs, default=None)


def fastest_by_package(curves, target):
    """For each package its curve that is at a suboptimality first, where one is."""
    fastest = {}
    for curve in curves:
        seconds = curve.time_to(target)
        if seconds is not None:
            best = fastest.setdefault(curve.package, curve)
            if seconds < best.time_to(target):
                fastest[curve.package] = curve
    return fastest
