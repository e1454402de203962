"""
Solvers compared on one data set
================================

All solvers minimise the same objective and prove how close they are; what differs is how many
passes over the data and how many seconds that takes. So a solver is chosen by a plot, not by
trying which one happens to converge. The data are the forest cover types (is it type 2?), or
handwritten digits (is it odd?) where ``NNO_SKLEARN_DATA`` is not set.
"""

import os
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier
from nno_sklearn.inspection import ConvergenceDisplay

folder = os.environ.get("NNO_SKLEARN_DATA")
if folder:
    with np.load(Path(folder, "covtype_20k.npz")) as data:
        X, y = data["X"].astype(float), data["y"] == 2
else:
    X, y = load_digits(return_X_y=True)
    y = y % 2 == 1
X = StandardScaler().fit_transform(X)
print(f"{X.shape[0]:,} rows, {X.shape[1]} columns, {y.mean():.0%} positive")

# %%
# One objective, three ways
# -------------------------
# ``tol`` bounds the relative duality gap, so it means the same for all: whoever stops at 1e-8 is
# proven to be that near to the optimum.

ALPHA = 1e-4
models = {}
for solver in ("gd", "nearest_neighbor", "proximal"):
    start = time.perf_counter()
    model = models[solver] = NNOClassifier(solver=solver, alpha=ALPHA, tol=1e-8).fit(X, y)
    seconds = time.perf_counter() - start
    print(
        f"{solver:17} objective {model.objective_:.10f}, at most {model.dual_gap_:.0e} above the "
        f"optimum; {model.n_iter_:3} iterations, {model.n_passes_:5.1f} passes, {seconds:.2f} s"
    )

# %%
# The convergence plot reads the histories of the fits. Each curve is how far the objective is
# above the best proven lower bound.

ConvergenceDisplay.from_estimators(models).figure_.set_size_inches(9, 3.8)

# %%
# Beside scikit-learn
# -------------------
# The same objective in scikit-learn's terms has ``C = 1 / (n_samples * alpha)``. lbfgs is its
# default; newton-cholesky is the better choice for few columns.


def objective(coef, intercept):
    """Value at a model, computed here and not by any of the packages."""
    raw = X @ coef + intercept
    return np.mean(np.logaddexp(0, raw) - y * raw) + ALPHA * coef @ coef / 2


bound = max(model.objective_ - model.dual_gap_ for model in models.values())
for solver in ("lbfgs", "newton-cholesky"):
    start = time.perf_counter()
    rival = LogisticRegression(C=1 / (len(y) * ALPHA), solver=solver, tol=1e-6, max_iter=5000)
    rival.fit(X, y)
    seconds = time.perf_counter() - start
    distance = objective(rival.coef_[0], rival.intercept_[0]) - bound
    print(f"LogisticRegression, {solver:15} {distance:.0e} above the lower bound, {seconds:.2f} s")
