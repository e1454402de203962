"""Linear estimators for scikit-learn with pluggable solvers and certified optima."""

from importlib import import_module

__version__ = "0.1.0"

#: Which module defines each public name. It is imported when the name is first used, so that the
#: command line runs, and answers Ctrl-C, before numpy, scipy and scikit-learn are there.
_HOMES = {
    "GradientDescent": "solvers",
    "Loss": "losses",
    "NNOClassifier": "_classifier",
    "NNORegressor": "_regressor",
    "NNOSearchCV": "model_selection",
    "NearestNeighborSolver": "solvers",
    "Penalty": "penalties",
    "ProximalSolver": "solvers",
    "Solver": "solvers",
    "check_loss": "contracts",
    "check_penalty": "contracts",
    "check_solver": "contracts",
    "condense": "neighbors",
    "nno_minimize": "score_training.minimize",
}

__all__ = sorted([*_HOMES, "__version__"])  # noqa: PLE0605


def __getattr__(name):
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


def __dir__():
    return __all__
