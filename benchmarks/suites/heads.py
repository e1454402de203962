"""Heads of language models: topics on embeddings, the next word among thousands, growing classes;
sweeps of strengths, many outputs, also with missing targets, hashed texts in a stream, newsgroups.

Every fit has a fresh process. Times are processor seconds, memory is the peak of the process over
what it held before the fit (Linux only). Data are made: embeddings whose variances fall like a
power, words as frequent as Zipf's law has them.
"""

import json
import sys

import numpy as np
import pandas as pd

from benchmarks.adam import Adam
from benchmarks.data import MissingDataError
from benchmarks.head_cases import CASES, measured
from benchmarks.head_data import Task, make
from benchmarks.report import Report, Table
from benchmarks.worker import in_fresh_process

TITLE, KEY = "Heads", "kind"

ALPHA = 1e-4
#: Adam's learning rates; the best of them is what ours is measured by.
RATES = {f"Adam {rate:g}": rate for rate in (1e-3, 3e-3, 1e-2)}


def add_arguments(parser):
    """Say how many words and classes."""
    parser.add_argument("--words", type=int, nargs="+", default=[250, 1000, 5000])
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--rows", type=int, default=34_887, help="contexts before a next word")
    parser.add_argument("--tol", type=float, default=0.1, help="relative gap of growing classes")
    parser.add_argument("--words-tol", type=float, nargs="+", default=[0.1, 1e-3])
    parser.add_argument("--rivals", nargs="*", default=["lbfgs", "newton-cholesky"])
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=list(TITLES),
        default=list(TITLES),
        help="newsgroups needs NNO_SKLEARN_DATA",
    )
    parser.add_argument("--topics-tol", type=float, nargs="+", default=[1e-4, 1e-6])


def run(options):
    """All kinds of tasks that were asked for."""
    report = Report(sys.modules[__name__], options)
    for kind, tasks in tasks_of(options):
        if kind not in options.kinds:
            continue
        fits = []
        try:
            for task in tasks:
                fits.append(fit(task))
                report.console.print(
                    f"{kind}, {task.n_classes} outputs: {fits[-1]['cpu_seconds']:.3g} s",
                    style="dim",
                )
        except MissingDataError as missing:
            report.console.print(f"{kind} left out: {missing}", style="yellow")
            continue
        report.add(fits)
    report.show(*tables(report.results))
    report.end()


