"""
Four million rows: seconds and passes
=====================================

What a fit to many rows costs is counted in passes over them. The landmark rows that give a start
and a curvature are a few thousand however many rows there are, so the number of passes does not
grow with them. scikit-learn's Newton-Cholesky, for few columns, is as near in about the time; its
lbfgs takes several times as long, and a pass of SGD comes nowhere near the optimum.

There are four million rows of float32 in a file that is mapped into memory where
``NNO_SKLEARN_DATA`` is set, since that takes a minute, and four hundred thousand otherwise.
"""

import os
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier

from nno_sklearn import NNOClassifier

N = 4_000_000 if "NNO_SKLEARN_DATA" in os.environ else 400_000
P, CHUNK, ALPHA = 20, 40_000, 1e-6
rng = np.random.default_rng(0)
mixing = np.linalg.qr(rng.normal(size=(P, P)))[0] * np.logspace(0, -1.5, P)
coef = rng.normal(size=P)
path = Path(tempfile.mkdtemp(), "rows.npy")
X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(N, P))
y = np.empty(N, dtype=np.int8)
for first in range(0, N, CHUNK):
    rows = slice(first, first + CHUNK)
    X[rows] = rng.normal(size=(CHUNK, P)) @ mixing.T
    y[rows] = X[rows] @ coef + rng.logistic(size=CHUNK) > 0
X = np.load(path, mmap_mode="r")
print(f"{path.stat().st_size / 1e6:.0f} MB, {N:,} rows of {P} columns")


class InChunks(SGDClassifier):
    """SGD in one pass of chunks."""

    def fit(self, X, y):
        for first in range(0, len(y), CHUNK):
            rows = slice(first, first + CHUNK)
            self.partial_fit(X[rows], y[rows], classes=[0, 1])
        return self


# %%
# The objective is computed here, and not by any of the packages, in chunks of float64.


def objective(model, n):
    coef, total = model.coef_[0].astype(float), 0.0
    for first in range(0, n, CHUNK):
        rows = slice(first, min(first + CHUNK, n))
        raw = X[rows] @ coef + model.intercept_[0]
        total += np.sum(np.logaddexp(0, raw) - y[rows] * raw)
    return total / n + ALPHA / 2 * coef @ coef


sizes, curves = [N // 100, N // 10, N], {}
for n in sizes:
    models = {
        "NNOClassifier": NNOClassifier(alpha=ALPHA, tol=1e-6),
        "lbfgs": LogisticRegression(C=1 / (n * ALPHA), tol=1e-5, max_iter=1000),
        "newton-cholesky": LogisticRegression(C=1 / (n * ALPHA), solver="newton-cholesky"),
        "SGD, one pass": InChunks("log_loss", alpha=ALPHA, average=True, random_state=0),
    }
    for name, model in models.items():
        start = time.perf_counter()
        model.fit(X[:n], y[:n])
        seconds = time.perf_counter() - start
        curves.setdefault(name, []).append(seconds)
        if name == "NNOClassifier":
            bound = model.objective_ - model.dual_gap_
            print(f"{n:,} rows: {model.n_passes_:.1f} passes")
        print(f"  {name:16} {seconds:6.2f} s, {objective(model, n) - bound:.0e} above the bound")

# %%
# Both axes are logarithmic: a line of slope one is a cost that grows as the rows do.

for name, seconds in curves.items():
    plt.loglog(sizes, seconds, "o-", label=name)
plt.gca().set(xlabel="rows", ylabel="seconds")
plt.legend()
