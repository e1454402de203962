"""Look at how fits and searches went."""

from nno_sklearn.inspection.convergence import ConvergenceDisplay
from nno_sklearn.inspection.path import PathDisplay

__all__ = ["ConvergenceDisplay", "PathDisplay"]
