"""
A file larger than memory, chunk by chunk
=========================================

``partial_fit`` needs no learning rate and no scaled columns, whatever the units of a file are.
Each chunk is first predicted, then learnt, so that the curve needs no held-out part. SGD in
compiled code takes less time. It has to be given scaled columns, and averaged coefficients, to be
as good.
"""

import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier
from nno_sklearn.streams import StreamPipeline

# %%
# The file stands for one that memory cannot hold. Its columns are in units from thousandths to
# thousands, and its labels come from a logistic model.

CHUNK, N_CHUNKS, LABELS = 1000, 40, ["no", "yes"]
rng = np.random.default_rng(0)
coef, units = rng.normal(size=10), np.logspace(-3, 3, 10)
path = Path(tempfile.mkdtemp(), "stream.csv")
for number in range(N_CHUNKS):
    X = rng.normal(size=(CHUNK, 10))
    table = pd.DataFrame(X * units, columns=[f"x{j}" for j in range(10)])
    table["label"] = np.where(X @ coef + rng.logistic(size=CHUNK) > 0, "yes", "no")
    table.to_csv(path, index=False, mode="a" if number else "w", header=not number)
print(f"{path.stat().st_size / 1e6:.0f} MB in {N_CHUNKS} chunks")

# %%
# Without a penalty, whose meaning depends on the units, a model is the same in any units. There
# are three ways to learn it, and scikit-learn's SGD on columns that a running StandardScaler
# scales, with the coefficients of the last step and with their average.


def scaled_sgd(**options):
    """SGD on columns in units of their spreads so far."""
    sgd = SGDClassifier(loss="log_loss", random_state=0, **options)
    return StreamPipeline([("scaler", StandardScaler()), ("sgd", sgd)])


models = {
    f"NNO, {name}": NNOClassifier(stream=name, penalty=None)
    for name in ("cells", "adagrad", "ftrl")
}
models |= {"SGD, scaled": scaled_sgd(), "SGD, scaled, averaged": scaled_sgd(average=True)}
accuracies, seconds = {name: [] for name in models}, dict.fromkeys(models, 0.0)
for number, table in enumerate(pd.read_csv(path, chunksize=CHUNK)):
    X, y = table.drop(columns="label"), table["label"]
    for name, model in models.items():
        start = time.perf_counter()
        if number:
            accuracies[name].append(model.score(X, y))
        model.partial_fit(X, y, classes=LABELS)
        seconds[name] += time.perf_counter() - start
for name, values in accuracies.items():
    print(f"{name:21} mean accuracy {np.mean(values):.4f}, {seconds[name]:.2f} s")
cells = models["NNO, cells"]
print(f"{cells.n_samples_seen_:,} rows are remembered as {len(cells.condensed_weights_)} cells")

# %%
# Means over all chunks so far:

for name, values in accuracies.items():
    seen = CHUNK * np.arange(1, N_CHUNKS)
    plt.plot(seen, np.cumsum(values) / np.arange(1, N_CHUNKS), label=name)
plt.xlabel("rows seen")
plt.ylabel("mean accuracy on the next chunk")
plt.legend()
