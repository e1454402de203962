"""Training on the metric itself: held-out scores, and evaluations of `nno_minimize`.

Table 1: two classes, beside logistic regression with its threshold tuned, and direct search.
Table 2: many classes, beside logistic regression with its class weights tuned.
Table 3: regression by percentage and by pinball loss. Table 4: functions without gradients.
Times are processor time of fits.
"""

import json
import warnings
from time import process_time

import numpy as np
from rich.console import Console
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor
from sklearn.metrics import get_scorer, make_scorer, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV, train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks import data, environment
from benchmarks.functions import FUNCTIONS
from benchmarks.report import Table, number
from nno_sklearn import NNOClassifier, NNORegressor, nno_minimize
from nno_sklearn.score_training.score import MetricLoss

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


BINARY_METRICS = {
    "f1": get_scorer("f1"),
    "balanced_accuracy": get_scorer("balanced_accuracy"),
    "MCC": get_scorer("matthews_corrcoef"),
    "10:1 cost": make_scorer(cost, greater_is_better=False),
}
CLASS_METRICS = {name: get_scorer(name) for name in ("f1_macro", "balanced_accuracy")}
NUMBER_METRICS = {
    "MAPE": get_scorer("neg_mean_absolute_percentage_error"),
    "pinball 0.9": make_scorer(mean_pinball_loss, alpha=0.9, greater_is_better=False),
}


def add_arguments(parser):
    """Say which tables and how many splits."""
    parser.add_argument("--tables", nargs="+", type=int, default=[1, 2, 3, 4], choices=range(1, 5))
    parser.add_argument("--splits", type=int, default=10, help="of the data into train and test")
    parser.add_argument("--rows", type=int, default=10_000, help="most training rows")
    parser.add_argument("--data", nargs="+", help="some of the sets only")


def run(options):
    """Make the tables; each is printed and written as soon as it is there."""
    console = Console()
    if not console.is_terminal:
        console.width = 200
    if options.quick:
        options.splits, options.rows = 3, 2000
    made = {"environment": environment.describe(options.threads), "tables": {}}
    for wanted in options.tables:
        table, rows = TABLES[wanted](options, console)
        made["tables"][wanted] = {"title": table.title, "rows": rows, "table": table.rows,
                                  "columns": table.columns}  # fmt: skip
        console.print(table.rich())
        _write(made, options)
    console.print(f"written to {options.output}")


def _write(made, options):
    path = options.output / "metric.json"
    if path.exists():
        before = json.loads(path.read_text())["tables"]
        made["tables"] = before | {str(key): value for key, value in made["tables"].items()}
    path.write_text(json.dumps(made, indent=1) + "\n")
    tables = [
        Table(made["tables"][key]["title"], tuple(made["tables"][key]["columns"]),
              made["tables"][key]["table"]).markdown()
        for key in sorted(made["tables"])
    ]  # fmt: skip
    (options.output / "metric.md").write_text("# Training on the metric\n\n" + "\n".join(tables))


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


def _compare(kind, names, metrics, competitors, options, console):
    """Scores and seconds: {set: {metric: {competitor: [(score, seconds) or None, ...]}}}."""
    found = {}
    for name in options.data or names:
        if name not in names:
            continue
        for seed in range(options.splits):
            try:
                parts = _split(name, seed, options)
            except data.MissingDataError as error:
                console.print(f"{kind}: {name} skipped: {error}")
                break
            for metric, scorer in metrics.items():
                cell = found.setdefault(name, {}).setdefault(metric, {})
                for competitor, result in competitors(parts, scorer).items():
                    cell.setdefault(competitor, []).append(result)
    return found


def _score_table(title, found, rival, competitors):
    """Mean scores with standard errors, and the difference to the rival, split by split."""
    columns = ("set, metric", *competitors, f"nno − {rival}", "s nno", f"s {rival}", "")
    table, counts = Table(title, columns), {"better": 0, "equal": 0, "worse": 0}
    for name, metrics in found.items():
        for metric, cell in metrics.items():
            ours, theirs = (np.array(cell[key], dtype=float) for key in ("nno", rival))
            gain = ours[:, 0] - theirs[:, 0]
            error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else 0.0
            mean = gain.mean()
            verdict = "better" if mean > error else "equal" if mean >= -error else "worse"
            counts[verdict] += 1
            table.rows.append([
                f"{name}, {metric}",
                *(_mean(cell.get(competitor, [None])) for competitor in competitors),
                f"{mean:+.4f} ± {error:.4f}",
                number(float(ours[:, 1].mean())),
                number(float(theirs[:, 1].mean())),
                verdict,
            ])  # fmt: skip
    summary = ", ".join(f"{verdict}: {count}" for verdict, count in counts.items())
    table.title += f" ({summary}; equal is within one standard error of the difference)"
    return table, found


