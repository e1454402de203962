"""The cases: data x objective, in the groups that summaries have a line for."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from benchmarks.data import load_weighted
from benchmarks.objective import Objective


@dataclass(frozen=True)
class Case:
    """One data set and one objective over it.

    Parameters
    ----------
    name : str
    group : str
        Cases of a group share a line of the summary.
    data : str
        Name in :mod:`benchmarks.data`.
    loss : str
    alpha : float
    unit : {"absolute", "1/n", "max"}, default="absolute"
        What alpha is a multiple of; "1/n" makes scikit-learn's C = 1 / alpha, and "max" is the
        smallest alpha whose solution is 0.
    l1_ratio : float, default=0
    fit_intercept : bool, default=True
    quick : bool, default=False
        Whether ``--quick`` runs it.
    penalty : str, default="elasticnet"
        Name in :data:`benchmarks.penalties.PENALTIES`.
    group_size : int, default=1
    """

    name: str
    group: str
    data: str
    loss: str
    alpha: float
    unit: str = "absolute"
    l1_ratio: float = 0.0
    fit_intercept: bool = True
    quick: bool = False
    penalty: str = "elasticnet"
    group_size: int = 1

    def objective(self):
        """Load the data and make the objective.

        With an l1 part, X is in column order, which coordinate descent reads: peers are not
        charged for turning it.

        Raises
        ------
        benchmarks.data.MissingDataError
        """
        X, y, weight = load_weighted(self.data)
        if self.l1_ratio > 0:
            X = np.asfortranarray(X) if isinstance(X, np.ndarray) else X.tocsc()
        objective = Objective(X, y, self.loss, 1.0, self.l1_ratio, self.fit_intercept, weight)
        objective = replace(objective, penalty=self.penalty, group_size=self.group_size)
        unit = {"absolute": lambda: 1.0, "1/n": lambda: 1 / len(y), "max": objective.alpha_max}
        return replace(objective, alpha=self.alpha * unit[self.unit]())


def select(patterns=None, groups=None, quick=False):
    """The cases that the command line asks for.

    Parameters
    ----------
    patterns : list of str, default=None
        Beginnings of names, or glob patterns; None means all.
    groups : list of str, default=None
    quick : bool, default=False
        Only the small set; named cases run whether small or not.
    """
    chosen = [case for case in CASES if not groups or case.group in groups]
    if patterns:
        return [
            case
            for case in chosen
            if any(case.name.startswith(p) or fnmatchcase(case.name, p) for p in patterns)
        ]
    return [case for case in chosen if case.quick or not quick]


def _tall_logistic():
    def case(data, fit_intercept=True, quick=False):
        name, intercept = f"logistic-{data}", {"fit_intercept": fit_intercept, "quick": quick}
        return Case(name, "tall_logistic", data, "log_loss", 1, "1/n", **intercept)

    # The generated columns are centred; and without an intercept liblinear takes part.
    yield case("tall-200000x100", False)
    yield case("tall-100000x300", False)
    yield case("tall-50000x1000", False)
    yield case("tall_unscaled-100000x100", False)
    yield case("isotropic-50000x1000", False)
    yield case("tall-20000x50", False, quick=True)
    for data in ("skin", "ijcnn1", "covtype_20k", "cod_rna"):
        yield case(data)


def _one_vs_rest():
    for k in range(1, 8):
        name = f"covtype_class{k}"
        yield Case(f"logistic-{name}", "one_vs_rest", name, "log_loss", 1, "1/n")


def _multinomial():
    for data in ("mnist", "news20"):
        yield Case(f"multinomial-{data}", "multinomial", data, "multinomial", 1e-4)


def _multiclass():
    shapes = ("10000x100x5", "1500x600x26", "10000x256x20")
    made = [f"classes-{shape}" for shape in shapes]
    for data in ("digits", *made, "newsgroups_words", "newsgroups_binary"):
        yield Case(f"multiclass-{data}", "multiclass", data, "multinomial", 1, "1/n")


def _small():
    """Fits of milliseconds, with the parameters of everyday use."""
    for data in ("iris_scaled", "wine_scaled", "digits"):
        name = data.removesuffix("_scaled")
        yield Case(f"small-{name}", "small", data, "multinomial", 1, "1/n")
    for data in ("breast_cancer_scaled", "labels-500x20", "labels-2000x20", "labels-5000x50"):
        name = data.removesuffix("_scaled")
        yield Case(f"small-{name}", "small", data, "log_loss", 1, "1/n")
        yield Case(f"small-hinge-{name}", "small", data, "hinge", 1, "1/n", fit_intercept=False)
        yield Case(f"small-modified_huber-{name}", "small", data, "modified_huber", 1, "1/n")
        l1 = {"l1_ratio": 1.0, "fit_intercept": False}  # liblinear penalises an intercept
        yield Case(f"small-l1-{name}", "small", data, "log_loss", 0.01, "max", **l1)
    for data in ("diabetes", "numbers-500x20", "numbers-5000x50"):
        yield Case(f"small-ridge-{data}", "small", data, "squared_error", 1, "1/n")
        yield Case(f"small-lasso-{data}", "small", data, "squared_error", 0.1, "max", 1.0)
        yield Case(f"small-enet-{data}", "small", data, "squared_error", 0.1, "max", 0.5)
        svr = {"fit_intercept": False}
        yield Case(f"small-svr-{data}", "small", data, "epsilon_insensitive", 1, "1/n", **svr)
        yield Case(f"small-quantile-{data}", "small", data, "quantile", 0.01, "max", 1.0)
    for loss in ("poisson", "gamma", "tweedie"):
        yield Case(f"small-{loss}-diabetes", "small", "diabetes", loss, 1e-2)
    yield Case("small-huber-diabetes", "small", "diabetes_unit_scale", "huber", 1e-2)
    for data in ("diabetes_grades", "grades-5000x50"):  # statsmodels has no penalty
        yield Case(f"small-ordinal-{data}", "small", data, "ordinal", 0.0)


def _ridge():
    for data in ("1000000x50", "50000x1000"):
        yield Case(f"ridge-{data}", "ridge", f"ridge-{data}", "squared_error", 1e-4)
    yield Case("ridge-20000x50", "ridge", "ridge-20000x50", "squared_error", 1e-4, quick=True)
    for data in ("news20_column", "protein", "california_housing"):
        yield Case(f"ridge-{data}", "ridge", data, "squared_error", 1e-4)


def _lasso():
    def case(name, data, share, l1_ratio=1.0, quick=False):
        intercept = {"fit_intercept": False, "quick": quick}  # columns and targets are centred
        options = ("squared_error", share, "max", l1_ratio)
        return Case(f"{name}-{share}", "lasso", data, *options, **intercept)

    shapes = ("1000x10000", "200x50000", "2000x20000", "5000x5000", "100000x200")
    for share in (0.1, 0.01, 0.003):
        for shape in shapes:
            yield case(f"lasso-{shape}", f"correlated-{shape}", share)
        yield case("lasso-golub", "golub_numbers", share)
    for shape in ("1000x10000", "100000x200"):
        yield case(f"enet-{shape}", f"correlated-{shape}", 0.01, l1_ratio=0.5)
    yield case("lasso-200x2000", "correlated-200x2000", 0.01, quick=True)


def _l1_logistic():
    def case(name, data, share):
        # Without an intercept: celer has none, and liblinear would penalise it.
        options = ("log_loss", share, "max", 1.0, False)
        return Case(f"l1_logistic-{name}-{share}", "l1_logistic", data, *options)

    for data in ("a9a", "w8a", "news20_half", "mnist_odd", "golub"):
        for share in (0.1, 0.01, 0.002):
            yield case(data, data, share)
    yield case("sparse", "sparse-20000x5000", 0.01)
    for share in (0.1, 0.01):
        yield case("words", "words-20000x50000", share)


def _glm():
    for name, data, loss in (
        ("poisson-motor_claims", "motor_claims", "poisson"),
        ("poisson-bike_sharing", "bike_sharing", "poisson"),
        ("gamma-motor_amounts", "motor_amounts", "gamma"),
        ("gamma-bike_sharing", "bike_sharing", "gamma"),
        ("huber-bike_sharing", "bike_sharing_unit_scale", "huber"),
    ):
        yield Case(name, "glm", data, loss, 1e-4)
    yield Case("poisson-small", "glm", "small_counts", "poisson", 1e-3, quick=True)


def _penalties():
    def case(kind, data, share, penalty, group_size=1, quick=False, l1_ratio=1.0):
        intercept = {"fit_intercept": False, "quick": quick}  # columns and targets are centred
        of = {"l1_ratio": l1_ratio, "penalty": penalty, "group_size": group_size, **intercept}
        name = f"{kind}-{data.split('-')[1]}-{share}"
        return Case(name, "penalties", data, "squared_error", share, "max", **of)

    for shape in ("1000x10000", "100000x200"):
        for share in (0.1, 0.01):
            yield case("group_lasso", f"correlated-{shape}", share, "group_lasso", 10)
            yield case("group_net", f"correlated-{shape}", share, "group_net", 10, l1_ratio=0.8)
    yield case("group_lasso", "correlated-200x2000", 0.1, "group_lasso", 10, quick=True)
    for penalty in ("mcp", "scad"):
        for data, share in (
            ("correlated-2000x20000", 0.3),
            ("correlated-100000x200", 0.1),
            ("correlated-100000x200", 0.01),
        ):
            yield case(penalty, data, share, penalty)
    yield case("mcp", "correlated-200x2000", 0.3, "mcp", quick=True)
    for shape in ("20000x200x10", "1000x5000x20", "100x2000x50"):
        for share in (0.1, 0.01):
            yield case("multi_task", f"targets-{shape}", share, "rows")
    for shape in ("20000x50", "200000x20"):
        for share in (0.01, 0):
            options = ("quantile", share, "max", 1.0)
            yield Case(f"quantile-{shape}-{share}", "penalties", f"ridge-{shape}", *options)
    # liblinear penalises an intercept.
    for name, data, loss in (
        ("hinge-tall-20000x50", "tall-20000x50", "hinge"),
        ("hinge-a9a", "a9a", "hinge"),
        ("svr-20000x50", "ridge-20000x50", "epsilon_insensitive"),
    ):
        yield Case(name, "penalties", data, loss, 1, "1/n", fit_intercept=False)
    for data in ("digits", "mnist", "newsgroups_words"):
        for share in (0.1, 0.01):
            for l1_ratio, kind in ((1.0, "multinomial_l1"), (0.5, "multinomial_enet")):
                options = ("multinomial", share, "max", l1_ratio)
                yield Case(f"{kind}-{data}-{share}", "penalties", data, *options)
            options = ("multinomial", share, "max", 1.0)
            name = f"multinomial_rows-{data}-{share}"
            yield Case(name, "penalties", data, *options, penalty="rows")


CASES = [
    *(*_tall_logistic(), *_one_vs_rest(), *_multinomial(), *_multiclass(), *_small()),
    *(*_ridge(), *_lasso(), *_l1_logistic(), *_glm()),
    *_penalties(),
]
GROUPS = list(dict.fromkeys(case.group for case in CASES))
