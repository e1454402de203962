"""Training on the score itself: held-out scores, and evaluations of `nno_minimize`.

Two classes, beside logistic regression with its threshold tuned, and direct search; many classes,
beside logistic regression with its class weights tuned; regression by percentage and by pinball
loss; functions without gradients. Times are processor time of fits.
"""

import sys
import warnings
from collections.abc import Callable
from time import process_time
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor
from sklearn.metrics import get_scorer, make_scorer, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV, train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks import data
from benchmarks.functions import FUNCTIONS
from benchmarks.report import Report, Table
from nno_sklearn import NNOClassifier, NNORegressor, nno_minimize
from nno_sklearn.score_training.scorer import RawPredictionScorer

TITLE, KEY = "Training on the score", "table"
BINARY = (
    *("ijcnn1", "cod_rna", "skin", "covtype_20k", "a9a", "w8a", "elec2", "sms_spam"),
    "breast_cancer",
)
CLASSES = ("covtype_classes", "newsgroups20")
NUMBERS = ("diamonds", "bike_sharing")
#: Features up to which Nelder and Mead's simplex is tried.
MAX_SIMPLEX = 1000
#: Rows from which QuantileRegressor's linear programme is solved in reasonable time.
QUANTILE_ROWS = 2000


def cost(true, predicted, sample_weight=None):
    """Mean cost where a miss costs ten and a false alarm one."""
    weight = 1.0 if sample_weight is None else sample_weight
    errors = np.where(true == 1, 10.0 * (predicted == 0), 1.0 * (predicted == 1))
    return float(np.sum(weight * errors) / np.sum(np.broadcast_to(weight, len(true))))


BINARY_SCORES = {
    "f1": get_scorer("f1"),
    "balanced_accuracy": get_scorer("balanced_accuracy"),
    "MCC": get_scorer("matthews_corrcoef"),
    "10:1 cost": make_scorer(cost, greater_is_better=False),
}
CLASS_SCORES = {name: get_scorer(name) for name in ("f1_macro", "balanced_accuracy")}
NUMBER_SCORES = {
    "MAPE": get_scorer("neg_mean_absolute_percentage_error"),
    "pinball 0.9": make_scorer(mean_pinball_loss, alpha=0.9, greater_is_better=False),
}


def add_arguments(parser):
    """Say which tables and how many splits."""
    parser.add_argument("--table", nargs="+", default=list(TABLES), choices=TABLES)
    parser.add_argument("--splits", type=int, default=10, help="at most, into train and test")
    parser.add_argument("--rows", type=int, default=10_000, help="most training rows")
    parser.add_argument("--data", nargs="+", help="some of the sets only")


def run(options):
    """Make the tables; each is printed and written as soon as it is there."""
    report = Report(sys.modules[__name__], options)
    if options.quick:
        options.splits, options.rows = 3, 2000
    for name in options.table:
        rows = [{"table": name, **row} for row in TABLES[name].rows(options, report.console)]
        if rows:
            report.add(rows)
            report.show(TABLES[name].table(pd.DataFrame(rows)))
    report.end()


def tables(results):
    """All that are there."""
    names = (name for name in TABLES if (results["table"] == name).any())
    return [TABLES[name].table(results[results["table"] == name]) for name in names]


def _split(name, seed, options):
    """Standardised training and test data; texts as TF-IDF, sparse data as they are."""
    texts = name in ("sms_spam", "newsgroups20")
    file = {"sms_spam": "sms_spam.tsv.xz", "newsgroups20": "newsgroups20_train.tsv.xz"}
    X, y = data.texts(file[name]) if texts else data.load(name)
    train_size = min(options.rows, int(0.6 * len(y)))
    strata = None if name in NUMBERS else y
    rows = train_test_split(
        np.arange(len(y)), train_size=train_size, random_state=seed, stratify=strata
    )
    A, B = (X[part] for part in rows)
    if texts:
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(min_df=1 if name == "sms_spam" else 2).fit(A)
        A, B = words.transform(A), words.transform(B)
    elif isinstance(X, np.ndarray):
        scaler = StandardScaler().fit(A)
        A, B = scaler.transform(A), scaler.transform(B)
    return A, B, *(y[part] for part in rows)


def _timed(model, A, a):
    start = process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # undefined precisions, and lbfgs's limit of iterations
        model.fit(A, a)
    return model, process_time() - start


def _logistic(A):
    narrow = isinstance(A, np.ndarray) and A.shape[1] < 500
    return LogisticRegression(solver="newton-cholesky" if narrow else "lbfgs", max_iter=1000)


