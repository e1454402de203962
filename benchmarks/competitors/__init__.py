"""Every package with the same objectives, one module each."""

from benchmarks.competitors import (
    adelie_package,
    celer_package,
    glmnet_package,
    glum_package,
    ours,
    plain,
    scikit_learn,
    skglm_package,
    statsmodels_package,
)
from benchmarks.competitors.base import Competitor, Solution

__all__ = ["ALL", "Competitor", "Solution", "find", "taking_part"]

ALL = [
    *ours.COMPETITORS,
    *scikit_learn.COMPETITORS,
    *skglm_package.COMPETITORS,
    *celer_package.COMPETITORS,
    *glum_package.COMPETITORS,
    *adelie_package.COMPETITORS,
    *glmnet_package.COMPETITORS,
    *statsmodels_package.COMPETITORS,
    *plain.COMPETITORS,
]


def find(name):
    """The competitor of that name."""
    return next(c for c in (*ALL, ours.REFERENCE) if c.name == name)


def taking_part(objective):
    """Competitors that are installed and can minimise the objective."""
    return [c for c in ALL if c.is_installed and c.takes(objective)]
