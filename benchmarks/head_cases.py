"""What the heads suite measures beside fits of one head: sweeps, many outputs, streams, texts."""

import time
import warnings

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC

from benchmarks.data import texts
from benchmarks.head_data import hashed_text, make, outputs
from benchmarks.worker import memory, new_peak
from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV

#: Strengths of a sweep: so many between these powers of ten; and folds.
N_STRENGTHS, POWERS, FOLDS = 20, (-5, 0), 5
#: Share of the targets that are not missing.
PRESENT = 0.1
#: Rows of a batch of a stream.
BATCH = 1000


def measured(work):
    """What ``work()`` returns, and its processor seconds and growth of memory."""
    before, start = new_peak(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gaps and scores say whether it converged
        result = work()
    seconds = time.process_time() - start
    return result, {
        "cpu_seconds": seconds,
        "memory": None if before is None else memory("VmHWM") - before,
    }


def sweep(task):
    """All strengths on all folds, without the last fit to all rows."""
    X, y = make(task)
    alphas = np.logspace(*POWERS, N_STRENGTHS)
    options = {"cv": FOLDS, "scoring": "neg_log_loss", "refit": False}
    if task.rival is None:
        search = NNOSearchCV(NNOClassifier(tol=task.tol), alphas=alphas, **options)
    else:
        n_fitted = task.n * (1 - 1 / FOLDS)
        strengths = {"C": 1 / (alphas * n_fitted)}
        search = GridSearchCV(LogisticRegression(solver=task.rival, max_iter=2000), strengths)
        search.set_params(**options)
    _, row = measured(lambda: search.fit(X, y))
    return row | {"score": search.cv_results_["mean_test_score"].max()}


def many_outputs(task):
    """A regression of many targets on one table; the score is R^2 on the training rows."""
    X, Y = outputs(task)
    model = NNORegressor(alpha=task.alpha, tol=task.tol)
    if task.rival is not None:
        model = Ridge(task.alpha * task.n, solver=task.rival, tol=task.tol)
    _, row = measured(lambda: model.fit(X, Y))
    return row | {"score": model.score(X, Y), "n_iter": int(np.max(model.n_iter_ or 1))}


def missing_targets(task):
    """As :func:`many_outputs`, where most targets are missing; a rival fits them one by one."""
    X, Y = outputs(task)
    missing = np.random.default_rng(1).random(Y.shape) >= PRESENT
    missing[0] = False  # each output has a target
    Y[missing] = np.nan
    model = NNORegressor(alpha=task.alpha, tol=task.tol)
    if task.rival is None:
        _, row = measured(lambda: model.fit(X, Y))
        return row | {"score": model.score(X, Y), "n_iter": model.n_iter_}
    present = ~np.isnan(Y)

    def fit_each():
        return [
            Ridge(task.alpha * rows.sum()).fit(X[rows], target[rows])
            for rows, target in zip(present.T, Y.T, strict=True)
        ]

    models, row = measured(fit_each)
    model.fit(X, Y)
    model.coef_ = np.array([one.coef_ for one in models])
    model.intercept_ = np.array([one.intercept_ for one in models])
    return row | {"score": model.score(X, Y)}


def stream(task):
    """Batches of hashed texts; the score is the accuracy on the last batch, unseen."""
    X, y = hashed_text(task)
    if task.rival is None:
        model = NNOClassifier(stream="sparse", alpha=task.alpha)
    else:
        model = SGDClassifier("log_loss", alpha=task.alpha)
    batches = [slice(first, first + BATCH) for first in range(0, task.n, BATCH)]
    model.partial_fit(X[batches[0]], y[batches[0]], classes=[0, 1])

    def learn():
        for batch in batches[1:-1]:
            model.partial_fit(X[batch], y[batch])

    _, row = measured(learn)
    rate = BATCH * (len(batches) - 2) / row["cpu_seconds"]
    return row | {"score": model.score(X[batches[-1]], y[batches[-1]]), "rows_per_second": rate}


def newsgroups(task):
    """TF-IDF of newsgroups20, one class against the rest; the score is the test accuracy."""
    (train, y), (test, expected) = (texts(f"newsgroups20_{part}.tsv.xz") for part in PARTS)
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    X = vectorizer.fit_transform(train)
    if task.rival is None:
        model = NNOClassifier(loss="squared_hinge", alpha=1 / len(y), tol=task.tol)
    else:
        model = LinearSVC(tol=task.tol)
    _, row = measured(lambda: model.fit(X, y))
    score = model.score(vectorizer.transform(test), expected)
    n_iter = int(np.max(model.n_iter_))
    return row | {"score": score, "n": X.shape[0], "p": X.shape[1], "n_iter": n_iter}


PARTS = "train", "test"

#: By the kind of a task.
CASES = {
    "sweep": sweep,
    "outputs": many_outputs,
    "missing": missing_targets,
    "stream": stream,
    "newsgroups": newsgroups,
}