def tasks_of(options):
    """The tasks of each kind."""
    share = 10 if options.quick else 1
    topics = [
        Task("topics", n // share, p, 20, alpha, tol, rival)
        for n, p in ((11_314, 256), (10_000, 768))
        for alpha in (1e-2, ALPHA)
        for tol in options.topics_tol
        for rival in (None, *options.rivals)
        # Its matrix has the square of all coefficients: 2 GB.
        if p <= 256 or rival != "newton-cholesky"
    ]
    size = options.rows // share
    words = [
        task
        for k in options.words
        for task in (
            *(Task("words", size, 384, k, ALPHA, np.nan, adam) for adam in RATES),
            *(Task("words", size, 384, k, ALPHA, tol) for tol in options.words_tol),
        )
    ]
    growing = [Task("growing", 20_000 // share, 64, k, ALPHA, options.tol) for k in options.classes]
    sweeps = [Task("sweep", 11_314 // share, 256, 20, np.nan, 1e-4, r) for r in (None, "lbfgs")]
    outputs = [
        Task("outputs", n // share, p, k // share, 1e-3, 1e-4, rival)
        for n, p, k, rivals in (
            (8000, 20_000, 870, (None, "sparse_cg")),
            (100 * share, 10, 21_000, (None, "auto")),
        )
        for rival in rivals
    ]
    missing = [
        Task("missing", 100, 10, 21_000 // share, 1e-3, 1e-4, rival) for rival in (None, "Ridge")
    ]
    stream = [Task("stream", 6000, 2**18 // share, 2, 1e-5, np.nan, r) for r in (None, "SGD")]
    texts = [
        Task("newsgroups", 0, 0, 20, np.nan, tol, rival)
        for tol, rival in ((1e-4, None), (1e-2, None), (1e-4, "LinearSVC"))
    ]
    kinds = [topics, words, growing, sweeps, outputs, missing, stream, texts]
    return [(tasks[0].kind, tasks) for tasks in kinds]


def fit(task):
    """Fit in a fresh process."""
    return in_fresh_process(fit_here, task)


def fit_here(task):
    """Measure a task in this process: a row of plain values."""
    given = {
        "kind": task.kind,
        "n": task.n,
        "p": task.p,
        "classes": task.n_classes,
        "alpha": task.alpha,
        "tol": task.tol,
        "solver": task.rival or "nno_sklearn",
    }
    return given | CASES.get(task.kind, head)(task)


def head(task):
    """One fit of a head."""
    X, y = make(task)
    model = _model(task)
    _model(task).fit(X[:250, :8], np.arange(250) % 2)  # imports and first calls are not the fit's
    _, row = measured(lambda: model.fit(X, y))
    value, gap = certify(model.coef_, model.intercept_, X, y, task.alpha)
    return row | {
        "classes": int(y.max()) + 1,
        "n_iter": int(np.max(model.n_iter_)),
        "objective": value,
        "gap": gap / value,
        "claimed_gap": getattr(model, "dual_gap_", np.nan) / value,
        "curve": json.dumps(_curve(model, row["cpu_seconds"])),
    }


def _curve(model, seconds):
    """Processor seconds and objective of each iteration of ours, in proportion to its passes."""
    history = getattr(model, "history_", [])
    return [(seconds * one.n_passes / history[-1].n_passes, one.objective) for one in history]


def _model(task):
    if task.rival is None:
        from nno_sklearn import NNOClassifier

        return NNOClassifier(alpha=task.alpha, tol=task.tol)
    if task.rival in RATES:
        return Adam(RATES[task.rival], task.alpha)
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


TITLES = {
    "topics": "Topics",
    "words": "Next word",
    "growing": "Growing number of classes",
    "sweep": "Topics, 20 strengths on 5 folds",
    "outputs": "Squared error, many outputs",
    "missing": "Squared error, many outputs, each with a tenth of the rows",
    "stream": "Hashed texts in batches of 1000 rows",
    "newsgroups": "Newsgroups20, TF-IDF, squared hinge",
}
#: Columns that only some kinds have.
SOME = {"n_iter": "it", "objective": "objective", "gap": "gap", "score": "score"}
SOME["rows_per_second"] = "rows a second"
FORMATS = {"objective": "{:.6f}", "gap": "{:.1e}", "score": "{:.4f}", "rows_per_second": "{:.0f}"}


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
        "GB": fits["memory"] / 1e9,
    }
    for name, heading in SOME.items():
        if name in fits and fits[name].notna().any():
            values = fits[name]
            columns[heading] = values.map(FORMATS[name].format) if name in FORMATS else values
    if kind == "words":
        columns["s to Adam's"] = [_reached(fit, fits) for _, fit in fits.iterrows()]
    return Table(title, pd.DataFrame(columns))


def _reached(fit, fits):
    """Processor seconds until the objective is no more than that of Adam's best rate."""
    rivals = fits[fits["solver"].isin(RATES) & (fits["classes"] == fit["classes"])]
    goal = rivals["objective"].min()
    reached = [seconds for seconds, value in json.loads(fit["curve"]) if value <= goal]
    return min(reached, default=np.nan)


LEGEND = """\
Multinomial log-loss with an l2 penalty on made data in float32. *gap*: a bound on what the
objective of the returned coefficients is above the optimum, as a share of it, computed in float64
by the suite itself and alike for all (where the intercept is nearly the best). It is that of the
last gradient alone: for many classes it may be above *tol*, where ours proves more by the mean of
all iterations. *GB*: growth of the process at its peak beside the data. *score*: the best mean log-
loss of a sweep, with its sign; R^2 on the training rows; accuracy on rows that were not seen.
*Adam*: 12 epochs in batches of 256 from the learning rate that is named on, in numpy. *s to
Adam's*: processor seconds after which the objective of ours is that of the best of these rates."""
