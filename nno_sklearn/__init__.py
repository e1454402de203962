"""Linear estimators for scikit-learn with pluggable solvers and certified optima."""

from nno_sklearn._classifier import NNOClassifier
from nno_sklearn._regressor import NNORegressor
from nno_sklearn.contracts import check_loss, check_penalty, check_solver
from nno_sklearn.losses import Loss
from nno_sklearn.model_selection import NNOSearchCV
from nno_sklearn.neighbors import condense
from nno_sklearn.penalties import Penalty
from nno_sklearn.score_training.minimize import nno_minimize
from nno_sklearn.solvers import (
    GradientDescent,
    NearestNeighborSolver,
    ProximalSolver,
    Solver,
)

__version__ = "0.1.0"

__all__ = [
    "GradientDescent",
    "Loss",
    "NNOClassifier",
    "NNORegressor",
    "NNOSearchCV",
    "NearestNeighborSolver",
    "Penalty",
    "ProximalSolver",
    "Solver",
    "__version__",
    "check_loss",
    "check_penalty",
    "check_solver",
    "condense",
    "nno_minimize",
]
