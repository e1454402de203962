"""skglm: working sets with Anderson-accelerated coordinate descent, compiled by numba."""

from functools import partial

import numpy as np

from benchmarks.competitors.base import (
    LIMITS,
    Competitor,
    Solution,
    fit_group_lasso,
    fit_lasso,
    fit_multi_task_lasso,
    solution_of,
)
from benchmarks.penalties import MCP_GAMMA, SCAD_GAMMA


def _logistic(f, tolerance):
    from skglm import SparseLogisticRegression

    model = SparseLogisticRegression(
        alpha=f.alpha,
        l1_ratio=f.l1_ratio,
        tol=tolerance,
        fit_intercept=f.fit_intercept,
        **LIMITS,
    )
    return solution_of(model.fit(f.X, f.y))


def _lbfgs(f, tolerance):
    from skglm.datafits import Logistic, Quadratic
    from skglm.penalties import L2
    from skglm.solvers import LBFGS

    if f.loss == "log_loss":
        datafit, y = Logistic(), np.where(f.y == f.y.max(), 1.0, -1.0)
    else:
        datafit, y = Quadratic(), f.y
    solver = LBFGS(max_iter=LIMITS["max_epochs"], tol=tolerance)
    return Solution(solver.solve(f.X, y, datafit, L2(f.alpha))[0])


def _huber(f, tolerance):
    from skglm import GeneralizedLinearEstimator
    from skglm.datafits import Huber
    from skglm.penalties import L1_plus_L2
    from skglm.solvers import AndersonCD

    solver = AndersonCD(tol=tolerance, fit_intercept=f.fit_intercept, **LIMITS)
    # Its own L2 penalty lacks what its coordinate descent asks for.
    penalty = L1_plus_L2(f.alpha, l1_ratio=0.0)
    model = GeneralizedLinearEstimator(Huber(f.delta), penalty, solver)
    return solution_of(model.fit(f.X, f.y))


def _concave(f, tolerance):
    from skglm import GeneralizedLinearEstimator
    from skglm.datafits import Quadratic
    from skglm.penalties import SCAD, MCPenalty
    from skglm.solvers import AndersonCD

    penalty = MCPenalty(f.alpha, MCP_GAMMA) if f.penalty == "mcp" else SCAD(f.alpha, SCAD_GAMMA)
    solver = AndersonCD(tol=tolerance, fit_intercept=f.fit_intercept, **LIMITS)
    return solution_of(GeneralizedLinearEstimator(Quadratic(), penalty, solver).fit(f.X, f.y))


def _takes(f, loss, l1):
    return f.loss == loss and (f.l1_ratio > 0) == l1 and f.weight is None


def _takes_lbfgs(f):
    """Its L-BFGS has no intercept."""
    smooth = _takes(f, "log_loss", False) or _takes(f, "squared_error", False)
    return smooth and not f.fit_intercept


COMPETITORS = [
    Competitor(
        "skglm coordinate",
        "skglm",
        partial(_takes, loss="squared_error", l1=True),
        partial(fit_lasso, package="skglm"),
    ),
    Competitor("skglm newton", "skglm", partial(_takes, loss="log_loss", l1=True), _logistic),
    Competitor("skglm huber", "skglm", partial(_takes, loss="huber", l1=False), _huber),
    Competitor("skglm lbfgs", "skglm", _takes_lbfgs, _lbfgs),
    Competitor(
        "skglm groups",
        "skglm",
        partial(_takes, loss="squared_error", l1=True),
        partial(fit_group_lasso, package="skglm"),
        penalties=("group_lasso",),
    ),
    Competitor(
        "skglm tasks",
        "skglm",
        partial(_takes, loss="squared_error", l1=True),
        partial(fit_multi_task_lasso, package="skglm"),
        penalties=("rows",),
    ),
    Competitor(
        "skglm concave",
        "skglm",
        partial(_takes, loss="squared_error", l1=True),
        _concave,
        penalties=("mcp", "scad"),
    ),
]
