"""
F1 of a rare class: trained, not only thresholded
=================================================

Where one class is rare, the usual remedy is logistic regression with a tuned threshold. Training
on F1 itself moves the coefficients too. It pays where a linear model is wrong far from the
boundary, since F1 does not care about rows there; where the linear model fits, as on texts, a
tuned threshold is as good, and that is then what ``NNOClassifier("f1")`` returns.

The data are skin pixels, a challenge on engine faults (ijcnn1) and spam where ``NNO_SKLEARN_DATA``
names a folder that has them; otherwise each of three handwritten digits against the rest.
"""

import lzma
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedShuffleSplit, TunedThresholdClassifierCV
from sklearn.preprocessing import MaxAbsScaler

from nno_sklearn import NNOClassifier

# %%
# Scaled columns, and labels of which True is the rare class:


def arrays(name):
    with np.load(Path(os.environ["NNO_SKLEARN_DATA"], f"{name}.npz")) as data:
        X, y = data["X"].astype(float), data["y"]
    rare = min(np.unique(y), key=lambda label: np.mean(y == label))
    return X, y == rare


def spam():
    path = Path(os.environ["NNO_SKLEARN_DATA"], "sms_spam.tsv.xz")
    with lzma.open(path, "rt", encoding="utf-8") as file:
        labels, texts = zip(*(line.split("\t", 1) for line in file), strict=True)
    return TfidfVectorizer(min_df=2, sublinear_tf=True).fit_transform(texts), np.isin(
        labels, "spam"
    )


if "NNO_SKLEARN_DATA" in os.environ:
    sets = {"skin": arrays("skin"), "ijcnn1": arrays("ijcnn1"), "sms_spam": spam()}
else:
    X, y = load_digits(return_X_y=True)
    sets = {f"digit {digit}": (X, y == digit) for digit in (1, 8, 9)}
sets = {name: (MaxAbsScaler().fit_transform(X), y) for name, (X, y) in sets.items()}

# %%
# Three splits of each; what counts is F1 on the held-out rows. All models have the same penalty,
# and the tuned threshold is scikit-learn's, by cross-validation on the training rows.

ALPHA = 1e-4
splits = StratifiedShuffleSplit(3, train_size=0.5, random_state=0)
scores = {}
for name, (X, y) in sets.items():
    print(f"{name}: {X.shape[0]:,} x {X.shape[1]:,}, {y.mean():.1%} in the rare class")
    for train, test in splits.split(X, y):
        train, test = train[:10_000], test[:20_000]
        logistic = LogisticRegression(C=1 / (ALPHA * len(train)), max_iter=2000)
        models = {
            "log-loss": NNOClassifier(alpha=ALPHA),
            "tuned threshold": TunedThresholdClassifierCV(logistic, scoring="f1"),
            "trained on F1": NNOClassifier("f1", alpha=ALPHA, random_state=0),
        }
        for kind, model in models.items():
            start = time.perf_counter()
            model.fit(X[train], y[train])
            seconds = time.perf_counter() - start
            score = f1_score(y[test], model.predict(X[test]))
            scores.setdefault((name, kind), []).append((score, seconds))
    gains = np.subtract(*(np.array(scores[name, kind])[:, 0] for kind in list(models)[:0:-1]))
    for kind in models:
        score, seconds = np.mean(scores[name, kind], axis=0)
        print(f"  {kind:16} F1 {score:.4f}, {seconds:.2f} s a fit")
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    print(f"  training on F1 gains {gains.mean():+.4f} ± {error:.4f} over the tuned threshold")

# %%
# Dots are splits, bars their means.

fig, axes = plt.subplots(1, len(sets), figsize=(10, 3.6), layout="constrained")
for ax, name in zip(axes, sets, strict=True):
    for place, kind in enumerate(models):
        values = np.array(scores[name, kind])[:, 0]
        ax.bar(place, values.mean(), color=f"C{place}", alpha=0.5)
        ax.plot(np.full(len(values), place), values, "o", color=f"C{place}")
    lowest = min(score for (of, _), pairs in scores.items() if of == name for score, _ in pairs)
    ax.set(title=name, ylim=(lowest - 0.03, None), xticks=range(len(models)))
    ax.set_xticklabels(models, rotation=20)
axes[0].set_ylabel("F1 on held-out rows")
