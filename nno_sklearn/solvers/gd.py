"""Gradient descent that needs no learning rate."""

from nno_sklearn.solvers.base import Run, Solver, check_count
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.metric import diagonal_metric
from nno_sklearn.streams.adaptive import AdaptiveGradient, AdaptiveState


class GradientDescent(Solver):
    """Gradient descent in a diagonal metric, with exact line search and memory.

    The metric divides each coefficient's gradient by its curvature, so columns need no
    scaling; the last steps correct it (L-BFGS, Nocedal 1980), which is what accelerates; the
    step size is found exactly on the raw predictions. For differentiable penalties.

    Parameters
    ----------
    memory : int, default=20
        Number of past steps kept; 0 is plain steepest descent.

    Notes
    -----
    ``partial_fit`` takes adaptive steps of 32 rows (AdaGrad; Duchi, Hazan and Singer, 2011) in
    units of the columns' running sizes, and averages the later iterates.
    """

    requires = frozenset({"loss.gradient", "penalty.gradient"})

    def __init__(self, memory=20):
        self.memory = memory

    def check_parameters(self):
        check_count(self, "memory", 0)

    def solve(self, problem, start, *, max_iter, tol, callback=None, random_state=None):
        run = Run(problem, max_iter=max_iter, tol=tol, callback=callback)
        point = descend(run, start, diagonal_metric, self.memory)
        return run.result(point)

    def partial_solve(self, state, batch, objective, *, max_iter, tol):
        state = AdaptiveState.empty(batch) if state is None else state
        return AdaptiveGradient(objective).learn(state, batch)
