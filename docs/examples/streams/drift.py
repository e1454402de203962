"""
A stream that drifts: what to forget
====================================

Where the world changes, old rows mislead. ``CellStream(forgetting=n)`` lets a row weigh half after
n rows. How much to forget cannot be known beforehand, but it can be seen: each batch is predicted
before it is learnt. Plain SGD forgets by its step size, and is a fair choice where that happens to
fit.

The stream is the first half of the prices of electricity in New South Wales (do they rise?), in
the order of time, where ``NNO_SKLEARN_DATA`` names a folder that has them; otherwise rows of a
logistic model whose coefficients turn.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

from nno_sklearn import CellStream, NNOClassifier

BATCH = 500
if "NNO_SKLEARN_DATA" in os.environ:
    with np.load(Path(os.environ["NNO_SKLEARN_DATA"], "elec2.npz")) as data:
        X, y = data["X"][:20_000].astype(float), data["y"][:20_000]
else:
    rng = np.random.default_rng(0)
    X, angle = rng.normal(size=(10_000, 2)), np.linspace(0, np.pi, 10_000)
    raw = 3 * (X[:, 0] * np.cos(angle) + X[:, 1] * np.sin(angle))
    y = (raw + rng.logistic(size=len(X)) > 0).astype(int)
X = StandardScaler().fit(X[:2000]).transform(X)
print(f"{len(y):,} rows in the order of time")

# %%
# Predict, then learn
# -------------------

models = {
    f"cells, half-life {half_life}": NNOClassifier(stream=CellStream(forgetting=half_life))
    for half_life in (None, 5000, 1000)
}
models["SGD"] = SGDClassifier("log_loss", random_state=0)
models["SGD, constant step"] = SGDClassifier(
    "log_loss", learning_rate="constant", eta0=0.1, random_state=0
)
right = {}
for name, model in models.items():
    start, hits = time.perf_counter(), []
    for first in range(0, len(y), BATCH):
        rows = slice(first, first + BATCH)
        if first:
            hits.append(model.score(X[rows], y[rows]))
        model.partial_fit(X[rows], y[rows], classes=np.unique(y))
    right[name] = np.array(hits)
    seconds = time.perf_counter() - start
    print(f"{name:22} accuracy on the next batch {np.mean(hits):.4f}, {seconds:.1f} s")

# %%
# Accuracy on the next batch, averaged over a tenth of the stream:

width = len(hits) // 10
for name, hits in right.items():
    smooth = np.convolve(hits, np.ones(width) / width, mode="valid")
    seen = BATCH * (np.arange(len(smooth)) + width)
    plt.plot(seen, smooth, "--" if name.startswith("SGD") else "-", label=name)
plt.xlabel("rows seen")
plt.ylabel("accuracy on the next batch")
plt.legend()
