"""This package: each of its solvers, and what "auto" chooses."""

import warnings
from functools import partial

import numpy as np

from benchmarks.competitors.base import MAX_ITER, Competitor, solution_of
from benchmarks.penalties import MCP_GAMMA, PENALTIES, SCAD_GAMMA


def estimator(objective, solver, tolerance, max_iter=MAX_ITER):
    """The package's estimator of an objective, not fitted yet.

    "nearest_neighbor" is without a search for neighbours, as "auto" takes it.
    """
    from nno_sklearn import NearestNeighborSolver, NNOClassifier, NNORegressor
    from nno_sklearn.losses import Huber

    penalty = _penalty(objective)
    share = {"l1_ratio": objective.l1_ratio} if penalty == "elasticnet" else {}
    options = {
        "penalty": penalty,
        **share,
        "alpha": objective.alpha,
        "fit_intercept": objective.fit_intercept,
        "solver": (
            NearestNeighborSolver(n_neighbors=None) if solver == "nearest_neighbor" else solver
        ),
        "tol": tolerance,
        "max_iter": max_iter,
        "random_state": 0,
    }
    if objective.is_classification:
        loss = "log_loss" if objective.loss == "multinomial" else objective.loss
        return NNOClassifier(loss, **options)
    loss = Huber(objective.delta) if objective.loss == "huber" else objective.loss
    return NNORegressor(loss, **options)


def _penalty(objective):
    # The classes are asked for one by one: an older package that is timed may lack some of them.
    import nno_sklearn

    match objective.penalty:
        case "elasticnet":
            return {0: "l2", 1: "l1"}.get(objective.l1_ratio, "elasticnet")
        case "group_lasso":
            columns = np.arange(objective.X.shape[1]).reshape(-1, objective.group_size)
            return nno_sklearn.GroupLasso(columns.tolist())
        case "group_net":
            columns = np.arange(objective.X.shape[1]).reshape(-1, objective.group_size)
            weights, l2_ratio = np.ones(len(columns)), 1 - objective.l1_ratio
            return nno_sklearn.GroupLasso(columns.tolist(), weights=weights, l2_ratio=l2_ratio)
        case "rows":
            return nno_sklearn.GroupLasso()
        case "mcp":
            return nno_sklearn.MCP(MCP_GAMMA)
        case "scad":
            return nno_sklearn.SCAD(SCAD_GAMMA)
    raise ValueError(f"there is no penalty {objective.penalty!r} among those of the package")


def fit(objective, tolerance, solver):
    """Fit one of the solvers; ``tolerance`` bounds the relative duality gap.

    Where it is so loose that the constant model meets it, a small fit is polished from there to the
    optimum, which is not what users' tolerances do.
    """
    model = estimator(objective, solver, tolerance)
    model.fit(objective.X, objective.y, objective.weight)
    first = model.history_[0]
    is_start = first.start == "constant model" and first.optimality <= tolerance
    return solution_of(model, model.n_passes_)._replace(is_start=is_start)


def automatic_choice(objective):
    """Name of the competitor that ``solver="auto"`` is on this objective.

    Found by one untimed step.
    """
    model = estimator(objective, "auto", tolerance=1.0, max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of course it did not converge
        model.fit(objective.X, objective.y, objective.weight)
    return NAMES[type(model.solver_).__name__]


def _competitor(solver, supports):
    return Competitor(
        f"ours {solver}",
        "nno_sklearn",
        supports,
        partial(fit, solver=solver),
        # A duality gap is a bound, and a loose one where the penalty is weak.
        tolerances=tuple(10.0**-k for k in range(-6, 14)),
        penalties=tuple(PENALTIES),
    )


COMPETITORS = [
    _competitor("nearest_neighbor", lambda objective: True),
    _competitor("proximal", lambda objective: True),
    _competitor("gd", lambda objective: objective.l1_ratio == 0),
]

#: The solver that others are compared with.
REFERENCE = _competitor("auto", lambda objective: True)

NAMES = {
    "NearestNeighborSolver": "ours nearest_neighbor",
    "ProximalSolver": "ours proximal",
    "GradientDescent": "ours gd",
}
