"""Run a case: every competitor up its ladder of tolerances, side by side."""

import contextlib
import os
import tempfile
import time
from compileall import compile_dir
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import joblib
import numpy as np

import nno_sklearn
from benchmarks import competitors
from benchmarks.competitors import ours
from benchmarks.curve import COLD_TARGET, TARGETS, Curve, Rung, fastest_by_package
from benchmarks.worker import STARTUP, FitError, Worker

#: Fits in a row without gain after which a competitor ends.
PATIENCE = 4

#: Tolerance of a worker's first, untimed fit: tight enough that all code runs, and a just-in-time
#: compiler has compiled it.
WARM_UP = 0.1

#: Duration of the run that finds the optimum, at most, in time limits of a fit.
REFERENCE_LIMIT = 5


@dataclass(frozen=True)
class Effort:
    """How much time a run may take.

    Parameters
    ----------
    repeats : int, default=5
        Fits at a tolerance, whose median counts.
    cold_repeats : int, default=3
        Fresh processes for each cold figure.
    time_limit : float, default=20
        Seconds that a fit may take. One that takes more than a third is done twice at most.
    pause : float, default=0.15
        Seconds before a fit: BLAS threads of the one before wait for work that long, busily.
    clock : {"seconds", "cpu_seconds"}, default="seconds"
        Which time of a :class:`~benchmarks.worker.Fit` counts.
    """

    repeats: int = 5
    cold_repeats: int = 3
    time_limit: float = 20.0
    pause: float = 0.15
    clock: str = "seconds"

    def time_of(self, fit):
        """The time of a fit that counts."""
        return getattr(fit, self.clock)

    def repeats_of(self, seconds):
        """How often to do a fit that takes so long."""
        return min(self.repeats, 2) if seconds > self.time_limit / 3 else self.repeats


def run_case(case, effort, patterns=("*",), report=lambda text: None):
    """Measure competitors on a case.

    Parameters
    ----------
    case : Case
    effort : Effort
    patterns : sequence of str, default=("*",)
        Glob patterns of the names of competitors that take part.
    report : callable, default does nothing
        Called with progress messages.

    Returns
    -------
    list of dict
        One row for each competitor and each accuracy of :data:`benchmarks.curve.TARGETS`.

    Raises
    ------
    benchmarks.data.MissingDataError
    """
    objective = case.objective()
    curves = [
        Curve(competitor.name, competitor.package)
        for competitor in competitors.taking_part(objective)
        if any(fnmatchcase(competitor.name, pattern) for pattern in patterns)
    ]
    automatic = ours.automatic_choice(objective)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "objective.joblib")
        joblib.dump(objective, path)
        race = _Race(objective, path, curves, effort, report)
        race.warm()
        race.cold(automatic)
    n_samples, n_features = objective.X.shape
    facts = {
        "case": case.name,
        "group": case.group,
        "n_samples": n_samples,
        "n_features": n_features,
        "n_bytes": objective.n_bytes,
        "alpha": float(objective.alpha),
        "l1_ratio": case.l1_ratio,
        "clock": effort.clock,
    }
    return [
        facts | {"competitor": curve.name, "is_auto": curve.name == automatic} | row
        for curve in curves
        for row in curve.rows()
    ]


