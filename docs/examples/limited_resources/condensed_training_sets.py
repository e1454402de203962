"""
Condensed training sets: accuracy against size
==============================================

A training set that has to travel, or to be kept, can be replaced by cells of neighbouring rows:
mean rows with weights, on which any estimator can be trained. It is the smallest sets that gain
most over as many rows drawn at random, or centroids of k-means in each class; the larger the set,
the less it matters how its rows were chosen. Neither replaces the fit to all rows where these can
be had.

The data are those of a challenge on engine faults (ijcnn1) where ``NNO_SKLEARN_DATA`` names a
folder that has them; otherwise handwritten digits (is it odd?) in ten principal components.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from nno_sklearn import condense

if "NNO_SKLEARN_DATA" in os.environ:
    with np.load(Path(os.environ["NNO_SKLEARN_DATA"], "ijcnn1.npz")) as data:
        X, y = data["X"].astype(float), (data["y"] == data["y"].max()).astype(int)
else:
    X, y = load_digits(return_X_y=True)
    X, y = PCA(10).fit_transform(X), y % 2
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)

# %%
# Three ways to make a small set
# ------------------------------
# Each returns rows, labels and weights. A cell has shares of both classes: it becomes two rows.


def cells(size):
    rows, shares, weights = condense(X, y, size)
    weight = (weights[:, None] * shares).ravel()
    return np.repeat(rows, 2, axis=0), np.tile([0, 1], len(rows)), weight


def at_random(size):
    chosen = np.random.default_rng(0).choice(len(y), size, replace=False)
    return X[chosen], y[chosen], np.full(size, len(y) / size)


def centroids(size):
    rows, labels, weights = [], [], []
    for label in (0, 1):
        of_class = X[y == label]
        n_clusters = max(1, round(size * len(of_class) / len(y)))
        means = MiniBatchKMeans(n_clusters, n_init=1, random_state=0).fit(of_class)
        counts = np.bincount(means.labels_, minlength=n_clusters)
        rows.append(means.cluster_centers_[counts > 0])
        weights.append(counts[counts > 0])
        labels.append(np.full(np.count_nonzero(counts), label))
    return np.vstack(rows), np.concatenate(labels), np.concatenate(weights).astype(float)


# %%
# scikit-learn's ``LogisticRegression`` is trained on each, with the strength of the full training
# set.


def held_out_loss(rows, labels, weights):
    model = LogisticRegression(C=100, max_iter=1000)
    model.fit(rows, labels, sample_weight=weights)
    return log_loss(y_test, model.predict_proba(X_test)), model.score(X_test, y_test)


full = held_out_loss(X, y, np.ones(len(y)))
print(f"all {len(y):,} rows: log-loss {full[0]:.4f}, accuracy {full[1]:.4f}")
sizes = [50, 100, 200, 400, 800]
curves = {}
for name, make in {"cells": cells, "random rows": at_random, "k-means": centroids}.items():
    for size in sizes:
        start = time.perf_counter()
        small = make(size)
        seconds = time.perf_counter() - start
        loss, accuracy = held_out_loss(*small)
        curves.setdefault(name, []).append(loss)
        print(f"{name:12} {size:4}: log-loss {loss:.4f}, accuracy {accuracy:.4f}, {seconds:.2f} s")

# %%
# The dashed line is the full training set.

for name, losses in curves.items():
    plt.loglog(sizes, losses, "o-", label=name)
plt.axhline(full[0], color="black", linestyle="--", label=f"all {len(y):,} rows")
plt.xlabel("rows of the small training set")
plt.ylabel("log-loss on held-out rows")
plt.legend()
