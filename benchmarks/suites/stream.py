"""Streams: one pass of partial_fit against SGD, a reservoir of as many rows, and the batch fit.

Held-out log-loss (or RMSE) after a shuffled and after a class-sorted pass, prequential accuracy
on streams that drift, and rows a second.
"""

import json
from time import perf_counter

import numpy as np
from rich.console import Console
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from benchmarks import data, environment
from benchmarks.report import Table, number
from benchmarks.streaming import CELLS_PER_FEATURE, Reservoir, Task, learners
from nno_sklearn import CellStream, condense
from nno_sklearn.neighbors import CellMemory

LABELS = (
    "ijcnn1 cod_rna a9a elec2 skin covtype_classes sea_stream mnist protein california_housing"
).split()
DRIFT, QUICK = ("elec2", "sea_stream"), ("ijcnn1", "cod_rna")
#: Half-lives that are tried on streams that drift; the best one counts, as for SGD's rates.
HALF_LIVES = (300, 1000, 3000, 10_000, 30_000)
#: Cells at most, which only mnist reaches.
MOST_CELLS = 2500
HELD_OUT = 0.2


def add_arguments(parser):
    """Say which data, and the size of the batches."""
    parser.add_argument("--data", nargs="+", default=LABELS, help="names in benchmarks.data")
    parser.add_argument("--batch", type=int, default=2000, help="rows of a batch")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of a timed stream")


def run(options):
    """Measure the four groups; everything is written at the end of each."""
    console = Console()
    if not console.is_terminal:
        console.width = 140
    names = [name for name in options.data if not options.quick or name in QUICK]
    found = {"environment": environment.describe(options.threads)}
    groups = {
        "shuffled": lambda: [one for name in names for one in _passes(name, options, False)],
        "class_sorted": lambda: [one for name in names for one in _passes(name, options, True)],
        "condensed": lambda: [one for name in names for one in _condensed(name)],
        "drift": lambda: [
            one for name in DRIFT if name in names for one in _prequential(name, options)
        ],
        "throughput": lambda: _throughput(options),
    }
    for group, measure in groups.items():
        found[group] = measure()
        _write(found, options.output)
        if found[group]:
            console.print(_table(group, found[group]).rich())
    console.print(f"written to {options.output}")


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
    """Errors after one pass, relative to the batch fit's."""
    task = _load(name)
    if task is None or (is_sorted and task.classes is None):
        return
    train, test = _split(task)
    if is_sorted:
        train = train[np.argsort(task.y[train], kind="stable")]
    X, y = task.X[train], task.y[train]
    held_out = task.X[test], task.y[test]
    batch_error = task.error(task.ours().fit(X, y), *held_out)
    errors = {}
    for learner, make in [*learners(task), ("reservoir", lambda: Reservoir(task))]:
        model = make()
        for first in range(0, len(y), options.batch):
            rows = slice(first, first + options.batch)
            task.learn(model, X[rows], y[rows])
        model = model.fitted() if learner == "reservoir" else model
        errors.setdefault(learner, []).append(task.error(model, *held_out))
    yield {
        "data": name,
        "rows": len(y),
        "columns": X.shape[1],
        "cells": task.n_cells,
        "batch fit": batch_error,
        **{learner: _best(found) / batch_error for learner, found in errors.items()},
    }


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
    errors = [
        task.error(task.ours().fit(*some), *held_out) for some in ((X, y), (rows, targets, weights))
    ]
    yield {
        "data": name,
        "rows": len(y),
        "cells": task.n_cells,
        "batch fit": errors[0],
        "condensed": errors[1] / errors[0],
    }


def _prequential(name, options):
    """Accuracy on each batch before it is learnt, in the stream's own order."""
    task = _load(name)
    if task is None:
        return
    found, size = {}, 200
    for learner, make in learners(task, HALF_LIVES):
        model = task.learn(make(), task.X[:size], task.y[:size])
        hits = 0
        for first in range(size, len(task.y), size):
            rows = slice(first, first + size)
            hits += np.sum(model.predict(task.X[rows]) == task.y[rows])
            task.learn(model, task.X[rows], task.y[rows])
        found.setdefault(learner, []).append(hits / (len(task.y) - size))
    yield {"data": name, "rows": len(task.y), **{k: float(max(v)) for k, v in found.items()}}


def _throughput(options):
    """Rows a second with 50 features and 1,000 cells, and the neighbour search's share."""
    X, y = data.tall_labels(options.rows, 50, decades=0.0)
    task, results = Task(X, y, 1000), []
    makers = dict(learners(task))
    for learner in ("nearest_neighbor", "gd", "proximal", "SGD default"):
        seconds = []
        for _ in range(max(1, options.repeats // 2)):
            model, start = makers[learner](), perf_counter()
            for first in range(0, len(y), options.batch):
                rows = slice(first, first + options.batch)
                task.learn(model, X[rows], y[rows])
            seconds.append(perf_counter() - start)
        results.append({"learner": learner, "rows a second": len(y) / float(np.median(seconds))})
    results[0]["share of cells"] = _share_of_cells(task, options.batch)
    return results


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
        for first in range(0, len(task.y), size):
            task.learn(model, task.X[first : first + size], task.y[first : first + size])
        return spent[0] / (perf_counter() - start)
    finally:
        CellMemory.absorb = absorb


TITLES = {
    "shuffled": "One shuffled pass: held-out error over the batch fit's",
    "class_sorted": "One pass sorted by class: held-out log-loss over the batch fit's",
    "condensed": "Batch fit on condense(X, y, cells): held-out error over the full batch fit's",
    "drift": "Drifting streams in time order: prequential accuracy",
    "throughput": "50 columns, 1,000 cells",
}


def _table(group, results):
    columns = list(dict.fromkeys(key for one in results for key in one))
    table = Table(TITLES[group], tuple(columns))
    for one in results:
        table.rows.append([_text(one.get(column)) for column in columns])
    return table


def _text(value):
    if isinstance(value, float) and 0.1 < value < 10:
        return f"{value:.4f}"
    return value if isinstance(value, str) else number(value)


def _write(found, folder):
    text = json.dumps(found, indent=1).replace("Infinity", "null")
    (folder / "stream.json").write_text(text + "\n")
    tables = [_table(group, found[group]) for group in TITLES if found.get(group)]
    body = "\n".join(table.markdown() for table in tables)
    (folder / "stream.md").write_text(f"# Streams\n\n{_LEGEND}\n\n{body}")


_LEGEND = """\
Rows are standardised, alpha is 1e-4, a fifth of the rows is held out. Errors are log-losses, or
root mean squared errors for protein and california_housing; *batch fit* is its own error, the other
columns are relative to it. *SGD best of 10* is the best of five learning rates with and without
averaging, judged on the held-out rows themselves; likewise *nn, forgetting* of five half-lives.
SGD's several classes are one against the rest; the log-loss is that of a softmax of their scores.
*reservoir* is a batch fit on a uniform sample of as many rows as there are cells."""
