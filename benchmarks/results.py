"""What a run leaves behind: one record a case, as JSON."""

import json
import math
from dataclasses import asdict, dataclass
from statistics import geometric_mean

from benchmarks.curve import Curve, Rung, fastest_by_package


@dataclass
class CaseResult:
    """All curves of a case, what they are relative to, and where they were measured.

    Parameters
    ----------
    name, group, data, loss, alpha, l1_ratio, fit_intercept
        Of the case; alpha is absolute.
    n_samples, n_features, n_bytes : int
        Of X.
    optimum : float
        Lowest objective that anyone has reached.
    unit : float
        Objective of the best constant model; suboptimalities are relative to it.
    automatic : str
        Name of the competitor that the package's "auto" is.
    environment : dict
        See :func:`benchmarks.environment.describe`.
    curves : list of Curve
    """

    name: str
    group: str
    data: str
    loss: str
    alpha: float
    l1_ratio: float
    fit_intercept: bool
    n_samples: int
    n_features: int
    n_bytes: int
    optimum: float
    unit: float
    automatic: str
    environment: dict
    curves: list[Curve]

    def curve(self, name):
        """The curve of a competitor, None if it did not take part."""
        return next((curve for curve in self.curves if curve.name == name), None)

    def best(self, package, target):
        """The curve of a package that is first at a suboptimality, None if none is."""
        return fastest_by_package(self.curves, target).get(package)

    def bandwidth_share(self, curve, target):
        """Bytes of X that a competitor reads a second, over what the machine can read."""
        passes, seconds = curve.passes_to(target), curve.time_to(target)
        if passes is None or seconds is None:
            return None
        return passes * self.n_bytes / seconds / self.environment["bandwidth"]


def save(results, path):
    """Write results; infinities become null."""
    path.write_text(json.dumps([_finite(asdict(result)) for result in results], indent=1) + "\n")


def load(path):
    """Read what :func:`save` wrote."""
    return [_result(record) for record in json.loads(path.read_text())]


def _result(record):
    curves = [
        Curve(**(curve | {"rungs": [_rung(rung) for rung in curve["rungs"]]}))
        for curve in record["curves"]
    ]
    return CaseResult(**(record | {"curves": curves}))


def _rung(record):
    missing = {key: math.inf for key in ("objective", "suboptimality") if record[key] is None}
    return Rung(**(record | missing))


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Ratios:
    """Time of a peer over ours, case by case; above 1 we are ahead.

    0 where the peer reached the target and we did not, inf where only we did.
    """

    values: list[float]

    @classmethod
    def of(cls, pairs):
        """From (time of the peer, our time) with None for "not reached"."""
        values = []
        for theirs, ours in pairs:
            if theirs is not None or ours is not None:
                values.append(
                    0.0 if ours is None else math.inf if theirs is None else theirs / ours
                )
        return cls(values)

    @property
    def mean(self):
        """Geometric mean where both reached the target, 0 if we failed anywhere; or None."""
        finite = [value for value in self.values if value < math.inf]
        if not finite:
            return None
        return geometric_mean(finite) if min(finite) > 0 else 0.0

    @property
    def least(self):
        return min(self.values, default=None)

    @property
    def n_unmatched(self):
        """Cases that only we solved."""
        return self.values.count(math.inf)
