"""
Neighbours among settings: a search that starts near a solved one
=================================================================

Models whose regularisation is alike have optima that are alike. ``NNOSearchCV`` walks through the
settings so that all steps together are as short as they can be, and starts each fit at the optimum
of its nearest solved neighbour. It pays most where settings are drawn at random: there is no path.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits
from sklearn.model_selection import RandomizedSearchCV
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNOSearchCV

X, y = load_digits(return_X_y=True)
X, y = StandardScaler().fit_transform(X), y % 2

# %%
# Forty settings drawn at random, with and without neighbours
# -----------------------------------------------------------
# Both searches draw the same settings and fit the same model in the same folds; scores agree as
# far as ``tol`` says. Work is counted in passes over the rows.

space = {"alpha": loguniform(1e-4, 1e-1), "l1_ratio": uniform(0, 1)}
options = {"n_iter": 40, "cv": 3, "random_state": 0, "refit": False}
model = NNOClassifier(penalty="elasticnet")

start = time.perf_counter()
ours = NNOSearchCV(model, param_distributions=space, **options).fit(X, y)
seconds = {"NNOSearchCV": time.perf_counter() - start}
start = time.perf_counter()
plain = RandomizedSearchCV(model, space, **options).fit(X, y)
seconds["RandomizedSearchCV"] = time.perf_counter() - start

settings = ours.cv_results_["params"]
assert settings == plain.cv_results_["params"]
cold = [NNOClassifier(penalty="elasticnet", **setting).fit(X, y).n_passes_ for setting in settings]
passes = {"nearest solved neighbour": ours.n_passes_ / 3, "constant model": sum(cold)}
scores = ours.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
for name, value in seconds.items():
    print(f"{name:19} {value:5.2f} s")
for name, value in passes.items():
    print(f"starts at the {name:25} {value:6.0f} passes for {len(settings)} settings")
print(f"largest difference of the mean scores: {np.abs(scores[0] - scores[1]).max():.4f}")

# %%
# Distances between settings are taken on the logarithm of ``alpha`` and on ``l1_ratio`` as a share
# of its range. The tree of the shortest steps through all of them is the walk; it begins at the
# strongest regularisation, whose optimum is near the constant model.

alphas = np.array([setting["alpha"] for setting in settings])
ratios = np.array([setting["l1_ratio"] for setting in settings])
coordinates = np.column_stack([np.log10(alphas), (ratios - ratios.min()) / np.ptp(ratios)])
tree = minimum_spanning_tree(squareform(pdist(coordinates))).tocoo()

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for i, j in zip(tree.row, tree.col, strict=True):
    left.plot(alphas[[i, j]], ratios[[i, j]], color="grey", zorder=1)
dots = left.scatter(alphas, ratios, c=scores[0], s=60, cmap="viridis", edgecolor="black", zorder=2)
fig.colorbar(dots, ax=left, label="mean held-out accuracy")
first = alphas.argmax()
left.annotate("start", (alphas[first], ratios[first]), xytext=(-12, 12), textcoords="offset points")
left.set(xscale="log", xlabel="alpha", ylabel="l1_ratio")
right.barh(list(passes), list(passes.values()), color=["tab:blue", "tab:grey"])
right.set(xlabel=f"passes over the rows for {len(settings)} settings")
