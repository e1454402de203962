"""Learn from a file that is larger than memory, chunk by chunk, and draw the learning curve.

python docs/examples/online_learning.py                      # generates a small file of its own
python docs/examples/online_learning.py FILE.csv TARGET      # numeric columns, labels in TARGET

Each chunk is first predicted, then learnt ("prequential"), so that the curve is honest without a
held-out part.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nno_sklearn import NNOClassifier


def generate(path, n_rows=40_000, n_columns=10, seed=0):
    """Write a file of labels from a logistic model."""
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=n_columns)
    for first in range(0, n_rows, 10_000):
        X = rng.normal(size=(min(10_000, n_rows - first), n_columns))
        table = pd.DataFrame(X, columns=[f"x{j}" for j in range(n_columns)]).round(4)
        table["label"] = np.where(X @ coef + rng.logistic(size=len(X)) > 0, "yes", "no")
        table.to_csv(path, index=False, mode="a" if first else "w", header=not first)


def labels_of(path, target, chunk):
    """All labels of the file: a first reading, of one column."""
    parts = pd.read_csv(path, usecols=[target], chunksize=chunk)
    return sorted(set().union(*(part[target].unique() for part in parts)))


def learn(path, target, chunk):
    """Returns rows seen, accuracies of the chunks by stream, and the models."""
    classes = labels_of(path, target, chunk)
    models = {name: NNOClassifier(stream=name) for name in ("cells", "adagrad", "ftrl")}
    rows, curves = [0], {name: [] for name in models}
    for table in pd.read_csv(path, chunksize=chunk):
        X, y = table.drop(columns=target), table[target]
        for name, model in models.items():
            if rows[-1]:
                curves[name].append(model.score(X, y))
            model.partial_fit(X, y, classes=classes)
        rows.append(rows[-1] + len(table))
    return rows[1:-1], curves, models


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("target", nargs="?", default="label")
    parser.add_argument("--chunk", type=int, default=1000, help="rows in memory at a time")
    parser.add_argument("--plot", type=Path, default=Path("online_learning.png"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "stream.csv"
        if options.file is None:
            generate(path)
        rows, curves, models = learn(path, options.target, options.chunk)
    for name, accuracies in curves.items():
        plt.plot(rows, accuracies, label=name)
        print(f"{name}: accuracy {np.mean(accuracies):.4f} over the stream")
    cells = models["cells"]
    print(f"{cells.n_samples_seen_} rows are remembered as {len(cells.condensed_weights_)}")
    plt.xlabel("rows seen")
    plt.ylabel("accuracy on the next chunk")
    plt.legend()
    plt.savefig(options.plot)
    print(f"curve: {options.plot}")


if __name__ == "__main__":
    main()
