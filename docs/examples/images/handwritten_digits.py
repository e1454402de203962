"""
Handwritten digits: features that need no training
==================================================

A linear model of raw pixels is weak; so is its rival from any other package, since all fit the
same objective. The responses to random patches of the images are features without any training
(Coates, Lee and Ng, 2011). On them the same linear model makes a fraction of the errors, and the
fit remains convex and certified. Nearest neighbours on raw pixels are hard to beat, and
``LogisticRegression`` takes less time on the small images and on the patches.

The images are those of MNIST where ``NNO_SKLEARN_DATA`` names a folder that has them; otherwise
the 8 x 8 digits that come with scikit-learn.
"""

import os
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier

if "NNO_SKLEARN_DATA" in os.environ:
    with np.load(Path(os.environ["NNO_SKLEARN_DATA"], "mnist_train.npz")) as data:
        images, y = data["X"].reshape(-1, 28, 28)[:12_000] / np.float32(255), data["y"][:12_000]
    SIZE, STEP, N_FILTERS = 6, 2, 150
else:
    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8).astype(np.float32) / 16
    SIZE, STEP, N_FILTERS = 3, 1, 100
split = train_test_split(images, y, test_size=1 / 3, random_state=0)
images, images_test, y, y_test = split
print(f"{len(images):,} images of {images.shape[1]} x {images.shape[2]} pixels")

# %%
# Random patches as filters
# -------------------------
# Patches are brought to the same mean and contrast and whitened. A filter is a patch that is cut
# out at random; a feature is its response, rectified and averaged over one of nine blocks of
# places.


def patches_of(images):
    windows = np.lib.stride_tricks.sliding_window_view(images, (SIZE, SIZE), axis=(1, 2))
    patches = windows[:, ::STEP, ::STEP]
    patches = patches.reshape(*patches.shape[:3], -1)
    patches = patches - patches.mean(axis=-1, keepdims=True)
    return patches / np.sqrt((patches**2).mean(axis=-1, keepdims=True) + 0.01)


rng = np.random.default_rng(0)
sample = patches_of(images[:1000]).reshape(-1, SIZE * SIZE)
sample = rng.permutation(sample[sample.any(axis=1)])[:20_000]
whitening = PCA(0.99, whiten=True).fit(sample)
filters = whitening.transform(sample[:N_FILTERS])
filters /= np.linalg.norm(filters, axis=1, keepdims=True)


def features_of(images):
    parts = []
    for some in np.array_split(images, max(1, len(images) // 1000)):
        patches = patches_of(some)
        white = whitening.transform(patches.reshape(-1, SIZE * SIZE))
        responses = np.maximum(white @ filters.T - 0.5, 0).reshape(*patches.shape[:3], -1)
        blocks = np.array_split(np.arange(patches.shape[1]), 3)
        means = [responses[:, a][:, :, b].mean(axis=(1, 2)) for a in blocks for b in blocks]
        parts.append(np.hstack(means).astype(np.float32))
    return np.vstack(parts)


pixels = images.reshape(len(images), -1), images_test.reshape(len(images_test), -1)
start = time.perf_counter()
responses = features_of(images), features_of(images_test)
scaler = StandardScaler().fit(responses[0])
responses = tuple(map(scaler.transform, responses))
print(f"{responses[0].shape[1]} features of patches in {time.perf_counter() - start:.1f} s")

# %%
# The same strength for all:

ALPHA = 1e-3
models = {
    "NNOClassifier": NNOClassifier(alpha=ALPHA, tol=1e-3),
    "LogisticRegression": LogisticRegression(C=1 / (ALPHA * len(y))),
    "3 nearest neighbours": KNeighborsClassifier(3),
}
errors = {}
for kind, (X, X_test) in {"pixels": pixels, "patches": responses}.items():
    for name, model in models.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            start = time.perf_counter()
            model.fit(X, y)
            seconds = time.perf_counter() - start
        errors[name, kind] = 1 - model.score(X_test, y_test)
        note = ", not converged" if caught else ""
        print(f"{kind:8} {name:20} {errors[name, kind]:6.2%} errors, fit {seconds:5.2f} s{note}")
    if kind == "pixels":
        pictures = models["NNOClassifier"].coef_.reshape(-1, *images.shape[1:])

# %%
# What a linear model of pixels looks for: blue speaks for the digit, red against it.

fig, axes = plt.subplots(2, 5, figsize=(8, 3.6), layout="constrained")
for digit, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=True)):
    ax.imshow(picture, cmap="RdBu", vmin=-np.abs(pictures).max(), vmax=np.abs(pictures).max())
    ax.set(title=digit, xticks=[], yticks=[])
