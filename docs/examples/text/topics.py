"""
Topics of texts, and the words that decide
==========================================

TF-IDF and a linear model are hard to beat on topics, and the choice among linear models hardly
matters to the accuracy: what differs is the time, and what can be read off the model. A joint
logistic regression takes less time here than scikit-learn's; ``LinearSVC`` and SGD, which fit each
class against the rest, can take less still.

The texts are posts to twenty newsgroups where ``NNO_SKLEARN_DATA`` names a folder that has them;
otherwise paragraphs of scikit-learn's own documentation, whose topics are its modules.
"""

import inspect
import lzma
import os
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC
from sklearn.utils.discovery import all_estimators

from nno_sklearn import NNOClassifier
from nno_sklearn.counterparts import counterparts


def newsgroups(part):
    path = Path(os.environ["NNO_SKLEARN_DATA"], f"newsgroups20_{part}.tsv.xz")
    with lzma.open(path, "rt", encoding="utf-8") as file:
        topics, texts = zip(*(line.split("\t", 1) for line in file), strict=True)
    return list(texts), np.array(topics)


def documentation(least=60):
    topic_of = {
        paragraph: kind.__module__.split(".")[1]
        for _, kind in all_estimators()
        for paragraph in inspect.getdoc(kind).split("\n\n")
        if len(paragraph) >= least
    }
    texts, topics = np.array(list(topic_of)), np.array(list(topic_of.values()))
    names, counts = np.unique(topics, return_counts=True)
    known = np.isin(topics, names[counts >= least])
    return texts[known], topics[known]


if "NNO_SKLEARN_DATA" in os.environ:
    (texts, y), (texts_test, y_test) = newsgroups("train"), newsgroups("test")
    topic = "sci.space"
else:
    texts, texts_test, y, y_test = train_test_split(*documentation(), random_state=0)
    topic = "linear_model"
tfidf = TfidfVectorizer(min_df=3, sublinear_tf=True, stop_words="english")
X, X_test = tfidf.fit_transform(texts), tfidf.transform(texts_test)
print(f"{X.shape[0]:,} texts, {X.shape[1]:,} words, {len(set(y))} topics")


def fit(name, model, y, y_test):
    """Fit, and print accuracy, seconds, and whether the fit warned that it did not converge."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, y)
        seconds = time.perf_counter() - start
    ended = "" if not caught else ", not converged"
    used = np.mean(model.coef_ != 0)
    accuracy = model.score(X_test, y_test)
    print(f"{name:30} accuracy {accuracy:.4f}, {seconds:5.2f} s, {used:7.2%} of the words{ended}")


# %%
# All topics
# ----------
# The same strength for all that have the same objective; the others at their defaults.

ALPHA = 1e-5
fit("NNO, log-loss", NNOClassifier(alpha=ALPHA), y, y_test)
fit("NNO, log-loss, tol=1e-2", NNOClassifier(alpha=ALPHA, tol=1e-2), y, y_test)
fit("LogisticRegression", LogisticRegression(C=1 / (ALPHA * len(y))), y, y_test)
fit("LinearSVC", LinearSVC(), y, y_test)
fit("SGD, hinge", SGDClassifier(alpha=ALPHA, random_state=0), y, y_test)

# %%
# One topic in a few words
# ------------------------
# An l1 penalty keeps the words that decide. ``counterparts`` makes scikit-learn's estimators of
# the same objective.

ALPHA = 3e-4
sparse = NNOClassifier(penalty="l1", alpha=ALPHA)
fit(f"NNO, l1, {topic}", sparse, y == topic, y_test == topic)
for rival in counterparts(loss="log_loss", penalty="l1", alpha=ALPHA, total_weight=len(y)):
    fit(f"{type(rival).__name__}, l1", rival, y == topic, y_test == topic)

order = np.argsort(-np.abs(sparse.coef_[0]))[:25][::-1]
weights, words = sparse.coef_[0][order], tfidf.get_feature_names_out()[order]
fig, axes = plt.subplots(figsize=(7, 6), layout="constrained")
axes.barh(words, weights, color=np.where(weights > 0, "tab:blue", "tab:red"))
axes.set(xlabel="coefficient", title=f"is it {topic}? the words with the largest coefficients")
