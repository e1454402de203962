"""Look at how fits went."""

from nno_sklearn.inspection.convergence import ConvergenceDisplay

__all__ = ["ConvergenceDisplay"]
