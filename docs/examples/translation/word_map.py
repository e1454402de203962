"""
Words of another language, by a map between word vectors
========================================================

Word vectors are learnt in each language by itself, from which words occur together. A linear map
between them, fitted to a dictionary, translates words that the dictionary does not have (Mikolov et
al., 2013). A regression shrinks what it is not sure of towards the middle, where a few words are
the nearest to everything; once the search for neighbours corrects for such hubs, it is as good as a
rotation (Procrustes), or better. scikit-learn's ``RidgeCV`` finds the same map in less time.

The languages are English and French captions of photographs where ``NNO_SKLEARN_DATA`` names a
folder that has them; otherwise two halves of scikit-learn's documentation, one of them with its
words spelt backwards, so that the halves share no sentence and no word.
"""

import bz2
import inspect
import os
import re
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils.discovery import all_estimators

from nno_sklearn import NNORegressor, NNOSearchCV

if "NNO_SKLEARN_DATA" in os.environ:
    folder = Path(os.environ["NNO_SKLEARN_DATA"])
    files = [folder / f"multi30k_train.{language}.bz2" for language in ("en", "fr")]
    texts = [bz2.decompress(file.read_bytes()).decode().splitlines() for file in files]
    files = [folder / f"dictionary_{part}.en-fr.tsv" for part in ("train", "test")]
    lines = "".join(file.read_text(encoding="utf-8").lower() for file in files).splitlines()
    dictionary = [line.split("\t") for line in lines]
else:
    text = "\n\n".join(inspect.getdoc(kind).lower() for _, kind in all_estimators())
    sentences = sorted(set(re.split(r"\.\s|\n\n", text)))
    texts = np.array_split(np.random.default_rng(0).permutation(sentences), 2)
    texts[1] = [re.sub("[a-z]+", lambda word: word[0][::-1], text) for text in texts[1]]
    dictionary = [(word, word[::-1]) for word in set(re.findall("[a-z]{2,}", text))]

# %%
# A word's vector says how much more often than by chance other words are in its sentences (positive
# pointwise mutual information). Which sentences are translations of each other is not used.


def vectors(sentences):
    counter = CountVectorizer(token_pattern=r"[^\W\d_]{2,}", min_df=5, binary=True, dtype=float)
    X = counter.fit_transform(sentences)
    together = (X.T @ X).tocoo()
    total = np.asarray(together.sum(axis=0)).ravel()
    chance = total[together.row] * total[together.col] ** 0.75 / (total**0.75).sum()
    together.data = np.log(np.maximum(together.data / chance, 1))
    svd = TruncatedSVD(200, random_state=0)
    found = normalize(svd.fit_transform(together.tocsr()) / np.sqrt(svd.singular_values_))
    return counter.vocabulary_, normalize(found - found.mean(axis=0))


(source, S), (target, T) = map(vectors, texts)
known = sorted(pair for pair in dictionary if pair[0] in source and pair[1] in target)
pairs = np.array([(source[word], target[translation]) for word, translation in known])
print(f"{len(S):,} and {len(T):,} words, {len(pairs):,} pairs of them in the dictionary")

# %%
# The answer is the nearest word by cosine; or by cross-domain similarity local scaling (CSLS,
# Conneau et al., 2018), in which what is near to many mapped words counts as less near.


def translate(mapped):
    candidates = NearestNeighbors(n_neighbors=50, metric="cosine").fit(T)
    distances, words = candidates.kneighbors(mapped)
    crowd = NearestNeighbors(n_neighbors=10, metric="cosine").fit(mapped).kneighbors(T)[0]
    best = np.argmin(2 * distances - crowd.mean(axis=1)[words], axis=1)
    return {"cosine": words[:, 0], "CSLS": words[np.arange(len(words)), best]}


def procrustes(A, B):
    left, _, right = np.linalg.svd(A.T @ B)
    return S @ (left @ right)


alphas = np.logspace(-4, -2, 5)
ridge = RidgeCV(alphas * 0.8 * len(pairs))
ours = NNOSearchCV(NNORegressor(), alphas=alphas, scoring="neg_mean_squared_error")
maps = {
    "Procrustes": procrustes,
    "RidgeCV": lambda A, B: ridge.fit(A, B).predict(S),
    "NNOSearchCV": lambda A, B: ours.fit(A, B).predict(S),
}
hits, answers = {}, {}
for train, test in KFold(5, shuffle=True, random_state=0).split(pairs):
    (A, truth), (A_test, truth_test) = pairs[train].T, pairs[test].T
    for name, make in maps.items():
        start = time.perf_counter()
        mapped = make(S[A], T[truth])
        seconds = time.perf_counter() - start
        for way, found in translate(mapped).items():
            right, _ = hits.setdefault((name, way), ([], seconds))
            right.extend(found[A_test] == truth_test)
            answers[name, way] = found
for (name, way), (right, seconds) in hits.items():
    print(f"{name:11} {way:6} {np.mean(right):.3f} right at the first guess, fit {seconds:.2f} s")
gain = np.subtract(hits["NNOSearchCV", "CSLS"][0], hits["Procrustes", "CSLS"][0], dtype=float)
print(f"NNOSearchCV gains {gain.mean():+.3f} ± {gain.std() / len(gain) ** 0.5:.3f} over Procrustes")

# %%
# How often a word is the answer, over all words of the source language: hubs are on the left.
for (name, way), found in answers.items():
    counts = np.sort(np.bincount(found))[:-201:-1]
    style = f"C{list(maps).index(name)}" + ("--" if way == "cosine" else "-")
    plt.loglog(1 + np.arange(200), counts, style, label=f"{name}, {way}")
plt.gca().set(xlabel="rank of the word", ylabel="how often it is the answer")
plt.legend()
