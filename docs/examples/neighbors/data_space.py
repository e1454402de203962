"""
Neighbours among rows: a small copy of the data
===============================================

Rows that are near each other say nearly the same. A few *cells* of neighbouring rows, each with
the mean of its rows and their number as a weight, are a training set of a hundredth of the size.
Its optimum is a good start, its curvature a good preconditioner, and it fits into a bounded
memory. The exact gradient over all rows then corrects what is lost, so the result is the optimum
of all rows.
"""

import matplotlib.pyplot as plt
import numpy as np

from nno_sklearn import NearestNeighborSolver, NNOClassifier, condense

rng = np.random.default_rng(0)
X = rng.normal(size=(20_000, 2)) @ [[1.0, 0.6], [0.0, 0.8]]
y = (X @ [1.5, -2.0] + 0.5 + rng.logistic(size=len(X)) > 0).astype(int)

# %%
# A few cells for 20,000 rows
# ---------------------------
# :func:`nno_sklearn.condense` makes them in one pass, by scikit-learn's ``NearestNeighbors``.
# Labels become shares: a cell at the boundary between the classes has some of both.

rows, shares, weights = condense(X, y, n_cells=60)
small = NNOClassifier().fit(
    np.repeat(rows, 2, axis=0), np.tile([0, 1], len(rows)), (weights[:, None] * shares).ravel()
)
full = NNOClassifier().fit(X, y)
print(f"coefficients of all {len(y):,} rows: {full.coef_[0].round(3)}")
print(f"coefficients of {len(rows)} cells:     {small.coef_[0].round(3)}")
print(f"accuracy on all rows: {full.score(X, y):.4f} and {small.score(X, y):.4f}")

# %%
# The solver does not stop there: exact gradients lead from the small problem's optimum to that of
# all rows. Its history begins lower than that of gradient descent, which starts at the constant
# model, and falls faster, since the landmarks tell the curvature.

solvers = {
    "gd: from the constant model": "gd",
    "nearest_neighbor: from landmarks": NearestNeighborSolver(n_neighbors=1),
}
histories = {}
for name, solver in solvers.items():
    model = NNOClassifier(solver=solver, tol=1e-10, random_state=0).fit(X, y)
    histories[name] = model.history_
lowest = max(record.objective - record.dual_gap for h in histories.values() for record in h)
for name, history in histories.items():
    print(f"{name:34} starts {history[0].objective - lowest:.1e} above the lower bound")

# %%
# Dots are rows, circles are cells (the area is their weight, the colour the share of the classes).

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
left.scatter(*X[:3000].T, c=y[:3000], cmap="coolwarm", s=2, alpha=0.4)
left.scatter(*rows.T, c=shares[:, 1], s=weights / 4, cmap="coolwarm", edgecolor="black")
grid = np.array(left.get_xlim())
for model, style, name in ((full, "k-", "all rows"), (small, "k:", f"{len(rows)} cells")):
    slope, height = model.coef_[0], model.intercept_[0]
    left.plot(grid, -(height + slope[0] * grid) / slope[1], style, label=f"boundary by {name}")
left.set(ylim=(X[:, 1].min(), X[:, 1].max()), xlabel="first column", ylabel="second column")
left.legend(loc="lower right")
for name, history in histories.items():
    gaps = [max(record.objective - lowest, 1e-16) for record in history]
    right.plot([record.n_passes for record in history], gaps, "o-", label=name)
right.set(yscale="log", xlabel="passes over the data", ylabel="objective − lower bound")
right.legend()