class Comparison(NamedTuple):
    """Held-out scores on data sets, split by split.

    Parameters
    ----------
    title : str
    data : tuple of str
    scores : dict of str to scorer
    compete : callable
        ``compete(parts, scorer)`` gives (score, seconds) of each competitor, "nno" among them.
    rival : str
        The competitor that "nno" is compared with.
    n_splits : int
        At most.
    """

    title: str
    data: tuple
    scores: dict
    compete: Callable
    rival: str
    n_splits: int

    def rows(self, options, console):
        """Score everybody on each split of each set."""
        for name in [one for one in self.data if one in (options.data or self.data)]:
            for split in range(min(options.splits, self.n_splits)):
                try:
                    parts = _split(name, split, options)
                except data.MissingDataError as error:
                    console.print(f"{self.title}: {name} skipped: {error}")
                    break
                for score, scorer in self.scores.items():
                    for competitor, (value, seconds) in self.compete(parts, scorer).items():
                        found = {"competitor": competitor, "split": split, "value": value}
                        yield {"data": name, "score": score, **found, "seconds": seconds}

    def table(self, rows):
        """Mean scores with standard errors, and the difference to the rival, split by split."""
        competitors, made, verdicts = rows["competitor"].unique(), [], []
        for (name, score), cell in rows.groupby(["data", "score"], sort=False):
            value, seconds = (
                cell.pivot(index="split", columns="competitor", values=one)
                for one in ("value", "seconds")
            )
            gain, error = _mean(value["nno"] - value[self.rival])
            verdicts.append("better" if gain > error else "equal" if gain >= -error else "worse")
            means = {key: _mean(value[key]) for key in competitors if key in value}
            made.append(
                {
                    "set, score": f"{name}, {score}",
                    **dict.fromkeys(competitors),
                    **{key: f"{mean:.4f} ± {error:.4f}" for key, (mean, error) in means.items()},
                    f"nno − {self.rival}": f"{gain:+.4f} ± {error:.4f}",
                    "s nno": seconds["nno"].mean(),
                    f"s {self.rival}": seconds[self.rival].mean(),
                    "": verdicts[-1],
                }
            )
        counts = ", ".join(f"{one}: {verdicts.count(one)}" for one in ("better", "equal", "worse"))
        return Table(
            f"{self.title}, mean of {rows['split'].nunique()} splits ({counts}; equal is within "
            "one standard error of the difference)",
            pd.DataFrame(made),
        )


def _mean(values):
    """Mean and its standard error."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return values.mean(), error


def two_classes(parts, scorer):
    """Plain and with a tuned threshold, ours with its start, and direct search."""
    A, B, a, b = parts
    plain, seconds = _timed(_logistic(A), A, a)
    tuned, longer = _timed(TunedThresholdClassifierCV(_logistic(A), scoring=scorer), A, a)
    ours, budget = _timed(NNOClassifier(scorer, alpha=1 / len(a), random_state=0), A, a)
    direct = ("Nelder-Mead", "Powell") if A.shape[1] <= MAX_SIMPLEX else ()
    return {
        "logistic": (scorer(plain, B, b), seconds),
        "tuned": (scorer(tuned, B, b), longer),
        **{method: _direct(method, scorer, plain, parts, budget) for method in direct},
        "start": (scorer(ours.start_, B, b), 0.0),
        "nno": (scorer(ours, B, b), budget),
    }


class _TimeIsUpError(Exception):
    pass


def _direct(method, scorer, plain, parts, budget):
    """Scipy's search over the coefficients, from the logistic ones, for so many seconds."""
    A, B, a, b = parts
    metric = RawPredictionScorer(scorer, np.unique(a))
    first = np.r_[plain.coef_[0], plain.intercept_]
    best, start = [-np.inf, first], process_time()

    def loss(x):
        if process_time() - start > budget:
            raise _TimeIsUpError
        score = metric.score(a, (A @ x[:-1] + x[-1])[:, None])
        if score > best[0]:
            best[:] = [score, x.copy()]
        return -score

    try:
        minimize(loss, first, method=method, options={"maxiter": 10**6, "maxfev": 10**6})
    except _TimeIsUpError:
        pass
    x = best[1]
    plain.coef_, plain.intercept_ = x[None, :-1], x[-1:]
    result = scorer(plain, B, b), process_time() - start
    plain.coef_, plain.intercept_ = first[None, :-1], first[-1:]
    return result


