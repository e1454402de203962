"""
The solver as a parameter: a grid search in a pipeline
======================================================

A solver is a parameter as any other: a name, or an object whose own parameters are searched as
``solver__...``. A grid over solvers shows one thing first: scores do not differ, since all of them
reach the one optimum. What differs is the time, and that is what to choose a solver by. In
scikit-learn's ``LogisticRegression`` the solver is a parameter too, and decides which penalties
there are; ``saga`` takes all of them. On data as small as these its other solvers take less time.
"""

import time

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NearestNeighborSolver, NNOClassifier, NNOSearchCV

X, y = load_breast_cancer(return_X_y=True)
ALPHAS = [1e-1, 1e-2, 1e-3, 1e-4]


def show(name, search, seconds):
    """Print the time of a search, and of each solver the best score; the mean times of fits."""
    print(f"{name}: {seconds:.2f} s")
    results = pd.DataFrame(search.cv_results_)
    solver = next(key for key in results.columns if key.endswith("__solver"))
    of_solver = results.groupby(results[solver].map(str))
    milliseconds = 1e3 * of_solver["mean_fit_time"].mean()
    for key, score in of_solver["mean_test_score"].max().items():
        print(f"    {key:42} best score {score:.4f}, {milliseconds[key]:6.1f} ms a fit")
    return milliseconds


# %%
# Solvers and strengths
# ---------------------
# In the objects, ``metric`` is the distance of scikit-learn's ``NearestNeighbors``.

pipeline = make_pipeline(StandardScaler(), NNOClassifier(tol=1e-6))
solvers = ["auto", "gd", "proximal", NearestNeighborSolver(metric="manhattan")]
grid = {"nnoclassifier__solver": solvers, "nnoclassifier__alpha": ALPHAS}
start = time.perf_counter()
search = GridSearchCV(pipeline, grid, cv=5).fit(X, y)
times = {"here": show("GridSearchCV", search, time.perf_counter() - start)}

# %%
# :class:`nno_sklearn.NNOSearchCV` takes the same grid, fits the scaler once in each fold and starts
# each fit at a solved neighbour, so its times are not those of a solver by itself.

start = time.perf_counter()
warm = NNOSearchCV(pipeline, grid, cv=5).fit(X, y)
print(f"NNOSearchCV: {time.perf_counter() - start:.2f} s")
assert abs(warm.best_score_ - search.best_score_) < 1e-12

# %%
# A solver's own parameters:

grid = {"nnoclassifier__solver__metric": ["euclidean", "manhattan", "cosine"]}
neighbours = make_pipeline(StandardScaler(), NNOClassifier(solver=NearestNeighborSolver()))
by_metric = GridSearchCV(neighbours, grid, cv=5).fit(X, y)
print("by metric:", by_metric.cv_results_["mean_test_score"].round(4))

# %%
# Beside scikit-learn
# -------------------
# The same objective, ``C = 1 / (n_samples * alpha)`` of a fold's training rows, to each solver's
# own tolerance.

pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000))
grid = {
    "logisticregression__solver": ["lbfgs", "newton-cholesky", "saga"],
    "logisticregression__C": [1 / (0.8 * len(y) * alpha) for alpha in ALPHAS],
}
start = time.perf_counter()
rival = GridSearchCV(pipeline, grid, cv=5).fit(X, y)
times["scikit-learn"] = show("LogisticRegression", rival, time.perf_counter() - start)

# %%
# Mean time of a fit, scaling included:

_, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
for name, milliseconds in times.items():
    solvers = [solver.partition("(")[0] for solver in milliseconds.index]
    ax.plot(milliseconds, solvers, "o", markersize=9, label=name)
ax.set(xlabel="milliseconds a fit", xscale="log")
ax.grid(axis="y", alpha=0.4)
ax.legend()
