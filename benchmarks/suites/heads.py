"""Heads of language models: topics on embeddings, the next word among thousands, growing classes.

Every fit has a fresh process. Times are processor seconds, memory is the peak of the process over
what it held before the fit (Linux only). Data are made: embeddings whose variances fall like a
power, words as frequent as Zipf's law has them.
"""

import sys
import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.report import Report, Table
from benchmarks.worker import in_fresh_process, memory, new_peak

TITLE, KEY = "Heads", "kind"

#: Variances of an embedding's coordinates fall like this power of their number.
DECAY = 1.0
#: Words before the next one that tell of it.
CONTEXT = 3
ALPHA = 1e-4


@dataclass(frozen=True)
class Task:
    """One fit; ``rival`` is None for ours, or a solver of scikit-learn's LogisticRegression."""

    kind: str
    n: int
    p: int
    n_classes: int
    alpha: float
    tol: float
    rival: str | None = None


def add_arguments(parser):
    """Say how many words and classes."""
    parser.add_argument("--words", type=int, nargs="+", default=[250, 1000, 5000])
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--rows", type=int, default=34_887, help="contexts before a next word")
    parser.add_argument("--tol", type=float, default=0.1, help="relative gap of next words")
    parser.add_argument("--rivals", nargs="*", default=["lbfgs", "newton-cholesky"])
    parser.add_argument("--topics-tol", type=float, nargs="+", default=[1e-4, 1e-6])


def run(options):
    """Topics, then words, then the growth in classes."""
    report = Report(sys.modules[__name__], options)
    for kind, tasks in tasks_of(options):
        fits = []
        for task in tasks:
            fits.append(fit(task))
            report.console.print(
                f"{kind}, {task.n_classes} classes: {fits[-1]['cpu_seconds']:.3g} s", style="dim"
            )
        report.add(fits)
    report.show(*tables(report.results))
    report.end()


def tasks_of(options):
    """The tasks of each kind."""
    share = 10 if options.quick else 1
    topics = [
        Task("topics", 11_314 // share, 256, 20, alpha, tol, rival)
        for alpha in (1e-2, ALPHA)
        for tol in options.topics_tol
        for rival in (None, *options.rivals)
    ]
    size = options.rows // share
    words = [Task("words", size, 384, k, ALPHA, options.tol) for k in options.words]
    growing = [Task("growing", 20_000 // share, 64, k, ALPHA, options.tol) for k in options.classes]
    return [("topics", topics), ("words", words), ("growing", growing)]


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


def fit(task):
    """Fit in a fresh process."""
    return in_fresh_process(fit_here, task)


def fit_here(task):
    """Fit in this process: a row of plain values."""
    X, y = make(task)
    model = _model(task)
    _model(task).fit(X[:250, :8], np.arange(250) % 2)  # imports and first calls are not the fit's
    before = new_peak()
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the gap says whether it converged
        model.fit(X, y)
    seconds = time.process_time() - start
    peak = None if before is None else memory("VmHWM") - before
    value, gap = certify(model.coef_, model.intercept_, X, y, task.alpha)
    return {
        "kind": task.kind,
        "n": task.n,
        "p": task.p,
        "classes": int(y.max()) + 1,
        "alpha": task.alpha,
        "tol": task.tol,
        "solver": task.rival or "nno_sklearn",
        "cpu_seconds": seconds,
        "n_iter": int(np.max(model.n_iter_)),
        "memory": peak,
        "objective": value,
        "gap": gap / value,
        "claimed_gap": getattr(model, "dual_gap_", np.nan) / value,
    }


def _model(task):
    if task.rival is None:
        from nno_sklearn import NNOClassifier

        return NNOClassifier(alpha=task.alpha, tol=task.tol)
    from sklearn.linear_model import LogisticRegression

    # Its tol bounds the largest derivative, about four times the mean one: gaps are about as small.
    tol = 4 * np.sqrt(2 * task.alpha * task.tol / (task.p * task.n_classes))
    options = {"solver": task.rival, "tol": tol, "max_iter": 2000}
    return LogisticRegression(C=1 / (task.alpha * task.n), **options)


def certify(coef, intercept, X, y, alpha, n_rows=2048):
    """Objective in float64, and the bound ``|gradient|^2 / (2 alpha)`` on what is above the
    optimum: that of a strongly convex function, here of the coefficients beside their intercept.
    """
    coef, n = coef.astype(float), len(y)
    value, gradient = alpha / 2 * (coef**2).sum(), alpha * coef
    total = np.zeros(len(coef))
    for first in range(0, n, n_rows):
        rows = X[first : first + n_rows].astype(float)
        codes, every = y[first : first + n_rows], np.arange(len(rows))
        eta = rows @ coef.T + intercept
        eta -= eta.max(axis=1, keepdims=True)
        own = eta[every, codes].sum()
        probability = np.exp(eta, out=eta)
        sums = probability.sum(axis=1, keepdims=True)
        value += float(np.log(sums).sum() - own) / n
        probability /= sums
        probability[every, codes] -= 1.0
        total += probability.sum(axis=0) / n
        gradient += probability.T @ rows / n
    gradient -= np.outer(total, X.mean(axis=0, dtype=float))  # what the intercept sees of it
    return float(value), float((gradient**2).sum() / (2 * alpha))


def exponent(fits, column):
    """Power of the number of classes that a column grows by; None with fewer than two."""
    known = fits[fits[column] > 0]
    if len(known) < 2:
        return None
    return float(np.polyfit(np.log(known["classes"]), np.log(known[column]), 1)[0])


TITLES = {"topics": "Topics", "words": "Next word", "growing": "Growing number of classes"}


def tables(results):
    """One for each kind."""
    return [_table(kind, fits) for kind, fits in results.groupby("kind", sort=False)]


def _table(kind, fits):
    title = TITLES[kind]
    if kind == "growing":
        powers = {name: exponent(fits, name) for name in ("cpu_seconds", "memory")}
        known = [f"{name} like K^{power:.2f}" for name, power in powers.items() if power]
        title += ": " + ", ".join(known)
    columns = {
        "solver": fits["solver"],
        "rows": fits["n"],
        "columns": fits["p"],
        "classes": fits["classes"],
        "alpha": fits["alpha"],
        "tol": fits["tol"],
        "cpu s": fits["cpu_seconds"],
        "it": fits["n_iter"],
        "GB": fits["memory"] / 1e9,
        "objective": fits["objective"].map("{:.6f}".format),
        "gap": fits["gap"].map("{:.1e}".format),
    }
    return Table(title, pd.DataFrame(columns))


LEGEND = """\
Multinomial log-loss with an l2 penalty on made data in float32. *gap*: a bound on what the
objective of the returned coefficients is above the optimum, as a share of it, computed in float64
by the suite itself and alike for all (where the intercept is nearly the best). It is that of the
last gradient alone: for many classes it may be above *tol*, where ours proves more by the mean of
all iterations. *GB*: growth of the
process at its peak beside the data."""
