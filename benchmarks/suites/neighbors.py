"""What a neighbour search brings and costs a batch fit: ``nearest_neighbor`` with and without one.

Every fit is to a relative gap of 1e-6, with alpha = 1/n: log-loss for labels, Huber's loss for
numbers.
"""

import statistics
import sys
from time import process_time

import numpy as np

from benchmarks import data
from benchmarks.report import Report, Table
from nno_sklearn import NearestNeighborSolver, NNOClassifier, NNORegressor

TITLE, KEY = "Neighbour search", "data"
DATA = ("ijcnn1", "cod_rna", "skin", "a9a", "covtype_class2", "protein", "tall-4000000x50")
QUICK = ("cod_rna", "breast_cancer")
TOL = 1e-6
SOLVERS = {
    "none": NearestNeighborSolver(n_neighbors=None),
    "euclidean": NearestNeighborSolver(),
    "manhattan": NearestNeighborSolver(metric="manhattan"),
}


def add_arguments(parser):
    """Say which data."""
    parser.add_argument("--data", nargs="+", default=list(DATA), help="names in benchmarks.data")


def run(options):
    """Measure each data set; everything is written after each of them."""
    report = Report(sys.modules[__name__], options)
    for name in QUICK if options.quick and options.data == list(DATA) else options.data:
        try:
            X, y = data.load(name)
        except data.MissingDataError as error:
            report.console.print(f"{name} skipped: {error}")
            continue
        rows = [measured(name, X, y, search, options.repeats) for search in SOLVERS]
        report.add(rows)
    report.show(*tables(report.results))
    report.end()


def measured(name, X, y, search, repeats):
    """One row: a data set and a search."""
    is_numbers = np.asarray(y).dtype.kind == "f" and len(np.unique(y)) > 2
    model = NNORegressor("huber") if is_numbers else NNOClassifier()
    model.set_params(solver=SOLVERS[search], alpha=1 / len(y), tol=TOL)
    times, iterations = [], []
    for seed in range(repeats):
        started = process_time()
        model.set_params(random_state=seed).fit(X, y)
        times.append(process_time() - started)
        iterations.append(model.n_iter_)
    first = model.history_[0]
    return {
        "data": name,
        "n": X.shape[0],
        "p": X.shape[1],
        "search": search,
        "constant": first.other_start,
        "start": first.objective,
        "optimum": model.objective_,
        "iterations": float(np.mean(iterations)),
        "milliseconds": 1000 * statistics.median(times),
    }


def tables(results):
    """One for all data."""
    return [Table("With and without a search", results[list(NAMES)].rename(columns=NAMES))]


NAMES = {
    "data": "data",
    "n": "rows",
    "p": "columns",
    "search": "search",
    "constant": "constant",
    "start": "start",
    "optimum": "optimum",
    "iterations": "iterations",
    "milliseconds": "ms",
}

LEGEND = """\
*constant*, *start*, *optimum*: objective of the best constant model, of the start that was chosen,
and of the result. *iterations*: mean over seeds. *ms*: median processor time of a fit, search
included."""
