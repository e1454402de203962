"""The interface of a competitor: a way to fit an objective at a tolerance."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from benchmarks.objective import Objective

#: No iteration limit ends a fit before its tolerance does.
MAX_ITER = 1_000_000
#: The same of working sets and of the epochs on each.
LIMITS = {"max_iter": 1000, "max_epochs": 100_000}


class Solution(NamedTuple):
    """Coefficients of shape (n_features,) or (n_classes, n_features), and what they cost."""

    coef: np.ndarray
    intercept: float | np.ndarray = 0.0
    #: How often X was read, where the competitor counts it.
    passes: float | None = None
    #: Whether the tolerance was met before the first step: a fit that measures nothing.
    is_start: bool = False


@dataclass(frozen=True)
class Competitor:
    """One solver of one package.

    Parameters
    ----------
    name : str
        Package and solver, as tables print it.
    module : str
        What must be importable. Adapters import it inside ``fit``: the time of a cold fit
        includes the import.
    supports : callable
        Whether it can minimise exactly this :class:`Objective`.
    fit : callable
        ``fit(objective, tolerance) -> Solution``.
    tolerances : tuple of float
        From loose to tight, in the competitor's own meaning; the loosest ones so loose that the
        first target is crossed on the way.
    penalties : tuple of str
        Names in :data:`benchmarks.penalties.PENALTIES` of those that it has.
    """

    name: str
    module: str
    supports: Callable[[Objective], bool]
    fit: Callable[[Objective, float], Solution]
    tolerances: tuple[float, ...] = tuple(10.0**-k for k in range(-3, 14))
    penalties: tuple[str, ...] = ("elasticnet",)

    @property
    def package(self):
        """Competitors of a package share a column of the summary."""
        return self.name.split()[0]

    def takes(self, objective):
        """Whether it has the penalty, and the rest of the objective."""
        return objective.penalty in self.penalties and self.supports(objective)

    @property
    def is_installed(self):
        return find_spec(self.module) is not None


def solution_of(estimator, passes=None):
    """Coefficients of an estimator in scikit-learn's conventions."""
    coef = np.asarray(estimator.coef_)
    if coef.shape[0] == 1 and coef.ndim == 2:
        coef = coef[0]
    intercept = np.squeeze(getattr(estimator, "intercept_", 0.0))
    return Solution(coef, intercept, passes)


def fit_group_lasso(f, tolerance, package):
    """Group lasso of celer or skglm, for groups of neighbouring columns."""
    weights = np.full(f.X.shape[1] // f.group_size, np.sqrt(f.group_size))
    options = {"alpha": f.alpha, "tol": tolerance, "fit_intercept": f.fit_intercept, **LIMITS}
    model = import_module(package).GroupLasso(groups=f.group_size, weights=weights, **options)
    return solution_of(model.fit(f.X, f.y))


def fit_multi_task_lasso(f, tolerance, package):
    """MultiTaskLasso of celer or skglm."""
    options = {"alpha": f.alpha, "tol": tolerance, "fit_intercept": f.fit_intercept, **LIMITS}
    model = import_module(package).MultiTaskLasso(**options)
    return solution_of(model.fit(f.X, f.y))


def fit_lasso(f, tolerance, package):
    """Lasso or ElasticNet of celer or skglm, which share scikit-learn's names."""
    module = import_module(package)
    options = {"alpha": f.alpha, "tol": tolerance, "fit_intercept": f.fit_intercept, **LIMITS}
    if f.l1_ratio < 1:
        return solution_of(module.ElasticNet(l1_ratio=f.l1_ratio, **options).fit(f.X, f.y))
    return solution_of(module.Lasso(**options).fit(f.X, f.y))
