"""The suites of ``python -m benchmarks`` besides "speed", on tiny data."""

from argparse import ArgumentParser
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy
from scipy import sparse
from sklearn.utils import check_random_state

from nno_sklearn import NNOClassifier
from nno_sklearn.losses import LogLoss, MultinomialLogLoss
from nno_sklearn.penalties import L2
from nno_sklearn.problem import hessian_blocks

pytest.importorskip("rich")

from benchmarks import (
    condensing,
    data,
    environment,
    head_cases,
    report,
    search_cases,
    search_data,
    search_rivals,
    suites,
)
from benchmarks.fuzzing import problems
from benchmarks.fuzzing.variants import equivalent
from benchmarks.suites import (
    costs,
    distributed,
    heads,
    landmarks,
    neighbors,
    robustness,
    scale,
    score_training,
    search,
    small,
    solvers,
    stream,
)
from tests.problems import pose


def labels(n=400, p=5, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * 3 + 1
    X[:, 1] = rng.random(n) < 0.1  # a feature that is rare
    return X, (X @ rng.standard_normal((p, n_classes - 1 or 1)) > 0).sum(axis=1) % n_classes


def options_of(suite, output, *arguments):
    parser = ArgumentParser()
    suite.add_arguments(parser)
    options = parser.parse_args(arguments)
    common = {"quick": False, "repeats": 2, "threads": 1, "output": output, "append": False}
    for name, value in common.items():
        setattr(options, name, value)
    return options


@pytest.fixture
def _no_machine(monkeypatch):
    here = {"date": "today"}
    monkeypatch.setattr(environment, "describe", lambda threads: here | {"threads": threads})
    monkeypatch.setitem(data.SYNTHETIC, "tiny", lambda: labels())
    monkeypatch.setitem(data.SYNTHETIC, "tiny_classes", lambda: labels(n_classes=3))
    data.load_weighted.cache_clear()
    yield
    data.load_weighted.cache_clear()


def test_every_suite_is_registered():
    names = "commits costs distributed heads landmarks neighbors robustness scale score_training"
    assert suites.names() == [*names.split(), "search", "small", "solvers", "speed", "stream"]


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("rows", condensing.ROWS)
def test_small_problems_stand_for_all_rows(rows, container):
    X, y = labels()
    problem = pose(container(X), y[:, None].astype(float), LogLoss(), L2(), 1e-3)
    small = condensing.ROWS[rows](problem, 60, check_random_state(0))
    assert 30 <= small.n_samples <= 60
    assert small.rows.weight.sum() == pytest.approx(1.0)
    assert small.rows.weight @ small.rows.y == pytest.approx(
        problem.rows.weight @ problem.rows.y, abs=0.2
    )
    full, few = (hessian_blocks(one.null)[0][1] for one in (problem, small))
    np.testing.assert_allclose(np.trace(few), np.trace(full), rtol=0.35)


def test_draws_by_leverage_are_unbiased():
    X, y = labels()
    X[0] *= 30  # such a row is nearly always drawn, and must not count for more
    problem = pose(X, y[:, None].astype(float), LogLoss(), L2(), 1e-3)
    draws = [condensing.by_leverage(problem, 60, check_random_state(seed)) for seed in range(300)]
    assert np.mean([np.isin(X[0, 0], draw.rows.design.X[:, 0]) for draw in draws]) > 0.9
    mean = np.mean([draw.rows.weight @ draw.rows.design.X for draw in draws], axis=0)
    np.testing.assert_allclose(mean, X.mean(axis=0), atol=0.05)
    every = condensing.by_leverage(problem, 400, check_random_state(0))
    np.testing.assert_allclose(every.rows.weight, problem.rows.weight)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_exact_diagonal_is_the_diagonal(n_classes, container):
    X, y = labels(n_classes=n_classes)
    problem = landmarks.make_problem(container(X), y)
    coef = np.full(problem.shape, 0.1) * np.arange(1, problem.n_outputs + 1)
    point = problem.at(coef)
    expected = np.empty(problem.shape)
    for index, matrix in hessian_blocks(point, max_joint_size=0):
        expected.ravel()[index] = matrix.diagonal()
    # Blocks that are apart, without the coupling's part of the intercept.
    np.testing.assert_allclose(condensing.exact_diagonal(point), expected, rtol=1e-8)


def test_corrections_set_the_diagonal():
    X, y = labels()
    problem = landmarks.make_problem(X, y)
    small = condensing.uniform(problem, 50, check_random_state(0))
    point, here = problem.null, small.null
    wanted = condensing.exact_diagonal(point)[:, 0]
    ((_, exact),) = condensing.landmark_curvature(here, point, "exact")
    np.testing.assert_allclose(exact.diagonal(), wanted)
    ((_, added),) = condensing.landmark_curvature(here, point, "added")
    assert (added.diagonal() >= wanted * (1 - 1e-12)).all()
    ((_, plain),) = condensing.landmark_curvature(here, point)
    np.testing.assert_allclose(plain, hessian_blocks(here)[0][1])


@pytest.mark.usefixtures("_no_machine")
def test_landmarks_suite(tmp_path, capsys):
    options = options_of(
        landmarks, tmp_path, "--data", "tiny", "tiny_classes", "--per-feature", "10"
    )
    landmarks.run(options)
    assert "leverage" in capsys.readouterr().out
    results, _ = report.read("landmarks", tmp_path)
    is_binary = results["data"] == "tiny"
    variants = results[is_binary & results["rows"].isin(condensing.ROWS)]
    assert set(variants["rows"]) == set(condensing.ROWS)
    assert (variants["condition"] >= 1).all() and (variants["start"] >= 0).all()
    assert (variants["with_search"] >= variants["without_search"]).all()
    assert (variants["without_search"] > 0).all() and (variants["iterations"] <= 60).all()
    assert results.loc[~is_binary, "condition"].isna().all() and (~is_binary).any()
    assert "## tiny: n=400" in (tmp_path / "landmarks.md").read_text()


@pytest.mark.usefixtures("_no_machine")
def test_neighbors_suite(tmp_path):
    neighbors.run(options_of(neighbors, tmp_path, "--data", "tiny"))
    results, _ = report.read("neighbors", tmp_path)
    assert list(results["search"]) == list(neighbors.SOLVERS)
    assert (results["optimum"] <= results["start"]).all() and (results["iterations"] >= 1).all()
    assert results["constant"].isna().tolist() == [True, False, False]
    assert (results["start"] <= results["constant"])[1:].all()


@pytest.mark.usefixtures("_no_machine")
def test_solvers_suite(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(solvers, "ROWS", 100)
    monkeypatch.setitem(solvers.LOSSES, "tiny", ("log_loss", "hinge"))
    solvers.run(options_of(solvers, tmp_path, "--case", "tiny", "small_counts"))
    results, _ = report.read("solvers", tmp_path)
    assert list(results["solver"]) == 4 * list(solvers.SOLVERS)
    assert (results["n"] == 100).all() and (results["unconverged"] == 0).all()
    lines = solvers.compared(results).set_index("case")
    names = {"tiny-log_loss", "tiny-hinge", "tiny_classes", "small_counts-poisson"}
    assert set(lines.index) == names and (lines["apart"] < 0.5).all()
    # Half a standard error is told as such, equal scores are no error divided by none.
    results["error"] = 0.02
    results["score"] = np.where(results["solver"] == "gd", 0.91, 0.9)
    results.loc[results["case"] == "tiny_classes", ["score", "error"]] = 1.0, 0.0
    apart = solvers.compared(results).set_index("case")["apart"]
    assert apart.pop("tiny_classes") == 0 and apart.to_numpy() == pytest.approx(0.5)
    assert solvers.summary_table(results).frame["within 0.1"].item() == 1
    assert "## Cross-validated scores" in (tmp_path / "solvers.md").read_text()
    capsys.readouterr()
    options = options_of(solvers, tmp_path, "--list")
    options.quick = True
    solvers.run(options)
    assert len(capsys.readouterr().out.split()) == len(solvers.QUICK)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_samples_of_rows_keep_their_targets_and_weights(container, monkeypatch):
    X = np.arange(1.0, 101.0)[:, None] * np.ones(5)
    some = solvers.sample(container(X), X[:, 0], X[:, 0])
    assert some[0].shape == X.shape
    monkeypatch.setattr(solvers, "ENTRIES", 200)
    rows, y, weight = solvers.sample(container(X), X[:, 0], X[:, 0])
    assert rows.shape == (40, 5) and len(set(y)) == 40
    np.testing.assert_array_equal(rows.sum(axis=1) / 5, y)
    np.testing.assert_array_equal(weight, y)


@pytest.mark.usefixtures("_no_machine")
def test_small_suite(tmp_path, monkeypatch):
    monkeypatch.setattr(small, "WARM_UP", 0)
    names = "small-breast_cancer", "small-lasso-diabetes", "small-modified", "small-huber"
    small.run(options_of(small, tmp_path, "--case", *names))
    results, _ = report.read("small", tmp_path)
    estimators = ["LogisticRegression", "Lasso", "HuberRegressor"]
    assert list(results["estimator"]) == estimators  # SGD alone has the modified Huber loss
    summary, milliseconds = small.tables(results)
    assert list(summary.frame["call"]) == list(small.CALLS)
    assert (milliseconds.frame.select_dtypes("number") > 0).all(axis=None)
    assert "## Milliseconds" in (tmp_path / "small.md").read_text()


def test_all_rows_have_condition_1():
    reference = landmarks.Reference(landmarks.make_problem(*labels()))
    assert reference.condition(reference.problem, "none") == pytest.approx(1.0, rel=1e-6)
    assert reference.suboptimality(reference.optimum) == 0.0


def test_random_problems_are_seeded_and_cover_everything():
    drawn = [problems.draw(seed) for seed in range(300)]
    for name, every in {
        "loss": problems.REGRESSION + problems.CLASSIFICATION,
        "penalty": problems.PENALTIES,
        "solver": problems.SOLVERS,
        "layout": problems.FORMATS,
        "dtype": (np.float32, np.float64),
        "fit_intercept": (True, False),
        "warm": (None, "alpha", "data"),
    }.items():
        assert {getattr(problem, name) for problem in drawn} == set(every)
    words = " ".join(trait for problem in drawn for trait in problem.traits)
    for trait in (*problems.SHAPES, *problems.RANKS[2:], *problems.WEIGHTS[2:], "outputs"):
        assert trait in words
    for problem in drawn:
        estimator = problem.estimator()
        assert estimator.get_params()["alpha"] == problem.alpha >= 0
        data = problem.data()
        assert data.dtype == problem.dtype
        np.testing.assert_array_equal(data.toarray() if sparse.issparse(data) else data, problem.X)
        assert np.isfinite(problem.X).all() and np.isfinite(problem.y).all()
    first, again = (problems.draw(5) for _ in range(2))
    np.testing.assert_array_equal(first.y, again.y)
    assert str(first) == str(again)


def test_equivalent_problems_have_the_same_objective():
    names = set()
    for seed in range(200):
        problem = problems.draw(seed)
        for name, other, back in equivalent(problem):
            names.add(name.split(" as ")[0].split()[0])
            rng = np.random.default_rng(seed)
            n_outputs = problem.targets.shape[1]
            coef = rng.standard_normal((problem.X.shape[1], n_outputs)).astype(np.longdouble)
            coef /= np.abs(other.X).max(axis=0)[:, None] + 1e-30
            intercept = np.zeros(n_outputs, np.longdouble)
            if other.fit_intercept and other.loss in ("squared_error", "huber"):
                intercept += other.y.mean()
            here = other.objective().value(coef, intercept)
            there = problem.objective().value(*back(coef, intercept))
            np.testing.assert_allclose(float(there), float(here), rtol=1e-12)
    assert names == {"rows", "columns", "target", "as"}


def _lying(fit):
    """A fit that claims to be half as far from the optimum as it is."""

    def lying_fit(run):
        honest = fit(run)
        return replace(honest, coef=honest.coef * 0.5, objective=honest.objective / 2)

    return lying_fit


@pytest.mark.usefixtures("_no_machine")
def test_robustness_suite(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(robustness.problems, "draw", _easy)

    def solve(*arguments, append=False):
        options = options_of(robustness, tmp_path, "--jobs", "1", *arguments)
        options.append = append
        robustness.run(options)
        return capsys.readouterr().out

    said = solve("--problems", "2")
    assert "0 broken certificates in 4 problems" in said
    assert "16 fits were judged, of which 0 say that they did not converge; 0 raised" in said
    results, _ = report.read("robustness", tmp_path)
    assert sorted(results["number"].unique()) == [0, 1, problems.SHAPED, problems.SHAPED + 1]
    assert (results["passes"] > 0).all() and results["claim"].isna().all()
    assert "dual gap is no bound | 0 | 0" in (tmp_path / "robustness.md").read_text()

    monkeypatch.setattr(robustness.checks, "fit", _lying(robustness.checks.fit))
    with pytest.raises(SystemExit):
        solve("--problems", "3", append=True)  # only the last two are new
    assert "in 6 problems" in (out := capsys.readouterr().out)
    assert "objective is not that of coef" in out
    with pytest.raises(SystemExit):
        solve("--only", "3")
    assert "OBJECTIVE IS NOT THAT OF COEF" in capsys.readouterr().out
    results, _ = report.read("robustness", tmp_path)
    assert list(results.groupby("number")["claim"].count() > 0) == [False, False, True] * 2


#: One that is easily solved.
EASY = problems.FuzzProblem(
    seed=0,
    loss="squared_error",
    penalty="l2",
    alpha=0.1,
    l1_ratio=0.5,
    solver="auto",
    fit_intercept=True,
    tol=1e-6,
    layout="C",
    dtype=np.float64,
    warm=None,
    traits=(),
    X=np.empty((0, 2)),
    y=np.empty(0),
    weight=None,
)


def _easy(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((30, 2)), rng.standard_normal(30)
    return EASY.replaced(seed=seed, X=X, y=y)


def test_what_a_fit_raises_is_listed(monkeypatch):
    def fail(run):
        raise ValueError("no way down")

    monkeypatch.setattr(robustness.checks, "fit", fail)
    rows = robustness.examine(0)
    assert {(row["claim"], row["detail"]) for row in rows} == {
        ("raises", "ValueError: no way down")
    }
    assert {row["passes"] for row in rows} == {None}
    assert robustness.fault_table(pd.DataFrame(rows)).rows[-1][:2] == ["raises", "1"]


@pytest.mark.exhaustive
@pytest.mark.usefixtures("_no_machine")
def test_heads_suite(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(heads, "fit", heads.fit_here)
    sizes = ("--words", "60", "--classes", "5", "60", "--rows", "4000", "--topics-tol", "0.01")
    options = options_of(heads, tmp_path, *sizes)
    options.quick, options.rivals = True, ["lbfgs"]
    options.kinds = ["topics", "words", "growing"]
    heads.run(options)
    assert "cpu_seconds like K^" in capsys.readouterr().out
    results, _ = report.read("heads", tmp_path)
    assert list(results["kind"]) == ["topics"] * 8 + ["words"] * 5 + ["growing"] * 2
    ours = results[results["solver"] == "nno_sklearn"]
    assert (ours["claimed_gap"] <= ours["tol"]).all()
    assert (ours["gap"] <= 1.01 * ours["tol"])[ours["kind"] == "topics"].all()
    # Others may be proved closer than by the last gradient, which the suite takes.
    for _, one in ours[ours["kind"] != "topics"].iterrows():
        sizes = (one[name] for name in ("kind", "n", "p", "classes", "alpha"))
        finer = heads.fit_here(heads.Task(*sizes, 0.1 * one["claimed_gap"]))
        above = one["objective"] - finer["objective"]
        assert 0 < above <= one["claimed_gap"] * one["objective"]
    assert "s to Adam's" in (tmp_path / "heads.md").read_text()
    words = results[results["kind"] == "words"]
    adam, loose, near = (
        words[words["tol"].isna()],
        *(words[words["tol"] == t] for t in (0.1, 1e-3)),
    )
    reached = heads._reached(near.iloc[0], words)
    assert 0 < reached <= near["cpu_seconds"].item()
    assert near["objective"].item() < loose["objective"].item() and len(adam) == len(heads.RATES)
    topics = results[results["kind"] == "topics"]
    for _, fits in topics.groupby(["p", "alpha"]):
        assert np.ptp(fits["objective"]) <= fits["gap"].max() * fits["objective"].max()


def test_heads_suite_beyond_single_heads():
    sweeps, outputs, missing, stream = (
        [head_cases.CASES[kind](heads.Task(kind, *sizes, rival)) for rival in (None, other)]
        for kind, other, *sizes in (
            ("sweep", "lbfgs", 300, 8, 4, np.nan, 1e-6),
            ("outputs", "sparse_cg", 300, 1000, 3, 1e-3, 1e-6),
            ("missing", "Ridge", 60, 4, 30, 1e-3, 1e-6),
            ("stream", "SGD", 4000, 64, 2, 1e-5, np.nan),
        )
    )
    for ours, other in (sweeps, outputs, missing):  # the same models
        assert ours["score"] == pytest.approx(other["score"], abs=1e-3)
    assert all(row["score"] > 0.55 and row["rows_per_second"] > 0 for row in stream)
    sizes = {
        "kind": "stream",
        "solver": "a",
        "n": 1,
        "p": 1,
        "classes": 2,
        "alpha": 1,
        "tol": np.nan,
    }
    table = heads.tables(pd.DataFrame([sizes | stream[0]]))[0].markdown()
    assert "rows a second" in table and "objective" not in table


def test_gap_of_heads_is_above_the_optimum():
    X, y = heads.make(heads.Task("topics", 300, 8, 4, 1e-2, 0.1))
    best = NNOClassifier(alpha=1e-2, tol=1e-10).fit(X.astype(float), y)
    value, gap = heads.certify(best.coef_, best.intercept_, X, y, 1e-2)
    assert value == pytest.approx(best.objective_, rel=1e-9) and gap <= 1e-6
    value, gap = heads.certify(0.9 * best.coef_, best.intercept_, X, y, 1e-2)
    assert 0 < value - best.objective_ <= gap


@pytest.mark.exhaustive
@pytest.mark.usefixtures("_no_machine")
def test_scale_suite(tmp_path, capsys, monkeypatch):
    # Not in a fresh process: that would take seconds to import everything.
    monkeypatch.setattr(scale, "fit", scale.fit_here)
    sizes = ("--sizes", "1000", "2000", "4000", "--columns", "4", "--gigabytes", "0.00004")
    options = options_of(scale, tmp_path, *sizes, "--mapped-columns", "5")
    options.scratch = tmp_path
    scale.run(options)
    assert "time grows like" in capsys.readouterr().out
    results, _ = report.read("scale", tmp_path)
    assert list(results["n"]) == [1000, 2000, 4000, 2000]
    assert list(results["kind"]) == 3 * ["growing"] + ["mapped"]
    assert results["n_bytes"].iloc[-1] == 2000 * 5 * 4 and results["converged"].all()
    assert not list(tmp_path.glob("**/*.float32"))


def test_exponent():
    fits = pd.DataFrame({"n": [10, 100, 1000]}).assign(seconds=lambda fit: 1e-6 * fit["n"] ** 1.5)
    assert scale.exponent(fits) == pytest.approx(1.5)
    assert scale.exponent(fits[:1]) is None


def test_rows_are_the_same_in_any_number_of_blocks(monkeypatch):
    (_, X, y), *rest = scale.make_rows(100, 3)
    assert not rest and X.shape == (100, 3) and 10 < y.sum() < 90
    monkeypatch.setattr(scale, "BLOCK", 30)
    assert [block.stop for block, _, _ in scale.make_rows(100, 3)] == [30, 60, 90, 100]


def test_multinomial_problem():
    problem = landmarks.make_problem(*labels(n_classes=3))
    assert isinstance(problem.loss, MultinomialLogLoss) and problem.n_outputs == 3


def tiny_searches():
    """One case of each family, on few rows."""
    few = {"alpha": [1e-1, 1e-2], "l1_ratio": [0.2, 0.8]}
    strengths = partial(search_cases.grid, alpha=few["alpha"])
    both = partial(search_cases.grid, **few)
    binary, table = (
        partial(data.tall_labels, 150, 4, 0.5),
        partial(search_data.generated_houses, 90),
    )
    texts = partial(search_data.generated_texts, 60, 30, 3)
    numbers = partial(search_data.correlated, 60, 200)
    families = {
        "net_labels": (binary, search_cases.ELASTIC_NET_LOGISTIC, both),
        "labels": (binary, search_cases.LOGISTIC, strengths),
        "lasso": (numbers, search_cases.LASSO, partial(search_cases.lasso_path, n_alphas=4)),
        "net": (table, search_cases.ELASTIC_NET, both),
        "texts": (texts, search_cases.MULTINOMIAL, strengths),
    }
    return {
        name: search_cases.Case(name, source, **family | {"settings": settings, "n_splits": 3})
        for name, (source, family, settings) in families.items()
    }


@pytest.mark.filterwarnings("ignore")  # other packages' deprecations
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.exhaustive if name.startswith("net") else ())
        for name in tiny_searches()
    ],
)
def test_all_who_search_mean_the_same(name):
    case = tiny_searches()[name]
    task = case.task()
    exact = case.exact().search(task, task.settings).scores
    assert np.isfinite(exact).all() and np.ptp(exact) > 1e-3
    # skglm compiles for half a minute; celer's LassoCV does not run with scikit-learn 1.9.
    left_out = ("skglm loop", "celer LassoCV")
    others = [rival for rival in case.searches() if rival.name not in left_out]
    assert len(others) >= 5
    for rival in others:
        found = replace(rival, tol=1e-9).search(task, task.settings)
        np.testing.assert_allclose(found.scores, exact, rtol=2e-4, err_msg=rival.name)
        for unit in rival.units(task.settings)[:1]:  # settings alone are found the same
            some = [task.settings[k] for k in unit]
            alone = replace(rival, tol=1e-9).search(task, some).scores
            np.testing.assert_allclose(alone, exact[unit], rtol=2e-4, err_msg=rival.name)


def test_starts_that_are_compared():
    settings = search_cases.grid(None, None, alpha=[0.1, 1.0, 0.01], l1_ratio=[0.2, 0.8])
    strength = np.array([setting["alpha"] for setting in settings])
    order, starts = search_rivals.from_scratch(settings, strength)
    assert (np.diff(strength[order]) <= 0).all() and not any(len(near) for near in starts)
    order, starts = search_rivals.along_paths(settings, strength)
    assert sorted(order) == list(range(6))
    assert [len(near) for near in starts] == [0, 1, 1, 0, 1, 1]
    for position, near in zip(order, starts, strict=True):
        for before in near:
            assert strength[before] == pytest.approx(10 * strength[position])
            assert settings[before]["l1_ratio"] == settings[position]["l1_ratio"]


@pytest.mark.usefixtures("_no_machine")
def test_search_suite(tmp_path, capsys, monkeypatch):
    # Not in a fresh process: that would take seconds to import everything.
    monkeypatch.setattr(search, "in_fresh_process", lambda function, *rest: function(*rest))
    monkeypatch.delenv("NNO_SKLEARN_DATA", raising=False)
    missing = search_cases.Case("missing", partial(data.load, "a9a"), **search_cases.LOGISTIC)
    cases = [tiny_searches()["labels"], missing]
    monkeypatch.setattr(search_cases, "CASES", cases)
    search.run(options_of(search, tmp_path, "--case", "lab", "miss"))
    printed = capsys.readouterr().out
    assert "missing skipped: a9a.svm.bz2" in printed and "Starts of NNOSearchCV" in printed
    results, _ = report.read("search", tmp_path)
    assert (results["case"] == "labels").all() and results["failure"].isna().all()
    lines = results.set_index("search")
    assert {"NNOSearchCV", "GridSearchCV, lbfgs", "LogisticRegressionCV, lbfgs"} <= set(lines.index)
    assert (lines["runs"].drop("NNOSearchCV, exact") == 2).all()
    assert (lines["seconds"] > 0).all() and (lines["n_measured"] == 2).all()
    assert (lines["off_ours"] < 0.01).all() and (lines["off_exact"] < 0.01).all()
    assert list(lines["passes"].notna()) == [name.startswith("NNO") for name in lines.index]
    assert lines["off_ours"]["NNOSearchCV"] == 0 == lines["off_exact"]["NNOSearchCV, exact"]
    assert "## labels: n=150, 2 settings x 3 splits" in (tmp_path / "search.md").read_text()
    cases[0] = replace(cases[0], name="again")
    options = options_of(search, tmp_path, "--case", "again")
    options.append = True
    search.run(options)
    kept, _ = report.read("search", tmp_path)
    assert list(kept["case"].unique()) == ["labels", "again"]
    capsys.readouterr()
    search.run(options_of(search, tmp_path, "--list"))
    assert capsys.readouterr().out.split() == ["again", "missing"]


@dataclass(frozen=True)
class Slow(search_rivals.Grid):
    """Takes as many seconds as alpha says, by a clock of its own."""

    clock: list = field(default_factory=lambda: [0.0])

    def search(self, task, settings):
        seconds = np.array([setting["alpha"] for setting in settings])
        self.clock[0] += seconds.sum()
        return search_rivals.Found(-seconds)

    def refit(self, task, setting):
        self.clock[0] += 100 * setting["alpha"]


@pytest.mark.parametrize(("limit", "count"), [(1000.0, 20), (15.0, 5), (1.0, 2)])
def test_a_share_is_measured_where_all_takes_too_long(limit, count, monkeypatch):
    settings = search_cases.grid(None, None, alpha=np.linspace(2.0, 4.0, 20))
    task = replace(tiny_searches()["labels"].task(), settings=settings)
    rival = Slow("slow", 1e-4)
    monkeypatch.setattr(search.time, "perf_counter", lambda: rival.clock[0])
    trial = search.Trial(rival)
    trial.measure(task, limit)
    record = trial.record(trial, trial)
    assert record["n_measured"] == count and record["off_ours"] == 0
    refit = -100 * record["best_score"]
    assert record["seconds"] == pytest.approx(60 + refit, rel=0.1)
    assert trial.spent == pytest.approx(count / 20 * 60 + refit, rel=0.1)
    assert trial.has_time(2.01 * trial.spent) and not trial.has_time(1.99 * trial.spent)


def test_what_a_rival_raises_is_listed():
    class Broken(search_rivals.Rival):
        def search(self, task, settings):
            raise TypeError("no such argument\nand more")

    trial = search.Trial(Broken("broken", 1e-4))
    trial.measure(tiny_searches()["labels"].task(), np.inf)
    record = trial.record(trial, trial)
    assert record["failure"] == trial.said == "TypeError: no such argument"
    assert record["best_score"] is None and not trial.has_time(np.inf)
    table = search.failure_table(pd.DataFrame([{"case": "labels", **record}]))
    assert table.rows == [["labels", "broken", "TypeError: no such argument"]]


def test_beginnings_are_spread_evenly():
    order = search.evenly_spread(100)
    assert sorted(order) == list(range(100))
    for count in (5, 10, 30):
        assert np.diff(np.sort(order[:count])).max() <= 2.7 * 100 / count
        assert order[:count].mean() == pytest.approx(49.5, abs=15)


@pytest.mark.usefixtures("_no_machine")
def test_score_training_suite(tmp_path, capsys):
    options = options_of(
        score_training, tmp_path, "--data", "breast_cancer", "--table", "two_classes",
        "--splits", "1", "--rows", "100",
    )  # fmt: skip
    score_training.run(options)
    assert "breast_cancer" in capsys.readouterr().out
    results, _ = report.read("score_training", tmp_path)
    assert list(results["score"].unique()) == list(score_training.BINARY_SCORES)
    assert set(results["competitor"]) == {
        *("logistic", "tuned", "nno", "start", "Nelder-Mead", "Powell")
    }
    assert len(results) == 4 * 6  # scores, competitors
    assert "| breast_cancer, f1 |" in (tmp_path / "score_training.md").read_text()


NO_COBYQA = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 14)


@pytest.mark.parametrize(
    "name",
    ["nno_minimize", "Nelder-Mead", "Powell",
     pytest.param("COBYQA", marks=pytest.mark.skipif(NO_COBYQA, reason="scipy >= 1.14 has it"))],
)  # fmt: skip
def test_evaluations_are_counted(name):
    search, sphere = score_training.MINIMISERS[name], score_training.FUNCTIONS["sphere"]
    assert 5 <= score_training._evaluations(sphere, 2, search) <= 200
    assert score_training._evaluations(sphere, 2, lambda *_: None) is None


# It measures what the steps lose on rows sorted by class, of which they warn.
@pytest.mark.filterwarnings("ignore:The latest rows:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("_no_machine")
def test_stream_suite(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(stream, "DRIFT", ("tiny",))
    monkeypatch.setitem(data.SYNTHETIC, "numbers", lambda: (labels()[0], labels()[0] @ np.ones(5)))
    names = ("--data", "tiny", "tiny_classes", "numbers", "--rows", "3000", "--batch", "100")
    stream.run(options_of(stream, tmp_path, *names))
    assert "drift" in capsys.readouterr().out.lower()
    results, _ = report.read("stream", tmp_path)
    of = {group: rows for group, rows in results.groupby("group")}
    assert list(of["shuffled"]["data"].unique()) == ["tiny", "tiny_classes", "numbers"]
    assert list(of["class_sorted"]["data"].unique()) == ["tiny", "tiny_classes"]
    wide = of["shuffled"].pivot(index="data", columns="learner", values="value")
    assert {"gd", "proximal", "SGD default", "SGD best of 10", "reservoir"} <= set(wide)
    assert (wide["nearest_neighbor"] < 1.5 * wide["batch fit"]).all()
    assert (wide["batch fit"] >= 0).all()
    drift = of["drift"].set_index("learner")["value"]
    assert 0.5 < drift["nn, forgetting"] <= 1
    measures = of["throughput"].groupby("measure")["value"]
    assert measures.min()["rows a second"] > 0 and 0 < measures.max()["share of cells"] < 1
    assert "## One shuffled pass" in (tmp_path / "stream.md").read_text()


@pytest.mark.usefixtures("_no_machine")
def test_costs_measures_every_rate(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "LARGE", 1e4)
    monkeypatch.setattr(costs, "FACTOR", 20)
    monkeypatch.setattr(costs, "LANDMARKS", 5)
    monkeypatch.setattr(costs, "GRAMS", (5, 10))
    costs.run(options_of(costs, tmp_path))
    written = pd.read_csv(tmp_path / "costs.csv")
    assert (written["here"] > 0).all()
    assert len(written) == 16
    assert written.loc[written["rate"].str.contains("dense, 10"), "model"].item() == 100 / 16 + 50


@pytest.mark.exhaustive
@pytest.mark.usefixtures("_no_machine")
def test_distributed_counts_trips_and_bytes(tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "COUNTED_LOSSES", ("squared_error", "log_loss"))
    monkeypatch.setattr(distributed, "COUNTED_PENALTIES", ("l2",))
    monkeypatch.setattr(distributed, "BLOCK", 5000)
    given = "--groups", "counts", "larger than memory", "--columns", "20", "--gigabytes", "0.001"
    given += "--conditions", "10", "1e4"
    distributed.run(options_of(distributed, tmp_path, *given))
    assert "counts" in capsys.readouterr().out.lower()
    results, _ = report.read("distributed", tmp_path)
    counts, lazy = (rows for _, rows in results.groupby("group", sort=False))
    assert results["error"].isna().all()
    assert len(counts) == 4 and (counts["trips"] <= 25).all()
    assert (counts["sum_bytes"] <= 0.01 * counts["n_bytes"]).all()
    assert lazy["n"].item() == 6250
