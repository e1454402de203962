"""
How will they rate it: two indicators, and the neighbours of what is left
=========================================================================

Most of a rating is who rates, and which film. A regression on two indicators, one of the user and
one of the film, learns that from a sparse matrix of thousands of columns, in which a row has two
entries. What is left is explained by how the same user rated the films that are like this one:
nearest neighbours of the residuals. A robust loss gains nothing over squared error, which ``Ridge``
has too, and fits in less time.

The ratings are those of MovieLens where ``NNO_SKLEARN_DATA`` names a folder that has them;
otherwise the "users" are images of digits, the "films" their pixels, the "ratings" the brightness.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder

from nno_sklearn import NNORegressor, NNOSearchCV

if "NNO_SKLEARN_DATA" in os.environ:
    path = Path(os.environ["NNO_SKLEARN_DATA"], "movielens_100k.tsv.bz2")
    *pairs, ratings = np.loadtxt(path, dtype=int, usecols=(0, 1, 2)).T
    N_NEAR, ALPHAS = 100, np.logspace(-5, -4, 5)
else:
    images = load_digits().data[:1000]
    images = images[:, np.ptp(images, axis=0) > 8]
    *pairs, ratings = *np.indices(images.shape).reshape(2, -1), images.ravel()
    N_NEAR, ALPHAS = 10, np.logspace(-5, -3, 5)
encoder = OneHotEncoder().fit(np.transpose(pairs))
n_users, n_films = map(len, encoder.categories_)
X, y = encoder.transform(np.transpose(pairs)), ratings.astype(float)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
print(f"{len(y):,} ratings of {n_films:,} films by {n_users:,} users; {len(y_test):,} held out")

# %%
# Who, and which film
# -------------------
# Each search tries five strengths in five folds.

errors = {"the same for all": root_mean_squared_error(y_test, np.full_like(y_test, y.mean()))}
print(f"{'the same for all':18} error {errors['the same for all']:.4f}")
options = {"scoring": "neg_root_mean_squared_error", "cv": 5}
models = {
    "who and which": NNOSearchCV(NNORegressor(), alphas=ALPHAS, **options),
    "the same by Huber": NNOSearchCV(NNORegressor("huber"), alphas=ALPHAS, **options),
    "the same by Ridge": GridSearchCV(Ridge(), {"alpha": 0.8 * len(y) * ALPHAS}, **options),
}
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    errors[name] = root_mean_squared_error(y_test, model.predict(X_test))
    print(f"{name:18} error {errors[name]:.4f}, {seconds:5.2f} s")

# %%
# What is left, and the nearest films
# -----------------------------------
# Films are near whose residuals have a large cosine. A prediction is the mean of the user's
# residuals on the films that are near, weighted by the cosines; half a film of residual 0 is
# counted with them, for users who have rated few of these.


def places(X):
    """Numbers of the user and of the film in each row."""
    return X.indices.reshape(-1, 2).T - [[0], [n_users]]


model, shape = models["who and which"], (n_users, n_films)
start = time.perf_counter()
left = sparse.csr_array((y - model.predict(X), places(X)), shape=shape)
rated = sparse.csr_array((np.ones(len(y)), places(X)), shape=shape)
distances, near = (
    NearestNeighbors(metric="cosine").fit(left.T.tocsr()).kneighbors(n_neighbors=N_NEAR)
)
of_film = np.repeat(np.arange(n_films), N_NEAR)
cosines = np.maximum(1 - distances, 0).ravel()
cosines = sparse.csr_array((cosines, (near.ravel(), of_film)), shape=(n_films, n_films))
corrections = (left @ cosines).toarray() / ((rated @ cosines).toarray() + 0.5)
seconds = time.perf_counter() - start
predicted = model.predict(X_test) + corrections[tuple(places(X_test))]
errors["with neighbours"] = root_mean_squared_error(y_test, predicted)
print(f"{'with neighbours':18} error {errors['with neighbours']:.4f}, {seconds:5.2f} s more")

# %%
# The films with the largest coefficients are rated best, whoever rates: the coefficient is shrunk
# towards 0 where few have rated a film, which a mean is not.

counts = np.bincount(places(X)[1], minlength=n_films)
sums = np.bincount(places(X)[1], weights=y - y.mean(), minlength=n_films)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
left.barh(list(errors)[::-1], list(errors.values())[::-1])
left.set(xlim=(0.9 * min(errors.values()), None), xlabel="root mean squared error")
coef = model.best_estimator_.coef_[n_users:]
coef = coef - np.average(coef, weights=counts)
some = counts > 0
right.scatter(counts[some], sums[some] / counts[some], s=8, label="mean less the overall mean")
right.scatter(counts[some], coef[some], s=8, label="coefficient")
right.set(xscale="log", xlabel="ratings of a film", ylabel="better than the average film by")
right.legend()
