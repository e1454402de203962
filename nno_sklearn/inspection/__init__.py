"""What one looks at after a fit or a search: tables, summaries, displays."""

from nno_sklearn.inspection.coefficient_display import CoefficientDisplay
from nno_sklearn.inspection.convergence import ConvergenceDisplay
from nno_sklearn.inspection.path import PathDisplay
from nno_sklearn.inspection.score_training import ScoreTrainingDisplay
from nno_sklearn.inspection.stream import StreamDisplay
from nno_sklearn.inspection.summary import summary
from nno_sklearn.inspection.table import coefficients

__all__ = [
    "CoefficientDisplay",
    "ConvergenceDisplay",
    "PathDisplay",
    "ScoreTrainingDisplay",
    "StreamDisplay",
    "coefficients",
    "summary",
]
