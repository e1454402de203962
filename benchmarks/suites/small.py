"""Fit, prediction and cross-validation of small data as people call them, beside scikit-learn's.

Each case of the group "small" that an estimator of scikit-learn has as its objective: both with
their own default solver and tolerance. Times are of the processor.
"""

import statistics
import sys
import warnings
from fnmatch import fnmatch
from functools import partial
from time import process_time

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_score

from benchmarks import cases, data
from benchmarks.competitors import ours
from benchmarks.report import Report, Table
from nno_sklearn.counterparts import counterparts

TITLE, KEY = "Small data", "case"
FOLDS = 5
#: Calls before the first that is measured.
WARM_UP = 2


def add_arguments(parser):
    """Say which cases."""
    parser.add_argument(
        "--case", nargs="+", metavar="NAME", default=["*"], help="beginnings or glob patterns"
    )


def run(options):
    """Measure each case; everything is written after each of them."""
    report = Report(sys.modules[__name__], options)
    for case in chosen(options.case, options.quick):
        try:
            row = measured(case, options.repeats)
        except data.MissingDataError as error:
            report.console.print(f"{case.name} skipped: {error}")
            continue
        if row:
            report.add([row])
    if len(report.results):
        report.show(*tables(report.results))
    report.end()


def chosen(patterns, quick):
    """Cases by their names; every eighth is quick."""
    small = cases.select(groups=["small"])[:: 8 if quick else 1]
    return [case for case in small if any(fnmatch(case.name, f"{one}*") for one in patterns)]


def measured(case, repeats):
    """A row, or None where scikit-learn has no estimator that comes to the optimum."""
    objective = case.objective()
    rival = counterpart(objective)
    if rival is None:
        return None
    model = ours.estimator(objective, "auto", tolerance=1e-4, max_iter=1000)
    row = {
        "case": case.name,
        "n": objective.X.shape[0],
        "p": objective.X.shape[1],
        "estimator": type(rival).__name__,
    }
    for name, call in CALLS.items():
        times = {"ours": [], "theirs": []}
        for turn in range(-WARM_UP, repeats):
            for who, estimator in (("ours", model), ("theirs", rival)):
                seconds = timed(partial(call, estimator, objective.X, objective.y))
                if turn >= 0:
                    times[who].append(seconds)
        for who, seconds in times.items():
            row[f"{name}, {who}"] = statistics.median(seconds)
    return row


def counterpart(objective):
    """scikit-learn's estimator with this objective, its own default otherwise; None for SGD."""
    loss = "concomitant_huber" if objective.loss == "huber" else objective.loss
    found = counterparts(
        loss="log_loss" if loss == "multinomial" else loss,
        penalty="elasticnet",
        alpha=objective.alpha,
        l1_ratio=objective.l1_ratio,
        fit_intercept=objective.fit_intercept,
        total_weight=objective.total_weight,
    )
    if not found or type(found[0]).__name__.startswith("SGD"):
        return None
    return found[0]


def timed(call):
    """Processor time of a call."""
    start = process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # limits of iterations by default
        call()
    return process_time() - start


#: What is measured, of an estimator, X and y.
CALLS = {
    "fit": lambda model, X, y: model.fit(X, y),
    "predict": lambda model, X, y: model.predict(X),
    "cross_val_score": lambda model, X, y: cross_val_score(model, X, y, cv=FOLDS),
}


def tables(results):
    """Ratios by call, and milliseconds of all cases."""
    ratios, milliseconds = [], results[["case", "n", "p", "estimator"]].copy()
    for call in CALLS:
        for who in ("ours", "theirs"):
            milliseconds[f"{call}, {who}"] = 1000 * results[f"{call}, {who}"]
        ratio = results[f"{call}, theirs"] / results[f"{call}, ours"]
        line = {"call": call, "mean": float(np.exp(np.log(ratio).mean())), "least": ratio.min()}
        ratios.append(line | {"cases": len(ratio), "below 1": int((ratio < 1).sum())})
    summary = Table("Time of scikit-learn's ÷ ours", pd.DataFrame(ratios))
    return [summary, Table("Milliseconds", milliseconds)]


LEGEND = f"""\
Medians of processor time, by turns. *cross_val_score* has {FOLDS} folds. Above 1 we are ahead.
Means are geometric."""
