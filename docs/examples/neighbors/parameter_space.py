"""
Neighbours among coefficients: a direction without a gradient
=============================================================

F1, a cost of your own and many other scores are steps: their gradient is 0 wherever there is one.
Coefficient vectors that were tried near the best one still tell where it gets better. So a linear
model can be trained on the score itself, from the optimum of the log-loss on.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import f1_score

from nno_sklearn import NNOClassifier, nno_minimize

# %%
# A score over all linear models of two columns
# ---------------------------------------------
# A rare class has two parts. The smaller one lies far from the boundary that matters and pulls the
# log-loss to it. Up to its length, which does not matter to predictions, a model of two columns is
# an angle and a threshold, so that F1 over all models is a picture.

rng = np.random.default_rng(0)
X = np.vstack(
    [
        rng.normal([0.0, 0.0], [1.0, 1.0], (3000, 2)),
        rng.normal([2.2, 0.0], [0.5, 1.0], (300, 2)),
        rng.normal([-1.0, 5.0], [0.4, 0.4], (60, 2)),
    ]
)
y = np.repeat([0, 1], [3000, 360])
trained = NNOClassifier("f1", random_state=0).fit(X, y)
start = trained.start_
convex = NNOClassifier().fit(X, y)
models = {"log-loss": convex, "log-loss, tuned threshold": start, "trained on F1": trained}
for name, model in models.items():
    print(f"{name:26} F1 {f1_score(y, model.predict(X)):.4f} on the training data")

angles, thresholds = np.linspace(-0.5, 2.0, 140), np.linspace(0, 4, 140)
picture = np.empty((len(thresholds), len(angles)))
for column, angle in enumerate(angles):
    predicted = (X @ [np.cos(angle), np.sin(angle)])[:, None] > thresholds
    picture[:, column] = 2 * (y @ predicted) / (y.sum() + predicted.sum(axis=0))  # F1
print(f"{'best of the picture':26} F1 {picture.max():.4f}")

# %%
# A function of a few numbers
# ---------------------------
# :func:`nno_sklearn.nno_minimize` is the same idea for any function: a quadratic model through the
# nearest points that were tried, and its minimum within a radius is tried next.

tried = []


def rosenbrock(x):
    tried.append(x)
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


result = nno_minimize(rosenbrock, [-1.2, 1.0])
print(f"minimum {result.fun:.0e} at {result.x.round(6)}, {result.nfev} evaluations")

# %%
# Left: every pixel is a model, the marks are three fits. Right: every dot is a point that was
# tried; the colour is when.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
image = left.pcolormesh(angles, thresholds, picture, cmap="viridis")
fig.colorbar(image, ax=left, label="F1")
for (name, model), mark in zip(models.items(), "osD", strict=True):
    coef, intercept = model.coef_[0], model.intercept_[0]
    place = np.arctan2(coef[1], coef[0]), -intercept / np.linalg.norm(coef)
    left.plot(*place, mark, color="white", markeredgecolor="black", markersize=9, label=name)
left.set(xlabel="angle of the coefficients", ylabel="threshold")
left.legend(loc="upper right")
points = np.array(tried)
x, z = np.meshgrid(np.linspace(-1.6, 1.6, 200), np.linspace(-0.6, 1.9, 200))
right.contour(
    x, z, (1 - x) ** 2 + 100 * (z - x**2) ** 2, levels=np.logspace(-1, 3, 9), cmap="Greys"
)
dots = right.scatter(*points.T, c=np.arange(len(points)), s=18, cmap="plasma", zorder=3)
fig.colorbar(dots, ax=right, label="evaluation")
right.set(xlim=(-1.6, 1.6), ylim=(-0.6, 1.9), xlabel="first parameter", ylabel="second parameter")
