"""
Which film next: sparse linear methods
======================================

Whether somebody has watched a film is predicted from the other films that they have watched: a
regression of each film on all others, with coefficients that are sparse, at least 0, and 0 for the
film itself (SLIM, Ning and Karypis, 2011). All films are the outputs of one fit, and its nearest
neighbours are the candidates of each: weights of the penalty say so. It finds the film that was
left out far more often than popularity or neighbours alone. A dense inverse (EASE, Steck, 2019) is
as good in less time; ``ElasticNet``, called film by film, takes less time, too.

The films are those of MovieLens where ``NNO_SKLEARN_DATA`` names a folder that has them; otherwise
the "viewers" are scikit-learn's classes and functions, and the "films" are their parameters.
"""

import inspect
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import ElasticNet as FilmByFilm
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.discovery import all_estimators, all_functions

from nno_sklearn import ElasticNet, NNORegressor

if "NNO_SKLEARN_DATA" in os.environ:
    path = Path(os.environ["NNO_SKLEARN_DATA"], "movielens_100k.tsv.bz2")
    users, films = np.loadtxt(path, dtype=int, usecols=(0, 1)).T
    watched = np.zeros((users.max() + 1, films.max() + 1))
    watched[users, films] = 1
    LEAST, SIZES, RIDGE = 30, (10, 30, 100), 200
else:
    lists = [
        " ".join(inspect.signature(f).parameters) for _, f in all_estimators() + all_functions()
    ]
    watched = CountVectorizer(binary=True).fit_transform(lists).toarray().astype(float)
    LEAST, SIZES, RIDGE = 5, (5, 10, 20), 5
watched = watched[:, watched.sum(axis=0) >= LEAST]
watched = watched[watched.sum(axis=1) >= 3]
print(f"{watched.shape[0]:,} viewers, {watched.shape[1]:,} films, {watched.mean():.1%} watched")

# %%
# One film of each viewer is left out. A method is a matrix of weights from film to film; what it
# recommends are the ten films of the largest sums of weights that the viewer has not watched. It
# hits if the one that was left out is among them.

rng = np.random.default_rng(0)
held_out = np.array([rng.choice(np.flatnonzero(row)) for row in watched])
viewers = np.arange(len(watched))
X = watched.copy()
X[viewers, held_out] = 0


def hit_rate(weights):
    sums = np.where(X > 0, -np.inf, X @ weights)
    better = (sums >= sums[viewers, held_out][:, None]).sum(axis=1)
    return np.mean(better <= 10)


popularity = np.tile(X.sum(axis=0), (X.shape[1], 1))
print(f"popularity          {hit_rate(popularity):.3f}")
start = time.perf_counter()
inverse = np.linalg.inv(X.T @ X + RIDGE * np.eye(X.shape[1]))
ease = np.eye(X.shape[1]) - inverse / np.diag(inverse)
seconds = time.perf_counter() - start
print(f"EASE                {hit_rate(ease):.3f}, all weights, {seconds:.2f} s")

# %%
# Neighbours as candidates
# ------------------------
# A weight of infinity excludes a coefficient: that of the film itself, and of all that are not
# among its nearest by cosine. Strengths mean the same in both packages.

ALPHA = 0.002
search = NearestNeighbors(metric="cosine").fit(X.T)
rates = {}


def report(name, size, weights, seconds):
    rates.setdefault(name, []).append(hit_rate(weights))
    used = f"{np.mean(weights != 0):5.1%} of the weights"
    print(f"{name:12} of {size:3}: {rates[name][-1]:.3f}, {used}, {seconds:5.2f} s")


for size in SIZES:
    start = time.perf_counter()
    distances, near = search.kneighbors(n_neighbors=size)
    columns = np.arange(X.shape[1])[:, None]
    cosines = np.zeros((X.shape[1],) * 2)
    cosines[near, columns] = 1 - distances
    report("item kNN", size, cosines, time.perf_counter() - start)

    start = time.perf_counter()
    candidates = np.full_like(cosines, np.inf)
    candidates[near, columns] = 1
    penalty = ElasticNet(0.5, weights=candidates, positive=True)
    model = NNORegressor(penalty=penalty, alpha=ALPHA, fit_intercept=False, tol=1e-2)
    report("SLIM", size, model.fit(X, X).coef_.T, time.perf_counter() - start)

    start = time.perf_counter()
    slim = np.zeros_like(cosines)
    one = FilmByFilm(ALPHA, l1_ratio=0.5, fit_intercept=False, positive=True, tol=1e-2)
    for film, chosen in enumerate(near):
        slim[chosen, film] = one.fit(X[:, chosen], X[:, film]).coef_
    report("film by film", size, slim, time.perf_counter() - start)

# %%
# More candidates help the regression, which keeps few of them; they hardly help plain cosines.
for name in ("SLIM", "item kNN"):
    plt.semilogx(SIZES, rates[name], "o-", label=name)
plt.axhline(hit_rate(ease), color="black", linestyle=":", label="EASE")
plt.axhline(hit_rate(popularity), color="black", linestyle="--", label="popularity")
plt.gca().set(xlabel="neighbours of each film", ylabel="hit rate at ten")
plt.legend()
