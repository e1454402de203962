"""
The next word, mixed with its nearest neighbours
================================================

The last layer of a language model is a multinomial regression on the embedding of what was said so
far. What a text says after similar beginnings, its nearest neighbours, can be mixed in without any
training, and from more text than the layer was trained on (kNN-LM, Khandelwal et al., 2020). That
helps much, though counts of words are as good on sentences as short as these, and take no time.
``LogisticRegression`` fits the layer in less time.

The sentences are captions of photographs where ``NNO_SKLEARN_DATA`` names a folder that has them;
otherwise those of scikit-learn's documentation.
"""

import bz2
import inspect
import os
import re
import time
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.utils.discovery import all_estimators

from nno_sklearn import NNOClassifier

if "NNO_SKLEARN_DATA" in os.environ:
    path = Path(os.environ["NNO_SKLEARN_DATA"], "multi30k_train.en.bz2")
    sentences = bz2.decompress(path.read_bytes()).decode().splitlines()[:8200]
else:
    text = "\n\n".join(inspect.getdoc(kind).lower() for _, kind in all_estimators())
    sentences = np.random.default_rng(0).permutation(sorted(set(re.split(r"\.\s|\n\n", text))))
sentences = [re.findall(r"[^\W\d_]+", sentence) for sentence in sentences]
counts, N_WORDS = Counter(word for sentence in sentences[:1000] for word in sentence), 200
code = {word: 2 + rank for rank, (word, _) in enumerate(counts.most_common(N_WORDS - 2))}
# 0 is the beginning and the end of a sentence, 1 is each rare word.
sentences = [[0, 0, 0, *(code.get(word, 1) for word in sentence), 0] for sentence in sentences]
train, more, test = sentences[:1000], sentences[:-200], sentences[-200:]


def triples(sentences):
    """The three words before each word, and the word."""
    windows = np.array([s[i : i + 4] for s in sentences for i in range(len(s) - 3)])
    return windows[:, :3], windows[:, 3]


# %%
# A beginning is the vectors of its last three words and the mean of all its words. Vectors of words
# are learnt from what stands beside them.

before, after = triples(train)
beside = sparse.coo_array((np.ones(len(after)), (before[:, 2], after)), shape=(N_WORDS, N_WORDS))
beside = sparse.hstack([beside, beside.T]).tocsr().sqrt()
vectors = normalize(TruncatedSVD(32, random_state=0).fit_transform(beside))


def beginnings(sentences):
    last = vectors[triples(sentences)[0]].reshape(-1, 3 * vectors.shape[1])
    sums = [vectors[s].cumsum(axis=0)[2:-1] for s in sentences]
    means = [part / np.arange(3, len(part) + 3)[:, None] for part in sums]
    return np.hstack([last, np.vstack(means)]).astype(np.float32)


scaler, truth = StandardScaler().fit(beginnings(train)), triples(test)[1]
X, X_more, X_test = (scaler.transform(beginnings(part)) for part in (train, more, test))
print(f"{len(X):,} words to train on, {len(X_more):,} to search in, {len(X_test):,} held out")


def perplexity(shares):
    return np.exp(-np.mean(np.log(shares)))


models = LogisticRegression(C=1 / (3e-4 * len(X)), tol=1e-3), NNOClassifier(alpha=3e-4, tol=0.02)
for model in models:
    start = time.perf_counter()
    layer = model.fit(X, after).predict_proba(X_test)[np.arange(len(truth)), truth]
    seconds = time.perf_counter() - start
    print(f"{type(model).__name__:18} perplexity {perplexity(layer):.2f}, {seconds:.1f} s")


def by_counts(sentences):
    """Counts of one to three words, each smoothed by the shorter (Witten and Bell, 1991)."""
    (before, after), asked, shares = triples(sentences), triples(test)[0], 1 / N_WORDS
    for order in range(3):
        keys, wanted = (
            rows[:, 3 - order :] @ N_WORDS ** np.arange(order) for rows in (before, asked)
        )
        table = sparse.coo_array((np.ones(len(keys)), (keys, after))).tocsr()
        table.resize(N_WORDS**order, N_WORDS)
        seen, kinds = table[wanted], np.diff(table.indptr)[wanted]
        total, seen = seen.sum(axis=1), seen.toarray()[np.arange(len(truth)), truth]
        shares = np.where(total > 0, (seen + kinds * shares) / np.maximum(total + kinds, 1), shares)
    return shares


# %%
# Neighbours: the nearer, the more they count.
mixes = np.linspace(0, 0.9, 10)
for name, store, part in (("the same", X, train), ("all", X_more, more)):
    start = time.perf_counter()
    distances, near = NearestNeighbors(n_neighbors=256).fit(store).kneighbors(X_test)
    weights = np.exp((distances[:, :1] ** 2 - distances**2) / vectors.shape[1])
    hits = triples(part)[1][near] == truth[:, None]
    neighbours = (weights * hits).sum(axis=1) / weights.sum(axis=1)
    seconds = time.perf_counter() - start
    counts = perplexity(by_counts(part))
    curve = [perplexity((1 - mix) * layer + mix * neighbours) for mix in mixes]
    plt.plot(mixes, curve, "o-", label=f"neighbours in {name} sentences")
    print(
        f"{name} sentences: half by neighbours {curve[5]:.2f}, {seconds:.1f} s; counts {counts:.2f}"
    )
plt.gca().set(xlabel="share of the neighbours", ylabel="perplexity of held-out sentences")
plt.legend()
