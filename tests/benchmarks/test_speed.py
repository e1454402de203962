"""The benchmark suite: what it measures is true, and every competitor solves the same problem."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.optimize import brentq

from benchmarks import cases, competitors, data, runner, suites
from benchmarks.__main__ import main
from benchmarks.competitors import ours
from benchmarks.curve import Curve, Rung, fastest_by_package, interpolate
from benchmarks.objective import Objective
from benchmarks.report import read
from benchmarks.suites import speed
from benchmarks.worker import Fit, FitError, Worker


def _problem(
    loss,
    l1_ratio=0.0,
    fit_intercept=True,
    weighted=False,
    sparse=False,
    penalty="elasticnet",
    n_outputs=0,
    alpha=0.02,
):
    rng = np.random.default_rng(0)
    n, p = 60, 5
    X = rng.standard_normal((n, p))
    eta = 0.5 * X @ rng.standard_normal(p) + 0.3
    y = {
        "squared_error": lambda: eta + 0.3 * rng.standard_normal(n),
        "quantile": lambda: eta + 0.3 * rng.standard_normal(n),
        "epsilon_insensitive": lambda: eta + 0.3 * rng.standard_normal(n),
        "huber": lambda: eta + 0.3 * rng.standard_t(2, n),
        "poisson": lambda: rng.poisson(np.exp(eta)).astype(float),
        "gamma": lambda: np.exp(eta) * rng.gamma(2.0, size=n) + 0.01,
        "tweedie": lambda: np.exp(eta) * rng.gamma(2.0, size=n) * (rng.random(n) < 0.8),
        "log_loss": lambda: (eta + rng.standard_normal(n) > 0).astype(int),
        "hinge": lambda: (eta + rng.standard_normal(n) > 0).astype(int),
        "modified_huber": lambda: (eta + rng.standard_normal(n) > 0).astype(int),
        "ordinal": lambda: np.digitize(eta + rng.standard_normal(n), (-0.5, 0.5)),
        "multinomial": lambda: 1 + np.digitize(eta + rng.standard_normal(n), (-0.5, 0.5)),
    }[loss]()
    weight = rng.uniform(0.5, 2.0, n) if weighted else None
    if sparse:
        X = sp.csc_matrix(np.where(np.abs(X) > 0.5, X, 0.0))
    elif l1_ratio > 0:
        X = np.asfortranarray(X)
    if loss == "huber":
        y = _of_unit_scale(X, y, 0.02)
    if n_outputs:
        y = np.column_stack([y - y.mean(), *rng.standard_normal((n_outputs - 1, n))])
    objective = Objective(X, y, loss, alpha, l1_ratio, fit_intercept, weight)
    group_size = 5 if penalty in ("group_lasso", "group_net") else 1
    return replace(objective, penalty=penalty, group_size=group_size)


def _of_unit_scale(X, y, alpha):
    """Targets whose scale HuberRegressor estimates as 1."""
    from sklearn.linear_model import HuberRegressor

    def excess(unit):
        model = HuberRegressor(alpha=alpha * len(y), tol=1e-8, max_iter=10_000)
        return model.fit(X, y / unit).scale_ - 1

    return y / brentq(excess, 0.01, 10.0, xtol=1e-8)


PROBLEMS = {
    "ridge": {"loss": "squared_error"},
    "ridge-centred": {"loss": "squared_error", "fit_intercept": False},
    "ridge-weighted": {"loss": "squared_error", "weighted": True},
    "ridge-sparse": {"loss": "squared_error", "sparse": True},
    "lasso": {"loss": "squared_error", "l1_ratio": 1.0, "fit_intercept": False},
    "lasso-sparse": {"loss": "squared_error", "l1_ratio": 1.0, "sparse": True},
    "enet": {"loss": "squared_error", "l1_ratio": 0.5},
    "logistic": {"loss": "log_loss", "fit_intercept": False},
    "logistic-weighted": {"loss": "log_loss", "weighted": True},
    "l1_logistic": {"loss": "log_loss", "l1_ratio": 1.0, "fit_intercept": False},
    "l1_logistic-sparse": {"loss": "log_loss", "l1_ratio": 1.0, "sparse": True},
    "multinomial": {"loss": "multinomial"},
    "multinomial-sparse": {"loss": "multinomial", "sparse": True},
    "poisson-weighted": {"loss": "poisson", "weighted": True},
    "gamma": {"loss": "gamma"},
    "tweedie": {"loss": "tweedie"},
    "tweedie-weighted": {"loss": "tweedie", "weighted": True},
    "modified_huber": {"loss": "modified_huber"},
    "ordinal": {"loss": "ordinal"},
    "ordinal-free": {"loss": "ordinal", "alpha": 0.0},
    "huber": {"loss": "huber"},
    "quantile": {"loss": "quantile", "l1_ratio": 1.0},
    "quantile-free": {"loss": "quantile", "l1_ratio": 1.0, "alpha": 0.0},
    "hinge": {"loss": "hinge", "fit_intercept": False},
    "svr": {"loss": "epsilon_insensitive", "fit_intercept": False},
    "group_net": {
        "loss": "squared_error",
        "l1_ratio": 0.8,
        "fit_intercept": False,
        "penalty": "group_net",
    },
    "multinomial_l1": {"loss": "multinomial", "l1_ratio": 1.0},
    "multinomial_enet": {"loss": "multinomial", "l1_ratio": 0.5},
    "multinomial-rows": {"loss": "multinomial", "l1_ratio": 1.0, "penalty": "rows"},
    **{
        penalty: {
            "loss": "squared_error",
            "l1_ratio": 1.0,
            "fit_intercept": False,
            "penalty": penalty,
            "n_outputs": 3 if penalty == "rows" else 0,
        }
        for penalty in ("group_lasso", "rows", "mcp", "scad")
    },
}


#: What skglm cannot do without its compiler.
COMPILED = {
    ("skglm coordinate", "enet"),
    ("skglm huber", "huber"),
    ("skglm concave", "mcp"),
    ("skglm concave", "scad"),
}


@pytest.fixture(scope="module")
def solved():
    """Each problem with its lowest objective, found once."""
    known = {}

    def solve(name):
        if name not in known:
            objective = _problem(**PROBLEMS[name])
            coef, intercept, *_ = ours.fit(objective, 1e-10, solver="auto")
            known[name] = objective, objective.value(coef, intercept)
        return known[name]

    return solve


@pytest.mark.parametrize("name", PROBLEMS)
def test_objective_is_the_estimators(name, solved):
    objective, _ = solved(name)
    model = ours.estimator(objective, "auto", 1e-8)
    model.fit(objective.X, objective.y, objective.weight)
    value = objective.value(np.squeeze(model.coef_), np.squeeze(model.intercept_))
    assert value == pytest.approx(model.objective_, rel=1e-10)
    # Huge penalties leave the best constant model.
    if objective.penalty == "elasticnet":
        model.set_params(penalty="l1")
    model.set_params(solver="auto", alpha=1.001 * objective.alpha_max())
    model.fit(objective.X, objective.y, objective.weight)
    assert not model.coef_.any()
    assert model.objective_ == pytest.approx(objective.null_value(), rel=1e-8)
    model.set_params(alpha=0.95 * objective.alpha_max())
    assert model.fit(objective.X, objective.y, objective.weight).coef_.any()


@pytest.mark.filterwarnings("ignore")  # those of the peers
@pytest.mark.parametrize("competitor", competitors.ALL, ids=lambda competitor: competitor.name)
def test_every_competitor_solves_the_same_problem(competitor, solved):
    if not competitor.is_installed:
        pytest.skip(f"{competitor.module} is not installed")
    # Stochastic steps only come near in 1000 epochs.
    stochastic = competitor.name == "scikit-learn sgd"
    tolerance, precision = (1e-3, 5e-2) if stochastic else (1e-9, 1e-5)
    supported = [name for name in PROBLEMS if competitor.takes(solved(name)[0])]
    assert supported
    for name in supported:
        if (competitor.name, name) not in COMPILED:
            objective, optimum = solved(name)
            competitor.fit(objective, competitor.tolerances[0])  # however loose it is
            coef, intercept, *_ = competitor.fit(objective, tolerance)
            value = objective.value(coef, intercept)
            assert optimum * (1 - 1e-8) <= value <= optimum * (1 + precision), name


def test_automatic_choice_names_competitors(solved):
    assert ours.automatic_choice(solved("lasso")[0]) == "ours proximal"
    assert {competitors.find(name).name for name in ours.NAMES.values()} == {
        competitor.name for competitor in ours.COMPETITORS
    }


def test_a_tolerance_that_the_constant_model_meets_measures_nothing(solved):
    objective, _ = solved("lasso")
    fits = [ours.fit(objective, tolerance, "proximal") for tolerance in (1e6, 1e-3)]
    assert [fit.is_start for fit in fits] == [True, False]


class _Ladder(runner._Race):
    """A race whose fits have these values, and no process behind them."""

    def __init__(self, objective, values):
        self.curve = Curve("ours", "ours")
        super().__init__(objective, "", [self.curve], runner.Effort(), lambda text: None)
        self._values, self.optimum, self.has_reference = iter(values), 0.0, True

    def _fit(self, name, tolerance):
        solution = competitors.Solution(np.zeros(1))
        return Fit(solution, 1.0, 1.0, None)

    def _value(self, fit):
        return next(self._values) * self.unit


def test_like_fits_at_loose_tolerances_do_not_end_a_ladder(solved):
    """A method that begins near the optimum ends there for many tolerances, then goes on."""
    values = [2e-4] * 8 + [1e-5, 1e-7, 5e-10]
    race = _Ladder(solved("lasso")[0], values)
    went_on = [race._climb_once(race.curve, 1.0) for _ in values]
    assert went_on == [True] * 10 + [False]
    stays = [1e-1, 2e-4] + [1.9e-4] * 10
    race = _Ladder(solved("lasso")[0], stays)
    assert not all(race._climb_once(race.curve, 1.0) for _ in stays)


def test_interpolation_is_log_log():
    points = [(1.0, 1e-2), (4.0, 1e-6)]
    assert interpolate(points, 1e-4) == pytest.approx(2.0)
    assert interpolate(points, 1e-6) == 4.0
    assert interpolate(points, 1e-1) == 1.0  # the loosest run is there already
    assert interpolate(points, 1e-7) is None  # never beyond the most accurate run
    assert interpolate([(1.0, math.inf), (3.0, 1e-8)], 1e-6) == 3.0  # nothing to start from
    assert interpolate([(5.0, 1e-2), (3.0, 1e-8)], 1e-6) == 3.0  # slow and bad does not help
    assert interpolate([], 1e-3) is None


def _curve(name, *points):
    rungs = [Rung(10.0**-i, s, [t], None, None, s) for i, (t, s) in enumerate(points)]
    return Curve(name, name.split()[0], rungs)


def test_curves():
    curve = _curve("a x", (1, 0.5), (2, 1e-2), (3, 1e-3), (4, 1e-5), (5, 1e-8), (6, 1e-10))
    before = [curve.time_to(target) for target in (1e-3, 1e-4, 1e-6, 1e-9)]
    curve.keep_useful()
    assert [rung.seconds[0] for rung in curve.rungs] == [2, 3, 4, 5, 6]
    assert [curve.time_to(target) for target in (1e-3, 1e-4, 1e-6, 1e-9)] == before
    assert curve.passes_to(1e-3) is None
    assert curve.rung_at(1e-6).seconds == [5]
    other, hopeless = _curve("a y", (2.5, 1e-7)), _curve("b z", (1, 0.1))
    assert fastest_by_package([curve, other, hopeless], 1e-6) == {"a": other}


def test_ratios_do_not_hide_failures():
    def ratios(*pairs):
        theirs, ours = (pd.Series(times, dtype=float) for times in zip(*pairs, strict=True))
        return speed.ratios(theirs, ours)

    assert speed.mean_ratio(ratios((4.0, 1.0), (1.0, 1.0))) == pytest.approx(2.0)
    lost = ratios((4.0, 1.0), (1.0, None))
    assert (speed.mean_ratio(lost), lost.min()) == (0.0, 0.0)
    won = ratios((None, 1.0), (2.0, 1.0), (None, None))
    assert (speed.mean_ratio(won), won.min(), np.isinf(won).sum()) == (2.0, 2.0, 1)
    assert np.isnan(speed.mean_ratio(ratios((None, None))))


def test_cases():
    names = [case.name for case in cases.CASES]
    assert len(names) == len(set(names))
    assert {case.data for case in cases.CASES} <= set(data.names())
    assert {case.group for case in cases.select(quick=True)} >= {"tall_logistic", "lasso", "glm"}
    assert [case.name for case in cases.select(["*-golub-0.01"])] == [
        "lasso-golub-0.01",
        "l1_logistic-golub-0.01",
    ]


def test_missing_data_are_named(monkeypatch):
    monkeypatch.delenv("NNO_SKLEARN_DATA", raising=False)
    with pytest.raises(data.MissingDataError, match="skin.npz.*NNO_SKLEARN_DATA is not set"):
        data.load("skin")


def test_worker_says_why_there_is_no_fit(tmp_path):
    import joblib

    objective = _problem("log_loss")
    objective.X[0, 0] = np.nan
    joblib.dump(objective, tmp_path / "bad.joblib")
    worker = Worker(tmp_path / "bad.joblib")
    with pytest.raises(FitError, match="over 0 s"):
        worker.fit("ours gd", 0.1, limit=0.0)
    with pytest.raises(FitError, match="NaN"):  # the answer to the same question
        worker.fit("ours gd", 0.1, limit=60.0)
    worker.close()


@pytest.mark.exhaustive
def test_command_line(tmp_path, capsys):
    main(
        ["--case", "poisson-small", "--competitor", "ours gd", "plain accelerated"]
        + ["--quick", "--time-limit", "20", "--threads", "1", "--output", str(tmp_path)]
        + ["--repeats", "3", "--cold-repeats", "1"]
    )
    printed = capsys.readouterr().out
    assert "plain accelerated" in printed and "1 threads" in printed
    results, environments = read("speed", tmp_path)
    assert list(results["competitor"].unique()) == ["ours gd", "plain accelerated"]
    assert list(environments["threads"]) == [1] and (results["threads"] == 1).all()
    assert (results["seconds"] > 0).all() and (results["fits"] == 3).all()
    assert (results.loc[results["accuracy"] == 1e-6, "cold_seconds"] > 0).all()
    assert "| poisson-small |" in (tmp_path / "speed.md").read_text()
    assert (tmp_path / "plots" / "poisson-small.png").exists()
    assert (tmp_path / "plots" / "profile.png").exists()


@pytest.mark.parametrize("suite", ["score_training", "search", "speed", "stream"])
def test_tables_of_the_docs_are_those_of_the_results(suite, tmp_path):
    published = Path(__file__).parents[2] / "benchmarks" / "results"
    for name in (f"{suite}.csv", "environments.csv"):
        shutil.copy(published / name, tmp_path)
    main(["--suite", suite, "--tables-only", "--output", str(tmp_path)])
    made = (tmp_path / f"{suite}.md").read_text()
    assert made == (published / f"{suite}.md").read_text()
    assert made.count("| ---: |") >= 1


def test_list(tmp_path, capsys):
    main(["--list", "--group", "glm", "--output", str(tmp_path)])
    assert "poisson-motor_claims" in capsys.readouterr().out


@pytest.mark.parametrize("suite", suites.names())
def test_results_do_not_go_into_the_repository(suite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr(suites.suite(suite), "run", seen.append)
    main(["--suite", suite, "--quick", "--threads", "1"])
    assert seen[0].output.resolve() == tmp_path / "benchmark-results"
    assert seen[0].output.is_dir()


def test_descents_are_compared_where_some_fits_told_nothing():
    told = {"ours gd": (2.0, 40.0, 40.0), "plain accelerated": (None, None, 80.0)}
    nothing = {"ours gd": (None, None, None), "scikit-learn lbfgs": (1.0, None, None)}
    rows = [
        {"case": case, "competitor": name, "accuracy": speed.TARGET}
        | dict(zip(("seconds", "passes", "last_passes"), numbers, strict=True))
        for case, fits in (("told", told), ("nothing", nothing))
        for name, numbers in fits.items()
    ]
    table = speed.descent_table(pd.DataFrame(rows, dtype=object)).frame.set_index("case")
    told = table.loc["told"]
    assert told["plain passes"] == "> 80" and told["gd ÷ plain"] == "< 0.5"
    assert table.loc["nothing", "lbfgs s"] == 1.0 and np.isnan(table.loc["nothing", "gd s"])