def many_classes(parts, scorer):
    """With tuned class weights, and ours with its start."""
    A, B, a, b = parts
    weights = {"class_weight": [None, "balanced"]}
    tuned, seconds = _timed(GridSearchCV(_logistic(A), weights, scoring=scorer, cv=3), A, a)
    ours, own = _timed(NNOClassifier(scorer, alpha=1 / len(a), random_state=0), A, a)
    return {
        "tuned": (scorer(tuned, B, b), seconds),
        "start": (scorer(ours.start_, B, b), 0.0),
        "nno": (scorer(ours, B, b), own),
    }


def regression(parts, scorer):
    """Least squares, a quantile, and ours."""
    A, B, a, b = parts
    plain, seconds = _timed(LinearRegression(), A, a)
    rows = np.random.default_rng(0).choice(len(a), min(QUANTILE_ROWS, len(a)), replace=False)
    level = 0.9 if scorer is NUMBER_SCORES["pinball 0.9"] else 0.5
    quantile, longer = _timed(QuantileRegressor(quantile=level, alpha=0.0), A[rows], a[rows])
    ours, own = _timed(NNORegressor(scorer, random_state=0), A, a)
    return {
        "squared error": (scorer(plain, B, b), seconds),
        "quantile": (scorer(quantile, B, b), longer),
        "nno": (scorer(ours, B, b), own),
    }


class _ReachedError(Exception):
    pass


class Minimisation:
    """Evaluations of functions without gradients until they are near enough to 0."""

    def rows(self, options, console):
        """Let everybody minimise each function in several dimensions."""
        for name, function in FUNCTIONS.items():
            for d in (2, 5) if options.quick else (2, 5, 10, 20):
                for minimiser, search in MINIMISERS.items():
                    value = _evaluations(function, d, search)
                    facts = {"data": f"{name}, {d}", "score": "evaluations"}
                    yield {**facts, "competitor": minimiser, "value": value}

    def table(self, rows):
        """The fewest in bold."""
        wide = rows.pivot(index="data", columns="competitor", values="value").astype(float)
        wide = wide.reindex(index=rows["data"].unique(), columns=list(MINIMISERS))
        least = wide.min(axis=1)
        for name in wide:
            cells = wide[name].map("{:.0f}".format).replace("nan", "–")
            wide[name] = cells.where(wide[name] != least, "**" + cells + "**")
        wide = wide.rename_axis(columns=None).reset_index().rename(columns={"data": "function, d"})
        return Table("Evaluations to 1e-6, at most 200 d", wide)


def _evaluations(function, d, search):
    """Evaluations until the value is near enough to 0; None where it never is."""
    count, most = 0, 200 * d

    def counted(x):
        nonlocal count
        count += 1
        value = function.value(np.asarray(x))
        if value <= function.target or count > most:
            raise _ReachedError
        return value

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search(counted, function.start(d), most)
    except _ReachedError:
        return count if count <= most else None
    except ImportError:  # of what is not installed
        return None
    return None


def _scipy(method, **options):
    def search(fun, x0, most):
        limit = {"maxfev": most + 1, **options}
        minimize(fun, x0, method=method, options=limit)

    return search


def _cma(fun, x0, most):
    import cma

    cma.fmin(fun, x0, 1.0, {"verbose": -9, "maxfevals": most + 1, "seed": 1, "tolfun": 1e-14})


MINIMISERS = {
    "nno_minimize": lambda fun, x0, most: nno_minimize(
        fun, x0, max_evaluations=most + 1, tol=1e-10, random_state=0
    ),
    "Nelder-Mead": _scipy("Nelder-Mead", xatol=1e-12, fatol=1e-14, adaptive=True),
    "Powell": _scipy("Powell", xtol=1e-10, ftol=1e-14),
    "COBYQA": _scipy("COBYQA"),
    "CMA-ES": _cma,
}
TABLES = {
    "two_classes": Comparison("Two classes", BINARY, BINARY_SCORES, two_classes, "tuned", 10),
    "many_classes": Comparison("Many classes", CLASSES, CLASS_SCORES, many_classes, "tuned", 3),
    "regression": Comparison("Regression", NUMBERS, NUMBER_SCORES, regression, "quantile", 5),
    "functions": Minimisation(),
}

LEGEND = """\
Means over splits, with standard errors. *start* is where the training on the score begins;
*Nelder-Mead* and *Powell* search the coefficients from the logistic ones for as long as *nno*
takes. Functions: evaluations until the value is below 1e-6; "–" is not reached or not
installed."""
