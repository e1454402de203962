"""Rates behind the cost model, measured on this machine beside those in nno_sklearn.problem.cost.

The unit is an entry: the time that one stored entry of X takes in a product with X, of which a look
at raw predictions and a gradient has two. Medians of processor time.
"""

import statistics
import sys
from functools import partial
from time import process_time

import numpy as np
from scipy import linalg, sparse
from scipy.linalg.blas import daxpy, ddot
from sklearn.neighbors import NearestNeighbors

from benchmarks.report import Report, Table
from nno_sklearn.losses import LogLoss
from nno_sklearn.penalties import L2
from nno_sklearn.problem import Objective, Problem
from nno_sklearn.problem.cost import (
    BLOCKED_SPEEDUP,
    COMPARISON,
    LEAST_PASS,
    ROW_WORK,
    SWEEP_ENTRY,
)
from nno_sklearn.solvers.linesearch import exact_step

TITLE, KEY = "Costs", "rate"
#: Entries of an X that does not fit a processor's cache, and of one that costs next to nothing.
LARGE, SMALL = 2e7, 20
#: Features of factors, of Gram matrices, and of rows that are searched.
FACTOR, GRAMS, SEARCHED = 1000, (20, 100, 300, 1000), (10, 100)
#: Landmarks that a search compares rows with, and rows that search.
LANDMARKS, SEARCHING = 2000, 200
#: Share of the entries of a sparse X that are stored.
DENSITY = 0.01


def add_arguments(parser):
    """Nothing beside what every suite takes."""


def run(options):
    """Measure all rates."""
    report = Report(sys.modules[__name__], options)
    large = LARGE / 10 if options.quick else LARGE
    report.add(list(measured(large, options.repeats)))
    report.show(*tables(report.results))
    report.end()


def measured(large, repeats):
    """Rows of the table."""
    rng, timed = np.random.default_rng(0), partial(seconds, repeats=repeats)

    def dense(p):
        return problem_of(rng.standard_normal((int(large / p), p)))

    def scattered(p):
        shape = int(large / p), p
        return problem_of(sparse.random(*shape, density=DENSITY, format="csr", random_state=rng))

    wide, words = dense(FACTOR), scattered(FACTOR)
    entry, stored = (timed(partial(look, X)) / (2 * X.rows.n_stored) for X in (wide, words))
    yield rate("nanoseconds of an entry", 1e9 * entry)
    yield rate("nanoseconds of an entry, sparse", 1e9 * stored)

    matrix = wide.rows.hessian(wide.null.curvature, 0, 0.0)
    factor = timed(partial(linalg.cholesky, matrix, check_finite=False))
    name = "multiplications of a factor per entry"
    yield rate(name, FACTOR**3 / 3 * entry / factor, BLOCKED_SPEEDUP)

    tiny, narrow = (problem_of(rng.standard_normal((int(n), 1))) for n in (SMALL, large / 20))
    at_least = timed(iteration(tiny), times=100) / entry
    yield rate("entries per iteration on a small X", at_least, LEAST_PASS)
    losses = timed(iteration(narrow)) / entry / narrow.n_samples
    yield rate("entries per row's losses in an iteration", losses, ROW_WORK)

    columns = np.ascontiguousarray(wide.rows.design.X.T)
    swept = timed(partial(sweep, columns)) / entry / columns.size
    yield rate("entries per entry of a sweep", swept, SWEEP_ENTRY)

    for kind, metric in METRICS.items():
        for p in SEARCHED:
            rows = rng.standard_normal((LANDMARKS, p))
            search = NearestNeighbors(metric=metric).fit(rows)
            some = rows[: 1 if callable(metric) else SEARCHING]
            found = timed(partial(search.kneighbors, some, 1, return_distance=False))
            each, feature = COMPARISON[kind]
            name = f"entries per comparison, {kind}, {p} features"
            yield rate(name, found / entry / len(some) / LANDMARKS, each + feature * p)

    for kind, make, unit in (("dense", dense, entry), ("sparse", scattered, stored)):
        for p in GRAMS:
            problem = make(p)
            gram = timed(partial(problem.rows.hessian, problem.null.curvature, 0, 0.0))
            name = f"entries per row product, {kind}, {p} features"
            row = gram / unit / problem.n_samples
            yield rate(name, row, problem.rows.row_product_cost)


def largest_difference(a, b):
    """A distance as a user may write it."""
    return abs(a - b).max()


#: A metric for each kind in the cost model.
METRICS = {"euclidean": "euclidean", "other": "manhattan", "callable": largest_difference}


def rate(name, here, model=np.nan):
    """A row of the table."""
    return {"rate": name, "here": here, "model": model}


def seconds(function, *, repeats, times=1):
    """Median processor time of a call."""

    def once():
        start = process_time()
        for _ in range(times):
            function()
        return (process_time() - start) / times

    return statistics.median(once() for _ in range(repeats))


def problem_of(X):
    """A logistic regression on rows."""
    y = np.arange(X.shape[0])[:, None] % 2.0
    return Problem.of(Objective(LogLoss(), L2(), 1.0 / X.shape[0]), X, y)


def look(problem):
    """Objective and gradient at new coefficients: raw predictions, losses, ``X' r``."""
    return problem.at(np.full(problem.shape, 1e-3)).gradient


def sweep(columns):
    """What a sweep over single coefficients does with their columns."""
    moved = np.zeros(columns.shape[1])
    for column in columns:
        daxpy(column, moved, a=1e-9 + 1e-9 * ddot(column, moved))


def iteration(problem):
    """A step along the steepest descent with its line search, and the gradient at its end."""
    point = problem.at(np.full(problem.shape, 1e-3))

    def step():
        return exact_step(point.towards(-point.gradient))[1].gradient

    return step


def tables(results):
    """All rates."""
    frame = results[["rate", "here", "model"]]
    return [Table("In entries", frame)]


LEGEND = """\
An *entry* is the time that one stored entry of X takes in a product with X. *model*: what
:mod:`nno_sklearn.problem.cost` counts with."""
