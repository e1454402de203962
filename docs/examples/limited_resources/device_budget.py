"""
A device's budget: memory and passes, counted
=============================================

A device that measures all day can keep little and read nothing again: its budget is some memory and
one pass. Cells of neighbouring rows make more of the same memory than rows kept at random
(reservoir sampling), but their learner holds 200 kB beside them, however few they are, and takes
most time. Averaged SGD holds no rows at all: where two kilobytes are all there is, it is the
choice, though its log-loss is far from the best.

The rows are those of a challenge on engine faults (ijcnn1) where ``NNO_SKLEARN_DATA`` names a
folder that has them; otherwise they come from a logistic model.
"""

import os
import pickle
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from nno_sklearn import CellStream, NNOClassifier

if "NNO_SKLEARN_DATA" in os.environ:
    with np.load(Path(os.environ["NNO_SKLEARN_DATA"], "ijcnn1.npz")) as data:
        X, y = data["X"].astype(float), (data["y"] == data["y"].max()).astype(int)
else:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30_000, 20)) @ rng.normal(size=(20, 20))
    y = (X @ rng.normal(size=20) / 5 + rng.logistic(size=len(X)) > 0).astype(int)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)
ALPHA, BATCH = 1e-4, 1000


class Reservoir:
    """Keeps as many rows as it can hold, each row of the stream with the same probability."""

    def __init__(self, size):
        self.size, self.seen, self.rng = size, 0, np.random.default_rng(0)
        self.X, self.y = np.empty((size, X.shape[1])), np.empty(size, dtype=int)

    def partial_fit(self, X, y, classes):
        for row, label in zip(X, y, strict=True):
            place = self.seen if self.seen < self.size else self.rng.integers(self.seen + 1)
            if place < self.size:
                self.X[place], self.y[place] = row, label
            self.seen += 1

    def predict_proba(self, X):
        return NNOClassifier(alpha=ALPHA).fit(self.X, self.y).predict_proba(X)


# %%
# Every learner sees each row once, in batches. Memory is what is left of it when it is saved.

best = NNOClassifier(alpha=ALPHA).fit(X, y)
floor = log_loss(y_test, best.predict_proba(X_test))
print(f"all {len(y):,} rows in memory: {X.nbytes / 1e3:,.0f} kB, log-loss {floor:.4f}")
streams = {("cells", n): CellStream(n_cells=n) for n in (50, 200, 800)}
learners = {key: NNOClassifier(alpha=ALPHA, stream=stream) for key, stream in streams.items()}
learners |= {("random rows", n): Reservoir(n) for n in (100, 200, 400, 800, 1600)}
learners["SGD, averaged", 0] = SGDClassifier("log_loss", alpha=ALPHA, average=True, random_state=0)
curves = {}
for (name, size), model in learners.items():
    start = time.perf_counter()
    for first in range(0, len(y), BATCH):
        rows = slice(first, first + BATCH)
        model.partial_fit(X[rows], y[rows], classes=[0, 1])
    seconds = time.perf_counter() - start
    kilobytes = len(pickle.dumps(model)) / 1e3
    loss = log_loss(y_test, model.predict_proba(X_test))
    curves.setdefault(name, []).append((kilobytes, loss))
    print(f"{name:13} {size or '':4} {kilobytes:6.1f} kB, log-loss {loss:.4f}, {seconds:5.2f} s")

# %%
# The dashed line is the fit to all rows, which holds and reads them as often as it likes.

for name, curve in curves.items():
    plt.loglog(*np.transpose(curve), "o-", label=name)
plt.axhline(floor, color="black", linestyle="--", label="all rows")
plt.gca().set(xlabel="kB that the learner holds", ylabel="log-loss on held-out rows")
plt.legend()
