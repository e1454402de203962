"""Data of the suite "search" that are more than an array of numbers, or less than a whole set."""

import numpy as np

from benchmarks import data


def dense(name):
    """A sparse set as an array."""
    X, y = data.load(name)
    return X.toarray(), y


def correlated(n, p):
    """Columns that are correlated with their neighbours, and a target of unit variance."""
    X, y = data.correlated(n, p, p // 100, 0.9)
    return X, y / y.std()


def houses():
    """All columns of california_housing, text and missing values too; hundred thousand dollars."""
    table = data._table("california_housing.csv.bz2")
    return table, table.pop("median_house_value").to_numpy(float) / 1e5


def generated_houses(n=500, seed=0):
    """A small table with text and missing values."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    numbers, place = rng.standard_normal((n, 3)), rng.integers(4, size=n)
    y = np.sin(2 * numbers[:, 0]) + numbers[:, 1] + 0.3 * place + 0.3 * rng.standard_normal(n)
    table = pd.DataFrame(np.where(rng.random((n, 3)) < 0.02, np.nan, numbers), columns=list("abc"))
    return table.assign(place=np.array(["hill", "bay", "inland", "island"], dtype=object)[place]), y


def newsgroups():
    """Texts of 20 classes."""
    import pandas as pd

    path = data._path("newsgroups20_train.tsv.xz")
    table = pd.read_csv(path, sep="\t", header=None, quoting=3, keep_default_na=False)
    return table[1].to_numpy(object), np.unique(table[0], return_inverse=True)[1]


def generated_texts(n=200, n_words=500, n_classes=4, seed=0):
    """Short texts whose classes prefer some words."""
    rng = np.random.default_rng(seed)
    frequency = np.exp(rng.standard_normal((n_classes, n_words))) / np.arange(1, n_words + 1)
    frequency /= frequency.sum(axis=1, keepdims=True)
    y = np.arange(n) % n_classes
    words = [rng.choice(n_words, size=40, p=frequency[label]) for label in y]
    return np.array([" ".join(f"word{k}" for k in text) for text in words], dtype=object), y
