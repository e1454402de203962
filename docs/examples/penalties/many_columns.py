"""
Few of many columns: l1, and penalties that leave large coefficients alone
==========================================================================

l1 finds the few columns that matter among many, but shrinks what it finds; to shrink less it
takes a weak penalty, which lets in many columns that do not matter. MCP and SCAD are level from a
size on, so that large coefficients are those of a fit without a penalty. They choose fewer wrong
columns at a smaller error. They are not convex: a fit is proven to be stationary, not the lowest.

The rows are made, since only then the right columns are known: 10 of 1,000, and neighbouring
columns are correlated.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LassoCV, LinearRegression

from nno_sklearn import L1, MCP, SCAD, NNORegressor, NNOSearchCV

# %%
# The penalties
# -------------
# On the left, what a coefficient costs, in units of alpha. On the right, where it ends if its
# column is correlated with no other one: l1 moves every coefficient by alpha, the others move
# large ones by nothing.

PENALTIES = {"l1": L1(), "MCP": MCP(gamma=3.0), "SCAD": SCAD(gamma=3.7)}
sizes = np.linspace(-5, 5, 501)[:, None]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, penalty in PENALTIES.items():
    left.plot(sizes, [penalty.value(size) for size in sizes], label=name)
    right.plot(sizes, penalty.prox(sizes, 1.0), label=name)
right.plot(sizes, sizes, color="gray", linestyle=":", label="none")
left.set(xlabel="coefficient / alpha", ylabel="penalty / alpha²")
right.set(xlabel="without a penalty", ylabel="with it")
left.legend()
right.legend()

# %%
# Ten of a thousand columns
# -------------------------
# Each search tries fifteen strengths in five folds; LassoCV walks the same path as our l1, in
# compiled code.

rng = np.random.default_rng(0)
n, p = 200, 1000
ALPHAS = np.geomspace(1.0, 0.05, 15)
noise = rng.normal(size=(n, p + 1))
X = (noise[:, 1:] + noise[:, :-1]) / np.sqrt(2)  # a column's correlation with the next is 1/2
right_columns = rng.choice(p, 10, replace=False)
coef = np.zeros(p)
coef[right_columns] = rng.choice([-1, 1], 10) * np.linspace(0.5, 2.0, 10)
y = X @ coef + rng.normal(size=n)


def report(name, found, seconds):
    """Print which columns a model uses, and how far its coefficients are from the true ones."""
    used = np.flatnonzero(found)
    hits = np.isin(used, right_columns).sum()
    shrunk = np.mean(
        np.abs(coef[right_columns]) - np.sign(coef)[right_columns] * found[right_columns]
    )
    print(
        f"{name:18} {hits:2} of 10 right columns, {len(used) - hits:3} others; error of "
        f"coefficients {np.linalg.norm(found - coef):.3f}, shrunk by {shrunk:.2f}; {seconds:.1f} s"
    )


models = {}
for name, penalty in PENALTIES.items():
    start = time.perf_counter()
    search = NNOSearchCV(NNORegressor(penalty=penalty, random_state=0), alphas=ALPHAS, cv=5)
    models[name] = search.fit(X, y).best_estimator_.coef_
    report(name, models[name], time.perf_counter() - start)
start = time.perf_counter()
report("LassoCV", LassoCV(cv=5, alphas=ALPHAS).fit(X, y).coef_, time.perf_counter() - start)

# %%
# What an oracle gets that knows the right columns:

oracle = np.zeros(p)
start = time.perf_counter()
oracle[right_columns] = LinearRegression().fit(X[:, right_columns], y).coef_
report("least squares", oracle, time.perf_counter() - start)

_, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
for name, marker in {"l1": "v", "MCP": "o", "SCAD": "x"}.items():
    ax.plot(coef[right_columns], models[name][right_columns], marker, label=name)
ax.plot([-2, 2], [-2, 2], color="gray", linestyle=":")
ax.set(xlabel="true coefficient", ylabel="found")
ax.legend()
