"""
Sentiment in English and in Chinese, without segmentation
=========================================================

Chinese is written without blanks, and usually cut into words by a dictionary first. A linear model
does not need that: sequences of one to three characters are enough, and the search over the
strength of the penalty takes seconds. In English, words and pairs of words are better than
characters.

The texts are hotel reviews in Chinese and film reviews in English where ``NNO_SKLEARN_DATA`` names
a folder that has them. scikit-learn has no reviews; without the folder, the example tells
paragraphs of its documentation apart: is it about linear models?
"""

import inspect
import lzma
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.svm import LinearSVC
from sklearn.utils.discovery import all_estimators

from nno_sklearn import NNOClassifier, NNOSearchCV


def reviews(name):
    path = Path(os.environ["NNO_SKLEARN_DATA"], f"{name}.tsv.xz")
    with lzma.open(path, "rt", encoding="utf-8") as file:
        labels, texts = zip(*(line.rstrip("\n").split("\t", 1) for line in file), strict=True)
    return list(texts), np.isin(labels, ["1", "pos"])


def documentation():
    is_linear = {
        paragraph: ".linear_model" in kind.__module__
        for _, kind in all_estimators()
        for paragraph in inspect.getdoc(kind).split("\n\n")
        if len(paragraph) >= 60
    }
    return list(is_linear), np.array(list(is_linear.values()))


if "NNO_SKLEARN_DATA" in os.environ:
    data = {"Chinese": reviews("zh_hotel_reviews"), "English": reviews("rt_polarity")}
else:
    data = {"documentation": documentation()}
features = {
    "words and pairs": {"analyzer": "word", "ngram_range": (1, 2)},
    "1 to 3 characters": {"analyzer": "char", "ngram_range": (1, 3)},
}
ALPHAS = np.array([3e-6, 1e-5, 3e-5, 1e-4, 3e-4])

# %%
# Each search fits five strengths in three folds. For the best features, scikit-learn's are beside
# it: the same grid with ``LogisticRegression``, and ``LinearSVC`` at its default strength.


def report(name, model):
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    print(f"  {name:38} accuracy {model.score(X_test, y_test):.4f}, {seconds:5.1f} s")
    return model


curves = {}
for language, (texts, labels) in data.items():
    texts, texts_test, y, y_test = train_test_split(texts, labels, random_state=0)
    print(f"{language}: {len(labels):,} texts, {np.mean(labels):.0%} positive")
    best = None
    for kind, options in features.items():
        tfidf = TfidfVectorizer(min_df=2, sublinear_tf=True, **options)
        X, X_test = tfidf.fit_transform(texts), tfidf.transform(texts_test)
        search = report(f"NNO, {kind}", NNOSearchCV(NNOClassifier(), alphas=ALPHAS, cv=3))
        curves[language, kind] = search.cv_results_["mean_test_score"]
        if best is None or search.best_score_ > best[0].best_score_:
            best = search, kind, X, X_test, tfidf
    search, kind, X, X_test, tfidf = best
    grid = {"C": 1 / (2 / 3 * len(y) * ALPHAS)}
    report(f"LogisticRegression, {kind}", GridSearchCV(LogisticRegression(), grid, cv=3))
    report(f"LinearSVC, {kind}", LinearSVC())
    order = np.argsort(search.best_estimator_.coef_[0])
    names = tfidf.get_feature_names_out()
    for name, columns in (("against", order[:8]), ("for", order[::-1][:8])):
        print(f"  {name:8}", *map(repr, names[columns]))

# %%
# Held-out accuracy in the folds against the strength: where the best strength is depends on the
# features, so it has to be searched.

for (language, kind), scores in curves.items():
    plt.semilogx(ALPHAS, scores, "o-", label=f"{language}, {kind}")
plt.xlabel("alpha")
plt.ylabel("mean accuracy in three folds")
plt.legend()
