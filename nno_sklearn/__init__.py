"""Linear estimators for scikit-learn with pluggable solvers and certified optima."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nno_sklearn._version import __version__ as __version__

if TYPE_CHECKING:  # the names that __getattr__ imports
    from nno_sklearn._classifier import NNOClassifier as NNOClassifier
    from nno_sklearn._regressor import NNORegressor as NNORegressor
    from nno_sklearn.callbacks import EarlyStopping as EarlyStopping
    from nno_sklearn.contracts.authors import check_loss as check_loss
    from nno_sklearn.contracts.authors import check_penalty as check_penalty
    from nno_sklearn.contracts.authors import check_solver as check_solver
    from nno_sklearn.contracts.authors import check_stream as check_stream
    from nno_sklearn.interchange import to_sklearn as to_sklearn
    from nno_sklearn.layers import from_linear as from_linear
    from nno_sklearn.layers import to_linear as to_linear
    from nno_sklearn.linear_model.likeness import like as like
    from nno_sklearn.losses import Loss as Loss
    from nno_sklearn.model_selection import NNOSearchCV as NNOSearchCV
    from nno_sklearn.neighbors import condense as condense
    from nno_sklearn.penalties import L1 as L1
    from nno_sklearn.penalties import L2 as L2
    from nno_sklearn.penalties import MCP as MCP
    from nno_sklearn.penalties import SCAD as SCAD
    from nno_sklearn.penalties import SLOPE as SLOPE
    from nno_sklearn.penalties import ElasticNet as ElasticNet
    from nno_sklearn.penalties import FusedLasso as FusedLasso
    from nno_sklearn.penalties import GroupLasso as GroupLasso
    from nno_sklearn.penalties import Penalty as Penalty
    from nno_sklearn.score_training import ScoreTraining as ScoreTraining
    from nno_sklearn.score_training import nno_minimize as nno_minimize
    from nno_sklearn.solvers import GradientDescent as GradientDescent
    from nno_sklearn.solvers import NearestNeighborSolver as NearestNeighborSolver
    from nno_sklearn.solvers import ProximalSolver as ProximalSolver
    from nno_sklearn.solvers import Solver as Solver
    from nno_sklearn.streams import CellStream as CellStream
    from nno_sklearn.streams import Stream as Stream

#: The module of each public name, imported when the name is first used: so the command line starts,
#: and answers Ctrl-C, before numpy, scipy and scikit-learn are imported.
_HOMES = {
    "CellStream": "streams",
    "EarlyStopping": "callbacks",
    "ElasticNet": "penalties",
    "FusedLasso": "penalties",
    "GradientDescent": "solvers",
    "GroupLasso": "penalties",
    "L1": "penalties",
    "L2": "penalties",
    "Loss": "losses",
    "MCP": "penalties",
    "NNOClassifier": "_classifier",
    "NNORegressor": "_regressor",
    "NNOSearchCV": "model_selection",
    "NearestNeighborSolver": "solvers",
    "Penalty": "penalties",
    "ProximalSolver": "solvers",
    "SCAD": "penalties",
    "SLOPE": "penalties",
    "ScoreTraining": "score_training",
    "Solver": "solvers",
    "Stream": "streams",
    "check_loss": "contracts.authors",
    "check_penalty": "contracts.authors",
    "check_solver": "contracts.authors",
    "check_stream": "contracts.authors",
    "condense": "neighbors",
    "from_linear": "layers",
    "like": "linear_model.likeness",
    "nno_minimize": "score_training",
    "to_linear": "layers",
    "to_sklearn": "interchange",
}

__all__ = sorted([*_HOMES, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name, or one of the package's modules."""
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        try:
            value = import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