def _mean(results):
    if any(result is None for result in results):
        return "–"
    scores = np.array(results)[:, 0]
    error = scores.std(ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else 0.0
    return f"{scores.mean():.4f} ± {error:.4f}"


def two_classes(options, console):
    """Table 1."""

    def competitors(parts, scorer):
        A, B, a, b = parts
        plain, seconds = _timed(_logistic(A), A, a)
        result = {"logistic": (scorer(plain, B, b), seconds)}
        tuned, seconds = _timed(TunedThresholdClassifierCV(_logistic(A), scoring=scorer), A, a)
        result["tuned"] = (scorer(tuned, B, b), seconds)
        ours = NNOClassifier(scorer, alpha=1 / len(a), random_state=0)
        ours, budget = _timed(ours, A, a)
        result["nno"] = (scorer(ours, B, b), budget)
        result["start"] = (scorer(ours.start_, B, b), 0.0)
        for method in ("Nelder-Mead", "Powell"):
            fits = A.shape[1] <= MAX_SIMPLEX
            result[method] = _direct(method, scorer, plain, parts, budget) if fits else None
        return result

    found = _compare("Table 1", BINARY, BINARY_METRICS, competitors, options, console)
    names = ("logistic", "tuned", "Nelder-Mead", "Powell", "start", "nno")
    return _score_table(f"Two classes, mean of {options.splits} splits", found, "tuned", names)


class _TimeIsUpError(Exception):
    pass


def _direct(method, scorer, plain, parts, budget):
    """Scipy's search over the coefficients, from the logistic ones, for so many seconds."""
    A, B, a, b = parts
    metric = MetricLoss(scorer, np.unique(a))
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


def many_classes(options, console):
    """Table 2."""
    options.splits = min(options.splits, 3)

    def competitors(parts, scorer):
        A, B, a, b = parts
        weights = {"class_weight": [None, "balanced"]}
        tuned, seconds = _timed(GridSearchCV(_logistic(A), weights, scoring=scorer, cv=3), A, a)
        ours, own = _timed(NNOClassifier(scorer, alpha=1 / len(a), random_state=0), A, a)
        return {
            "tuned": (scorer(tuned, B, b), seconds),
            "start": (scorer(ours.start_, B, b), 0.0),
            "nno": (scorer(ours, B, b), own),
        }

    found = _compare("Table 2", CLASSES, CLASS_METRICS, competitors, options, console)
    title = f"Many classes, mean of {options.splits} splits"
    return _score_table(title, found, "tuned", ("tuned", "start", "nno"))


def regression(options, console):
    """Table 3."""
    options.splits = min(options.splits, 5)

    def competitors(parts, scorer):
        A, B, a, b = parts
        plain, seconds = _timed(LinearRegression(), A, a)
        rows = np.random.default_rng(0).choice(len(a), min(QUANTILE_ROWS, len(a)), replace=False)
        level = 0.9 if scorer is NUMBER_METRICS["pinball 0.9"] else 0.5
        quantile, longer = _timed(QuantileRegressor(quantile=level, alpha=0.0), A[rows], a[rows])
        ours, own = _timed(NNORegressor(scorer, random_state=0), A, a)
        return {
            "squared error": (scorer(plain, B, b), seconds),
            "quantile": (scorer(quantile, B, b), longer),
            "nno": (scorer(ours, B, b), own),
        }

    found = _compare("Table 3", NUMBERS, NUMBER_METRICS, competitors, options, console)
    title = f"Regression, mean of {options.splits} splits"
    return _score_table(title, found, "quantile", ("squared error", "quantile", "nno"))


class _ReachedError(Exception):
    pass


def functions(options, console):
    """Table 4."""
    sizes = (2, 5) if options.quick else (2, 5, 10, 20)
    table = Table("Evaluations to 1e-6, at most 200 d", ("function, d", *MINIMISERS))
    for name, function in FUNCTIONS.items():
        for d in sizes:
            needed = [_evaluations(function, d, search) for search in MINIMISERS.values()]
            least = min((count for count in needed if isinstance(count, int)), default=None)
            cells = [f"**{count}**" if count == least else str(count) for count in needed]
            table.rows.append([f"{name}, {d}", *cells])
    return table, None


def _evaluations(function, d, search):
    """Evaluations until the value is near enough to 0; a dash where it never is."""
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
        return count if count <= most else "–"
    except ImportError:
        return "not installed"
    return "–"


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
TABLES = {1: two_classes, 2: many_classes, 3: regression, 4: functions}
