"""
The articles' two toy examples, as described and as they should be
==================================================================

The articles that this package began with explain themselves by two toys: a bowl of two parameters,
on which the best of a few neighbouring points is the next one, and a line through points, where
the gradient of a row's neighbours stands for the gradient. The code below restates their
description; it is not their listing. What is missing is small in both: a radius that shrinks, and
the exact gradient. See :doc:`/articles` for all claims.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import NearestNeighbors

from nno_sklearn import NNORegressor, nno_minimize

# %%
# Neighbours of parameters
# ------------------------
# As described: draw neighbours of the best point, move to the best of them, and again. Their
# distance is fixed, so the search ends about as far from the minimum as this allows, and a
# smaller distance takes longer to get there. :func:`nno_sklearn.nno_minimize` puts a model through
# the nearest points that were tried, and the radius follows how well the model predicts.

tried = []


def bowl(x):
    tried.append(np.array(x))
    return (x[0] - 1) ** 2 + (x[1] + 2) ** 2


def best_of_neighbours(fun, x, radius, n_neighbors=10, n_steps=100, seed=0):
    """The articles' search: each step goes to the best of random neighbours, if it is better."""
    rng, value = np.random.default_rng(seed), fun(x)
    for _ in range(n_steps):
        neighbours = x + radius * rng.uniform(-1, 1, (n_neighbors, len(x)))
        values = [fun(neighbour) for neighbour in neighbours]
        if min(values) < value:
            x, value = neighbours[np.argmin(values)], min(values)
    return value


searches = {
    "as described, radius 1": lambda: best_of_neighbours(bowl, [5.0, 5.0], 1.0),
    "as described, radius 0.1": lambda: best_of_neighbours(bowl, [5.0, 5.0], 0.1),
    "nno_minimize": lambda: nno_minimize(bowl, [5.0, 5.0]).fun,
    "SciPy, Nelder-Mead": lambda: minimize(bowl, [5.0, 5.0], method="Nelder-Mead").fun,
    "SciPy, BFGS": lambda: minimize(bowl, [5.0, 5.0], jac=lambda x: 2 * (x - [1, -2])).fun,
}
visited = {}
for name, search in searches.items():
    tried.clear()
    value = search()
    visited[name] = np.array(tried)
    print(f"{name:25} {value:.0e} above the minimum after {len(tried):3} evaluations")

# %%
# Neighbours of rows
# ------------------
# As described: draw a row, find its nearest ones, and step along the mean of their gradients. With
# the sign as it is printed, against the descent, the error grows without end. With the sign mended
# it falls, and then stays where the gradients of so few rows leave it: they are not the gradient
# of the error. ``solver="nearest_neighbor"`` begins at the optimum of a few landmark rows; the
# exact gradient corrects it until the optimum is proven.

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 2)) @ [[1.0, 0.9], [0.0, 0.4]]
y = X @ [2.0, -1.0] + 3.0 + rng.normal(size=300)
rows = np.column_stack([X, np.ones(300)])
optimum = LinearRegression().fit(X, y)
lowest = np.mean((optimum.predict(X) - y) ** 2) / 2


def steps_of_neighbours(sign, step=0.1, n_neighbors=5, n_steps=1000, seed=0):
    """The articles' descent; how far the error is above the lowest one, step by step."""
    rng, w, above = np.random.default_rng(seed), np.zeros(3), []
    near = NearestNeighbors(n_neighbors=n_neighbors).fit(X)
    for _ in range(n_steps):
        chosen = near.kneighbors(X[rng.integers(300)][None], return_distance=False)[0]
        w = w + sign * step * rows[chosen].T @ (rows[chosen] @ w - y[chosen]) / n_neighbors
        above.append(np.mean((rows @ w - y) ** 2) / 2 - lowest)
    return np.array(above)


printed, mended = steps_of_neighbours(+1), steps_of_neighbours(-1)
model = NNORegressor(penalty=None, solver="nearest_neighbor", tol=1e-10).fit(X, y)
print(f"sign as printed    {printed[-1]:.0e} above the lowest error after {len(printed)} steps")
print(f"sign mended        {np.median(mended[-100:]):.0e} (median of the last 100)")
distance = np.abs(model.coef_ - optimum.coef_).max()
print(
    f"nearest_neighbor   {max(model.objective_ - lowest, 0):.0e} after {model.n_passes_:.0f} "
    f"passes over 300 rows; coefficients within {distance:.0e} of least squares"
)

# %%
# Left: the points that were tried. Right: the error on the line, above the lowest one.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for name, mark in {"as described, radius 1": ".", "nno_minimize": "o"}.items():
    left.plot(*visited[name].T, mark, label=name, alpha=0.8)
left.plot(1, -2, "k+", markersize=14, label="minimum")
left.set(xlabel="first parameter", ylabel="second parameter", aspect="equal")
left.legend()
right.plot(np.minimum(printed, 1e3), label="sign as printed")
right.plot(mended, label="sign mended")
right.set(yscale="log", ylim=(1e-4, 1e2), xlabel="step", ylabel="error above the lowest")
right.legend()
