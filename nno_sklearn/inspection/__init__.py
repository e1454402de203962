"""Displays of fits and searches."""

from nno_sklearn.inspection.convergence import ConvergenceDisplay
from nno_sklearn.inspection.path import PathDisplay

__all__ = ["ConvergenceDisplay", "PathDisplay"]
