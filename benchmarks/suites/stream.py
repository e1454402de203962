"""Streams: one pass of partial_fit against SGD, a reservoir of as many rows, and the batch fit.

Held-out log-loss (or RMSE) after a shuffled and after a class-sorted pass, prequential accuracy
on streams that drift, and rows a second.
"""

import sys
from time import perf_counter

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from benchmarks import data
from benchmarks.report import Report, Table, text
from benchmarks.streaming import CELLS_PER_FEATURE, Reservoir, Task, learners
from nno_sklearn import CellStream, condense
from nno_sklearn.neighbors import CellMemory

TITLE, KEY = "Streams", "group"
LABELS = (
    "ijcnn1 cod_rna a9a elec2 skin covtype_classes sea_stream digits mnist protein "
    "california_housing"
).split()
DRIFT, QUICK = ("elec2", "sea_stream"), ("ijcnn1", "cod_rna")
#: Half-lives that are tried on streams that drift; the best one counts, as for SGD's rates.
HALF_LIVES = (300, 1000, 3000, 10_000, 30_000)
#: The learner that others are compared with.
BATCH = "batch fit"
#: Cells at most, which only mnist reaches.
MOST_CELLS = 2500
HELD_OUT = 0.2


def add_arguments(parser):
    """Say which data, and the size of the batches."""
    parser.add_argument("--data", nargs="+", default=LABELS, help="names in benchmarks.data")
    parser.add_argument("--batch", type=int, default=2000, help="rows of a batch")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of a timed stream")


def run(options):
    """Measure the groups; everything is written at the end of each."""
    report = Report(sys.modules[__name__], options)
    names = [name for name in options.data if not options.quick or name in QUICK]
    groups = {
        "shuffled": lambda: [row for name in names for row in _passes(name, options, False)],
        "class_sorted": lambda: [row for name in names for row in _passes(name, options, True)],
        "condensed": lambda: [row for name in names for row in _condensed(name)],
        "drift": lambda: [
            row for name in DRIFT if name in names for row in _prequential(name, options)
        ],
        "throughput": lambda: _throughput(options),
    }
    for group, measure in groups.items():
        rows = [{"group": group, **row} for row in measure()]
        if rows:
            report.add(rows)
            report.show(group_table(group, pd.DataFrame(rows)))
    report.end()


def _load(name):
    """Standardised rows, a dense array; None where the data are not there."""
    try:
        X, y = data.load(name)
    except data.MissingDataError:
        return None
    X = StandardScaler().fit_transform(X.toarray() if sparse.issparse(X) else X)
    X = X[:, X.any(axis=0)]
    return Task(X, y, min(CELLS_PER_FEATURE * X.shape[1], MOST_CELLS))


def _split(task, seed=0):
    order = np.random.default_rng(seed).permutation(len(task.y))
    held_out = int(HELD_OUT * len(order))
    return order[held_out:], order[:held_out]


def _passes(name, options, is_sorted):
    """Errors after one pass, and the batch fit's."""
    task = _load(name)
    if task is None or (is_sorted and task.classes is None):
        return
    train, test = _split(task)
    if is_sorted:
        train = train[np.argsort(task.y[train], kind="stable")]
    X, y = task.X[train], task.y[train]
    held_out = task.X[test], task.y[test]
    errors = {BATCH: [task.error(task.ours().fit(X, y), *held_out)]}
    for learner, make in [*learners(task), ("reservoir", lambda: Reservoir(task))]:
        model = make()
        for rows in _batches(len(y), options.batch):
            task.learn(model, X[rows], y[rows])
        model = model.fitted() if learner == "reservoir" else model
        errors.setdefault(learner, []).append(task.error(model, *held_out))
    facts = {"data": name, "rows": len(y), "columns": X.shape[1], "cells": task.n_cells}
    for learner, found in errors.items():
        yield {**facts, "learner": learner, "measure": task.measure, "value": _best(found)}


def _batches(n_samples, size, first=0):
    return [slice(start, start + size) for start in range(first, n_samples, size)]


def _best(errors):
    finite = [error for error in errors if np.isfinite(error)]
    return min(finite, default=float("inf"))


def _condensed(name):
    """Errors of batch fits on condensed rows, without the stream's corrections."""
    task = _load(name)
    if task is None:
        return
    train, test = _split(task)
    X, y = task.X[train], task.y[train]
    held_out = task.X[test], task.y[test]
    rows, targets, weights = condense(X, y, task.n_cells)
    if task.classes is not None:
        n_classes = targets.shape[1]
        rows, weights = np.repeat(rows, n_classes, axis=0), (weights[:, None] * targets).ravel()
        targets = np.tile(task.classes, len(targets))
    facts = {"data": name, "rows": len(y), "cells": task.n_cells, "measure": task.measure}
    for learner, some in {BATCH: (X, y), "condensed": (rows, targets, weights)}.items():
        error = task.error(task.ours().fit(*some), *held_out)
        yield {**facts, "learner": learner, "value": error}


