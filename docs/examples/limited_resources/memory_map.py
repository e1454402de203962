"""
Rows on disk: float32 through a memory map
==========================================

``fit`` reads X where it is. A float32 file that is mapped into memory is neither copied nor turned
into float64, so a fit takes a fraction of the file's size beside it, and its cost is counted in
passes over the file. scikit-learn's lbfgs takes less memory still, and more time; its
Newton-Cholesky takes as much as the file. SGD in chunks needs nothing beside a chunk, and comes
less near to the optimum.
"""

import tempfile
import time
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier

from nno_sklearn import NNOClassifier

# %%
# A file of 80 MB stands for one that is larger than memory: 200,000 rows of 100 correlated
# columns.

N, P, CHUNK = 200_000, 100, 10_000
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
megabytes = path.stat().st_size / 1e6
print(f"{megabytes:.0f} MB on disk")

# %%
# Memory is what Python and numpy allocate beside the file, at its highest.


class InChunks(SGDClassifier):
    """SGD in five passes of chunks, each read once a pass."""

    def fit(self, X, y):
        for _ in range(5):
            for first in range(0, len(y), CHUNK):
                rows = slice(first, first + CHUNK)
                self.partial_fit(X[rows], y[rows], classes=[0, 1])
        return self


ALPHA = 1e-4
C = 1 / (N * ALPHA)
models = {
    "NNOClassifier": NNOClassifier(alpha=ALPHA),
    "LogisticRegression, lbfgs": LogisticRegression(C=C, max_iter=1000),
    "LogisticRegression, newton-cholesky": LogisticRegression(C=C, solver="newton-cholesky"),
    "SGD in chunks, averaged": InChunks("log_loss", alpha=ALPHA, average=True, random_state=0),
}
measured = {}
for name, model in models.items():
    tracemalloc.start()
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    raw = X @ model.coef_[0].astype(np.float32) + np.float32(model.intercept_[0])
    value = np.mean(np.logaddexp(0, raw, dtype=float) - y * raw)
    value += ALPHA / 2 * float(model.coef_[0] @ model.coef_[0])
    measured[name] = peak, seconds
    print(f"{name:36} objective {value:.6f}, {peak:6.1f} MB beside the file, {seconds:5.2f} s")
model = models["NNOClassifier"]
print(f"NNOClassifier read the file {model.n_passes_:.1f} times, in {model.n_iter_} iterations")

# %%
# The dashed line is the size of the file.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3), sharey=True, layout="constrained")
names = list(measured)[::-1]
left.barh(names, [measured[name][0] for name in names])
left.axvline(megabytes, color="black", linestyle="--")
left.set_xlabel("MB beside the file")
right.barh(names, [measured[name][1] for name in names], color="tab:orange")
right.set_xlabel("seconds")
