"""
Rows that come sorted by class
==============================

A stream that is sorted, by class or by date, is what online learning is warned of: methods that
take a small step for each row forget the first class while they see the second. A bounded memory
of cells does not mind the order. The price is time.

The rows are those of a challenge on engine faults (ijcnn1) where ``NNO_SKLEARN_DATA`` names a
folder that has them; otherwise handwritten digits (is it odd?).
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier

if "NNO_SKLEARN_DATA" in os.environ:
    with np.load(Path(os.environ["NNO_SKLEARN_DATA"], "ijcnn1.npz")) as data:
        X, y = data["X"].astype(float), (data["y"] > 0).astype(int)
else:
    X, y = load_digits(return_X_y=True)
    y = y % 2
X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)
batch_fit = NNOClassifier().fit(X, y)
best = log_loss(y_test, batch_fit.predict_proba(X_test))
print(f"{len(y):,} rows; log-loss of the batch fit on held-out rows {best:.4f}")

# %%
# One pass over the rows in two orders, in batches of a fiftieth:

orders = {
    "shuffled": np.random.default_rng(0).permutation(len(y)),
    "sorted by class": np.argsort(y, kind="stable"),
}
models = {
    "NNO, cells": NNOClassifier(stream="cells"),
    "NNO, adagrad": NNOClassifier(stream="adagrad"),
    "SGD": SGDClassifier("log_loss", random_state=0),
    "SGD, averaged": SGDClassifier("log_loss", average=True, random_state=0),
}
losses = {}
for order, rows in orders.items():
    for name, model in models.items():
        model = clone(model)
        curve, start = [], time.perf_counter()
        for batch in np.array_split(rows, 50):
            model.partial_fit(X[batch], y[batch], classes=[0, 1])
            curve.append(log_loss(y_test, model.predict_proba(X_test)))
        losses[name, order] = curve
        print(
            f"{order:16} {name:14} log-loss {curve[-1]:7.4f}, accuracy "
            f"{model.score(X_test, y_test):.3f}, {time.perf_counter() - start:.2f} s"
        )

# %%
# The second class begins where the curves jump. The dashed line is the batch fit, which sees all
# rows at once.

fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, order in zip(axes, orders, strict=True):
    for name in models:
        ax.plot(np.linspace(0.02, 1, 50), losses[name, order], label=name)
    ax.axhline(best, color="black", linestyle="--", label="batch fit")
    ax.set(yscale="log", title=order, xlabel="share of the rows seen")
axes[0].set_ylabel("log-loss on held-out rows")
axes[1].legend()
