"""
Your own loss, penalty and solver
=================================

A loss in two methods, a penalty in two, a solver in ten lines: each can be passed to an estimator,
cloned, tuned and checked, and works with what the package brings. Here, coefficients are asked not
to be negative, and errors above the target cost more than errors below it. For one problem of this
size SciPy's L-BFGS-B takes less time, with a gradient that is written by hand; what an estimator
adds is a certificate, weights, sparse columns, searches and streams.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from nno_sklearn import Loss, NNORegressor, Penalty, Solver, check_loss, check_penalty, check_solver
from nno_sklearn.solvers import Run


class Expectile(Loss):
    """Squared error, times ``share`` above the target and 1 - ``share`` below it."""

    def __init__(self, share=0.8):
        self.share = share

    def _factor(self, y, eta):
        return np.where(eta > y, self.share, 1 - self.share)

    def value(self, y, eta):
        return self._factor(y, eta) * (eta - y) ** 2

    def gradient(self, y, eta):
        return 2 * self._factor(y, eta) * (eta - y)


class NonNegative(Penalty):
    """0 where all coefficients are at least 0, infinite elsewhere."""

    def value(self, w):
        return 0.0 if (w >= 0).all() else np.inf

    def prox(self, w, step):
        return np.maximum(w, 0.0)


class SteepestDescent(Solver):
    """Newton's step along the gradient."""

    requires = frozenset({"penalty.gradient"})

    def solve(self, problem, start, *, max_iter, tol, callback=None, random_state=None):
        run, point = Run(problem, max_iter=max_iter, tol=tol, callback=callback), start
        while not run.done(point):
            line = point.towards(-point.gradient)
            first, second = line.derivatives(0.0)
            point = line.point(-first / second)
        return run.result(point)


# %%
# The checks try shapes, derivatives, the prox, and what a solver returns:

check_loss(Expectile())
check_penalty(NonNegative())
check_solver(SteepestDescent())

# %%
# Together
# --------

X, y = load_diabetes(return_X_y=True, as_frame=True)
names, X, y = list(X.columns), StandardScaler().fit_transform(X), y.to_numpy() / 100

start = time.perf_counter()
ours = NNORegressor(Expectile(0.8), penalty=NonNegative(), tol=1e-10).fit(X, y)
print(f"{type(ours.solver_).__name__}: {time.perf_counter() - start:.3f} s, {ours.objective_:.8f}")

loss = Expectile(0.8)


def objective(parameters):
    eta = X @ parameters[:-1] + parameters[-1]
    slope = loss.gradient(y, eta) / len(y)
    return loss.value(y, eta).mean(), np.append(X.T @ slope, slope.sum())


start = time.perf_counter()
bounds = [(0, None)] * X.shape[1] + [(None, None)]
scipy = minimize(objective, np.zeros(X.shape[1] + 1), jac=True, bounds=bounds, tol=1e-12)
print(f"SciPy's L-BFGS-B: {time.perf_counter() - start:.3f} s, {scipy.fun:.8f}")

# %%
# Own and built-in parts mix: the own solver with the built-in loss and penalty, the own loss with
# l1.

own = NNORegressor(solver=SteepestDescent(), alpha=0.1, max_iter=5000).fit(X, y)
print(f"SteepestDescent: {own.n_iter_} iterations, certified gap {own.dual_gap_:.1e}")
sparse = NNORegressor(Expectile(0.8), penalty="l1", alpha=0.1).fit(X, y)

models = {"own penalty": ours, "own solver": own, "l1": sparse}
for shift, (name, model) in enumerate(models.items()):
    plt.bar(np.arange(len(names)) + 0.25 * (shift - 1), model.coef_, width=0.25, label=name)
plt.xticks(range(len(names)), names)
plt.axhline(0, color="black", linewidth=0.8)
plt.ylabel("coefficient")
plt.legend()
