"""
Losses, and the lines that they fit
===================================

A loss says what an error costs. Squares make a few large errors decide; losses that grow linearly
do not, and a quantile charges errors above and below differently. The pictures show each loss, and
the lines that come of them where a tenth of the targets went wrong.
"""

import matplotlib.pyplot as plt
import numpy as np

from nno_sklearn import NNORegressor
from nno_sklearn.losses import (
    AbsoluteError,
    EpsilonInsensitive,
    Gamma,
    Hinge,
    Huber,
    InverseGaussian,
    LogLoss,
    ModifiedHuber,
    MultinomialLogLoss,
    NegativeBinomial,
    Ordinal,
    Poisson,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
    Tweedie,
)

# %%
# What an error costs
# -------------------
# Of numbers, by the residual; of labels, by the margin, which is negative where the label is wrong;
# of counts and amounts (here of 1), by the ratio of prediction and target.
ERRORS = np.linspace(-3, 3, 601)[:, None]
NUMBERS = [SquaredError(), Huber(1.0), AbsoluteError(), Quantile(0.9)]
INSENSITIVE = [EpsilonInsensitive(1.0), SquaredEpsilonInsensitive(1.0)]
LABELS = [LogLoss(), Hinge(), SquaredHinge(), ModifiedHuber()]

MEANS = [Poisson(), Gamma(), Tweedie(1.5), InverseGaussian(), NegativeBinomial()]
PANELS = [
    ("prediction - target", 0.0, NUMBERS),
    ("prediction - target", 0.0, INSENSITIVE),
    ("margin", 1.0, LABELS),
    ("log(prediction / target)", 1.0, MEANS),
]

fig, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
for ax, (error, target, losses) in zip(axes.flat, PANELS, strict=True):
    for loss in losses:
        ax.plot(ERRORS, loss.value(np.full_like(ERRORS, target), ERRORS), label=repr(loss))
    ax.set(ylim=(0, 8), xlabel=error, ylabel="loss")
raw, first = np.hstack([ERRORS, 0 * ERRORS, 0 * ERRORS]), np.array([1.0, 0.0, 0.0])
loss = MultinomialLogLoss()
axes[1, 0].plot(ERRORS, loss.value(first, raw).sum(axis=1), label="MultinomialLogLoss(), 3 classes")
for ax in axes.flat:
    ax.legend(fontsize="small")

# %%
# Corners
# -------
# A fit with a loss that has corners solves losses with parabolas in their place; the less width
# they have, the nearer they are.
fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
loss, targets = Quantile(0.9), np.zeros_like(ERRORS)
for width in (4.0, 1.0, 0.25):
    ax.plot(ERRORS, loss.smoothed(width).value(targets, ERRORS), label=f"{width = }")
ax.plot(ERRORS, loss.value(targets, ERRORS), "k:", label="Quantile(0.9)")
ax.legend()
_ = ax.set(xlabel="prediction - target")

# %%
# Classes in an order
# -------------------
# The ordinal loss has a line with all intercepts: along it the most probable class goes up.
latent = np.linspace(-6, 6, 601)[:, None]
probability = Ordinal().predict(latent + np.array([3.0, 1.0, -3.0]))
fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
for k, curve in enumerate(probability.T):
    ax.plot(latent, curve, label=f"class {k}")
ax.legend()
_ = ax.set(xlabel="x w", ylabel="probability")

# %%
# A tenth of the targets is wrong
# -------------------------------
# The squared error follows them. ``"concomitant_huber"`` finds out which residuals are large; its
# scale is that of the others.
rng = np.random.default_rng(0)
x = np.sort(rng.uniform(0, 10, 100))
y = 1 + 0.5 * x + rng.normal(size=100)
y[90:] -= 15
X = x[:, None]

fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(x, y, ".", color="0.6")
for name in ("squared_error", "huber", "concomitant_huber", "absolute_error"):
    model = NNORegressor(name, penalty=None, tol=1e-8).fit(X, y)
    ax.plot(x, model.predict(X), label=name)
    print(f"{name:18} slope {model.coef_[0]:6.3f}, gap {model.optimality_:.0e}")
ax.plot(x, 1 + 0.5 * x, "k:", label="without wrong targets")
_ = ax.legend()

# %%
# Several quantiles at once
# -------------------------
# One model has an output for each.
y = 1 + 0.5 * x + (0.3 + 0.2 * x) * rng.normal(size=100)
model = NNORegressor(Quantile([0.1, 0.5, 0.9]), penalty=None, tol=1e-8).fit(X, y)
print("share of targets below each:", (y[:, None] < model.predict(X)).mean(axis=0).round(2))

fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(x, y, ".", color="0.6")
ax.plot(x, model.predict(X), label=["quantile 0.1", "0.5", "0.9"])
_ = ax.legend()
