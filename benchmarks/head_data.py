"""Made data of the heads suite: embeddings, next words, words of text, tables of outputs."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

#: Variances of an embedding's coordinates fall like this power of their number.
DECAY = 1.0
#: Words before the next one that tell of it.
CONTEXT = 3
#: Words of a text, and share of the columns that a row of wide outputs has.
WORDS_OF_TEXT, DENSITY = 100, 0.005
#: Columns from which on tables with many outputs are sparse.
WIDE = 1000


@dataclass(frozen=True)
class Task:
    """One measurement; ``rival`` is None for ours, or says what of scikit-learn's."""

    kind: str
    n: int
    p: int
    n_classes: int
    alpha: float
    tol: float
    rival: str | None = None


def make(task, seed=0):
    """X, float32 and scaled, and the classes y, of which each occurs."""
    rng = np.random.default_rng(seed)
    n_words, size = max(task.n_classes, 2), task.p // CONTEXT if task.kind == "words" else task.p
    spectrum = np.arange(1, size + 1) ** (-DECAY / 2)
    mix = np.linalg.qr(rng.standard_normal((size, size)))[0]
    words = (rng.standard_normal((n_words, size)) * spectrum) @ mix
    if task.kind == "words":
        frequency = 1.0 / np.arange(1, n_words + 1)
        drawn = rng.choice(n_words, (task.n, CONTEXT), p=frequency / frequency.sum())
        X = (words / words.std(axis=0))[drawn].reshape(task.n, -1)
        prior = np.log(frequency)
    else:
        X, prior = (rng.standard_normal((task.n, size)) * spectrum) @ mix, np.zeros(n_words)
        X /= X.std(axis=0)
    X = X.astype(np.float32)
    own = rng.standard_normal((X.shape[1], n_words)).astype(np.float32)
    own *= 2.0 / np.sqrt(X.shape[1])
    y = np.empty(task.n, dtype=np.int64)
    for rows in np.array_split(np.arange(task.n), 1 + task.n * n_words // 2**22):
        noise = rng.gumbel(size=(len(rows), n_words))
        y[rows] = (X[rows] @ own + prior + noise).argmax(axis=1)
    y[:n_words] = np.arange(n_words)[: task.n]
    return X, y


def hashed_text(task, seed=0):
    """Rows of words as frequent as Zipf's law has them, in hashed columns, float32; two classes."""
    rng = np.random.default_rng(seed)
    frequency = 1.0 / np.arange(1, task.p + 1)
    words = rng.choice(task.p, (task.n, WORDS_OF_TEXT), p=frequency / frequency.sum())
    columns = rng.permutation(task.p)[words].ravel()
    share = np.full(columns.size, 1.0 / np.sqrt(WORDS_OF_TEXT), dtype=np.float32)
    ends = np.arange(0, columns.size + 1, WORDS_OF_TEXT)
    X = sparse.csr_matrix((share, columns, ends), shape=(task.n, task.p))
    X.sum_duplicates()
    score = X @ (3.0 * rng.standard_normal(task.p)) + rng.logistic(size=task.n)
    return X, (score > 0).astype(int)


def outputs(task, seed=0):
    """A table and ``task.n_classes`` numbers for each row of it; a wide one is sparse float32."""
    rng = np.random.default_rng(seed)
    if task.p >= WIDE:
        X = sparse.random(task.n, task.p, DENSITY, "csr", np.float32, random_state=seed)
    else:
        X = rng.standard_normal((task.n, task.p))
    shape = task.p, task.n_classes
    Y = X @ rng.standard_normal(shape, dtype=np.float32)
    return X, Y + rng.standard_normal(Y.shape)