class _Race:
    """Competitors on one objective, each in a worker."""

    def __init__(self, objective, path, curves, effort, report):
        self.objective, self.path, self.curves = objective, path, curves
        self.effort, self.report = effort, report
        self.unit, self.optimum, self.has_reference = objective.null_value(), np.inf, False
        self.workers = {}

    def warm(self):
        """Fits in processes that have fitted before."""
        try:
            self._find_optimum()
            self._start()
            self._climb()
            for curve in self.curves:
                curve.measure(self.optimum, self.unit)
                curve.keep_useful()
            self._repeat()
        finally:
            for worker in self.workers.values():
                worker.close()

    def cold(self, automatic):
        """First fits in fresh processes: the fastest of each package, and ``automatic``.

        Ours is compiled first, as pip compiles packages when it installs them: a source tree may
        have been imported without.
        """
        compile_dir(Path(nno_sklearn.__file__).parent, quiet=1)
        fastest = fastest_by_package(self.curves, COLD_TARGET).values()
        chosen = [c for c in self.curves if c in fastest or c.name == automatic]
        for _ in range(self.effort.cold_repeats):
            for curve in chosen:
                rung = curve.rung_at(COLD_TARGET)
                if rung is not None:
                    with contextlib.suppress(FitError):
                        worker, fit = self._first_fit(curve.name, rung.tolerance)
                        worker.close()
                        curve.cold.append(self.effort.time_of(fit))

    def _find_optimum(self):
        """The optimum, by an untimed run of ours far beyond every target."""
        limit = REFERENCE_LIMIT * self.effort.time_limit
        with contextlib.suppress(FitError):
            worker, fit = self._first_fit(ours.REFERENCE.name, 1e-12, limit)
            worker.close()
            self._value(fit)
            self.has_reference = True

    def _start(self):
        """Start all workers with a fit that no clock counts, as many at once as cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._start_one, self.curves))

    def _start_one(self, curve):
        try:
            self.workers[curve.name], _ = self._first_fit(curve.name, WARM_UP)
        except FitError as error:
            curve.note = str(error)

    def _climb(self):
        """One fit of each competitor at each tolerance, until it reaches the last target."""
        climbing = [
            (curve, competitors.find(curve.name).tolerances)
            for curve in self.curves
            if curve.name in self.workers
        ]
        while climbing:
            climbing = [
                (curve, tolerances[1:])
                for curve, tolerances in climbing
                if tolerances and self._climb_once(curve, tolerances[0])
            ]

    def _climb_once(self, curve, tolerance):
        """Add a rung; True if the competitor goes on."""
        try:
            fit = self._fit(curve.name, tolerance)
        except FitError as error:
            curve.note = str(error)
            return False
        value = self._value(fit)
        if fit.solution.is_start:
            return True
        seconds = [self.effort.time_of(fit)]
        curve.rungs.append(Rung(tolerance, value, seconds, fit.solution.passes, fit.memory))
        curve.measure(self.optimum, self.unit)
        reached = [rung.suboptimality for rung in curve.rungs]
        if self.has_reference and reached[-1] <= TARGETS[-1]:
            return False  # without a reference, the first would be at the optimum
        # Before the first target a tolerance may be too loose for a single step, and where a method
        # begins near the optimum, for any to follow.
        moving = reached[_n_alike(reached) - 1 :]
        early, late = moving[:-PATIENCE], moving[-PATIENCE:]
        return not early or min(early) > TARGETS[0] or min(late) < 0.9 * min(early)

    def _repeat(self):
        """Further fits at the same tolerances, competitors taking turns."""
        for curve in self.curves:
            if curve.rungs and curve.name not in self.workers:  # its last fit was too long
                self._start_one(curve)
        for done in range(1, self.effort.repeats):
            for curve in self.curves:
                for rung in curve.rungs:
                    if done < self.effort.repeats_of(rung.seconds[0]):
                        with contextlib.suppress(FitError):
                            fit = self._fit(curve.name, rung.tolerance)
                            rung.seconds.append(self.effort.time_of(fit))

    def _fit(self, name, tolerance):
        """A fit in a process that has fitted before."""
        if name not in self.workers:
            raise FitError("no process")
        self.report(f"{name}  {tolerance:.0e}")
        time.sleep(self.effort.pause)
        try:
            return self.workers[name].fit(name, tolerance, self.effort.time_limit)
        except FitError:
            self.workers.pop(name).close()
            raise

    def _first_fit(self, name, tolerance, limit=None):
        self.report(f"{name}  first fit")
        worker = Worker(self.path)
        limit = self.effort.time_limit if limit is None else limit
        try:
            return worker, worker.fit(name, tolerance, STARTUP + limit)
        except FitError:
            worker.close()
            raise

    def _value(self, fit):
        """The true objective of a fit."""
        with np.errstate(all="ignore"):  # a diverged fit is infinitely bad
            value = self.objective.value(fit.solution.coef, fit.solution.intercept)
        value = value if np.isfinite(value) else np.inf
        self.optimum = min(self.optimum, value)
        return float(value)


def _n_alike(values):
    """How many values from the first on are the same."""
    return next((i for i, value in enumerate(values) if value != values[0]), len(values))
