"""Linear estimators for scikit-learn with pluggable solvers and certified optima."""

from nno_sklearn._classifier import NNOClassifier
from nno_sklearn._regressor import NNORegressor
from nno_sklearn.contracts import check_loss, check_penalty, check_solver, check_stream
from nno_sklearn.losses import Loss
from nno_sklearn.model_selection import NNOSearchCV
from nno_sklearn.neighbors import condense
from nno_sklearn.penalties import Penalty
from nno_sklearn.score_training import ScoreTraining, nno_minimize
from nno_sklearn.solvers import (
    GradientDescent,
    NearestNeighborSolver,
    ProximalSolver,
    Solver,
)
from nno_sklearn.streams import CellStream, Stream

__version__ = "0.1.0"

__all__ = [
    "CellStream",
    "GradientDescent",
    "Loss",
    "NNOClassifier",
    "NNORegressor",
    "NNOSearchCV",
    "NearestNeighborSolver",
    "Penalty",
    "ProximalSolver",
    "ScoreTraining",
    "Solver",
    "Stream",
    "__version__",
    "check_loss",
    "check_penalty",
    "check_solver",
    "check_stream",
    "condense",
    "nno_minimize",
]
