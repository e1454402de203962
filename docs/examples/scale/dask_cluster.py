"""
Rows on a Dask cluster: only sums travel
========================================

Rows that lie in the memory of several workers need not be fetched. ``fit`` asks each worker for
sums, such as a gradient, and gets the optimum and the certificate of all rows; predictions are lazy
arrays, made where the rows are. What one machine holds is fitted faster there: each look at the
data is a round trip to the workers. See :doc:`/distributed` for what travels, and what fails how.

The cluster here is two workers within this process, so that the example runs anywhere;
``Client("tcp://...")`` is all that is different elsewhere.
"""

import time

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from dask.distributed import Client
from sklearn.linear_model import LogisticRegression

from nno_sklearn import NNOClassifier
from nno_sklearn.inspection import ConvergenceDisplay

N, P, ALPHA = 200_000, 20, 1e-4
client = Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0")

# %%
# Rows that no one has seen
# -------------------------
# Each chunk is made by a worker, and stays there.

random = da.random.default_rng(0)
coef = np.linspace(-1, 1, P)
X = random.normal(size=(N, P), chunks=(20_000, P)).persist()
noise = random.normal(size=N, chunks=20_000)
y = (da.dot(X, coef) + noise > 0).astype(int).persist()
print(f"{X.nbytes / 1e6:.0f} MB in {X.numblocks[0]} chunks of two workers")

# %%
# Elsewhere and here
# ------------------
# The same estimator on the collection, and on rows that were fetched. scikit-learn's
# LogisticRegression would fetch them too.

models = {}
for name, data in {"on the workers": (X, y), "here": (X.compute(), y.compute())}.items():
    start = time.perf_counter()
    models[name] = NNOClassifier(alpha=ALPHA, tol=1e-6, random_state=0).fit(*data)
    seconds = time.perf_counter() - start
    print(f"{name:15} {seconds:5.2f} s, objective {models[name].objective_:.9f}")
start = time.perf_counter()
rival = LogisticRegression(C=1 / (N * ALPHA), tol=1e-6).fit(*data)
print(f"{'lbfgs, here':15} {time.perf_counter() - start:5.2f} s")
far, near = models["on the workers"], models["here"]
print(f"coefficients differ by {np.abs(far.coef_ - near.coef_).max():.0e} at most")
print(f"dual gap {far.dual_gap_:.0e} with rows elsewhere, {near.dual_gap_:.0e} with rows here")

# %%
# Predictions are lazy
# --------------------
# A mean over them is computed where they are made, and only that is fetched.

share = far.predict_proba(X)[:, 1]
print(share)
print(f"mean probability {share.mean().compute():.4f}, share of ones {y.mean().compute():.4f}")
print(f"accuracy {far.score(X, y):.4f}")
client.close()

# %%
# Landmark rows are drawn in the chunks, so the two do not begin with the same ones; they end alike.

_, ax = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
ConvergenceDisplay.from_estimators(models, ax=ax)