def _prequential(name, options):
    """Accuracy on each batch before it is learnt, in the stream's own order."""
    task = _load(name)
    if task is None:
        return
    found, size = {}, 200
    for learner, make in learners(task, HALF_LIVES):
        model = task.learn(make(), task.X[:size], task.y[:size])
        hits = 0
        for rows in _batches(len(task.y), size, size):
            hits += np.sum(model.predict(task.X[rows]) == task.y[rows])
            task.learn(model, task.X[rows], task.y[rows])
        found.setdefault(learner, []).append(hits / (len(task.y) - size))
    facts = {"data": name, "rows": len(task.y), "measure": "accuracy"}
    for learner, accuracies in found.items():
        yield {**facts, "learner": learner, "value": float(max(accuracies))}


def _throughput(options):
    """Rows a second with 50 features and 500 cells, and the neighbour search's share."""
    X, y = data.tall_labels(options.rows, 50, decades=0.0)
    task, facts = Task(X, y, 500), {"rows": len(y), "columns": 50, "cells": 500}
    makers = dict(learners(task))
    for learner in ("nearest_neighbor", "gd", "proximal", "SGD default"):
        seconds = []
        for _ in range(max(1, options.repeats // 2)):
            model, start = makers[learner](), perf_counter()
            for rows in _batches(len(y), options.batch):
                task.learn(model, X[rows], y[rows])
            seconds.append(perf_counter() - start)
        speed = len(y) / float(np.median(seconds))
        yield {**facts, "learner": learner, "measure": "rows a second", "value": speed}
    share = _share_of_cells(task, options.batch)
    yield {**facts, "learner": "nearest_neighbor", "measure": "share of cells", "value": share}


def _share_of_cells(task, size):
    """Share of the time that absorbing rows into cells takes, searches and merging included."""
    absorb, spent = CellMemory.absorb, [0.0]

    def timed(self, *args, **kwargs):
        start = perf_counter()
        result = absorb(self, *args, **kwargs)
        spent[0] += perf_counter() - start
        return result

    CellMemory.absorb = timed
    try:
        model = task.ours(stream=CellStream(n_cells=task.n_cells))
        start = perf_counter()
        for rows in _batches(len(task.y), size):
            task.learn(model, task.X[rows], task.y[rows])
        return spent[0] / (perf_counter() - start)
    finally:
        CellMemory.absorb = absorb


TITLES = {
    "shuffled": "One shuffled pass: held-out error over the batch fit's",
    "class_sorted": "One pass sorted by class: held-out log-loss over the batch fit's",
    "condensed": "Batch fit on condense(X, y, cells): held-out error over the full batch fit's",
    "drift": "Drifting streams in time order: prequential accuracy",
    "throughput": "50 columns, 500 cells (the default)",
}


def tables(results):
    """One for each group."""
    groups = (group for group in TITLES if (results["group"] == group).any())
    return [group_table(group, results[results["group"] == group]) for group in groups]


def group_table(group, rows):
    """A row for each data set and a column for each learner; errors relative to the batch fit's."""
    if group == "throughput":
        index, column = ["learner"], "measure"
    else:
        index, column = ["data", "rows", "columns", "cells"], "learner"
        index = [name for name in index if name in rows and rows[name].notna().any()]
    wide = rows.pivot(index=index, columns=column, values="value")
    wide = wide[rows[column].unique()].reindex(rows.set_index(index).index.unique())
    if BATCH in wide:
        others = wide.columns.drop(BATCH)
        wide[others] = wide[others].div(wide[BATCH], axis=0)
    for name in wide:
        wide[name] = wide[name].astype(float).map(_text)
    whole = {name: int for name in index if name not in ("data", "learner")}
    return Table(TITLES[group], wide.reset_index().astype(whole))


def _text(value):
    return f"{value:.4f}" if 0.1 < value < 10 else text(value)


LEGEND = """\
Rows are standardised, alpha is 1e-4, a fifth of the rows is held out. Errors are log-losses, or
root mean squared errors for protein and california_housing; *batch fit* is its own error, the other
columns are relative to it. *SGD best of 10* is the best of five learning rates with and without
averaging, judged on the held-out rows themselves; likewise *nn, forgetting* of five half-lives.
SGD's several classes are one against the rest; the log-loss is that of a softmax of their scores.
*reservoir* is a batch fit on a uniform sample of as many rows as there are cells."""
