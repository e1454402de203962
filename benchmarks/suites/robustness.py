"""Random awkward problems: "nearest_neighbor" must never cost much more than plain "gd".

Sizes, scales, tails, duplicated, constant and rare columns, outlier rows, unbalanced classes and
all losses are drawn at random; problem i is the same on every machine. Costs are passes over X,
of which landmarks are a share, and processor time, which has the metrics and searches too.
"""

import json
import warnings
from dataclasses import asdict, dataclass
from time import process_time

import numpy as np
from rich.console import Console
from scipy import sparse

from benchmarks import data, environment
from benchmarks.report import Table, number
from benchmarks.suites.landmarks import make_problem
from nno_sklearn.losses import (
    Gamma,
    Huber,
    LogLoss,
    ModifiedHuber,
    MultinomialLogLoss,
    Poisson,
    SquaredError,
    SquaredHinge,
)
from nno_sklearn.penalties import L2
from nno_sklearn.problem import Problem
from nno_sklearn.solvers import GradientDescent, NearestNeighborSolver

REAL = ("ijcnn1", "cod_rna", "a9a", "w8a", "covtype_20k", "mnist_odd")
LOSSES = (
    SquaredError(),
    Huber(),
    Poisson(),
    Gamma(),
    LogLoss(),
    MultinomialLogLoss(),
    SquaredHinge(),
    ModifiedHuber(),
)
LABELS = (LogLoss, SquaredHinge, ModifiedHuber)
TRAITS = (
    *("sparse", "ill-conditioned", "heavy tails", "duplicated", "constant", "rare", "outliers"),
    *("units", "shifted", "unbalanced", "weights"),
)
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)


def add_arguments(parser):
    """Say how many problems."""
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--max-iter", type=int, default=500, help="of gd; a fit's limit")
    parser.add_argument("--tol", type=float, default=1e-6)
    parser.add_argument("--worst", type=int, default=15, help="problems that are listed")
    parser.add_argument("--no-real", action="store_true", help="leave out the real sets")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of problems")


def run(options):
    """Solve all problems with both solvers."""
    console, results = Console(), []
    if not console.is_terminal:
        console.width = 140
    random_problem(0)[0].null  # noqa: B018  # what a first use costs is nobody's
    count = min(options.problems, 40) if options.quick else options.problems
    machine = environment.describe(options.threads)
    with console.status("") as status:
        for case in options.only or range(count):
            status.update(f"problem {case}")
            problem, traits = random_problem(case)
            label = f"{case} {type(problem.loss).__name__}"
            results.append(compare(label, problem, traits, options))
        for name in () if options.no_real or options.only or options.quick else REAL:
            status.update(name)
            try:
                problem = make_problem(*data.load(name))
            except data.MissingDataError as error:
                console.print(f"{name} skipped: {error}")
                continue
            results.append(compare(name, problem, ("real",), options))
    tables = [quantile_table(results), worst_table(results, options.worst)]
    if any("real" in result.traits for result in results):
        tables.append(real_table(results))
    tables += [table for table in [error_table(results)] if table.rows]
    for table in tables:
        console.print(table.rich())
    plain = {"environment": machine, "problems": [asdict(result) for result in results]}
    (options.output / "robustness.json").write_text(json.dumps(plain, indent=1) + "\n")
    text = "\n".join(table.markdown() for table in tables)
    (options.output / "robustness.md").write_text(f"# Robustness\n\n{_LEGEND}\n\n{text}")
    console.print(f"written to {options.output}")


def random_problem(seed):
    """A problem and the names of its awkward traits, the same for the same seed."""
    rng = np.random.default_rng([2024, seed])
    loss = LOSSES[seed % len(LOSSES)]
    n, p = int(10 ** rng.uniform(np.log10(20), np.log10(5000))), int(10 ** rng.uniform(0, 2.477))
    has = {trait: bool(rng.random() < 0.3) for trait in TRAITS}
    X = rng.standard_normal((n, p))
    if has["heavy tails"]:
        X = rng.standard_t(2, (n, p))
    if has["ill-conditioned"]:
        X = X * np.logspace(0, -rng.uniform(2, 5), p) @ np.linalg.qr(rng.normal(size=(p, p)))[0]
    if has["sparse"]:
        X[rng.random((n, p)) > rng.uniform(0.02, 0.3)] = 0.0
    if has["rare"]:
        columns = rng.random(p) < 0.5
        X[:, columns] = rng.random((n, columns.sum())) < 3 / n
    if has["duplicated"] and p > 1:
        X[:, p // 2 :] = X[:, : p - p // 2]
    if has["constant"]:
        X[:, rng.integers(p)] = rng.normal()
    if has["outliers"]:
        X[rng.integers(n, size=max(1, n // 500))] *= 100
    # What decides the target is seen before the units are drawn.
    spread = X.std(axis=0)
    eta = X / np.where(spread > 0, spread, 1.0) @ rng.standard_normal(p) / np.sqrt(p)
    eta = np.clip(2 * eta, -6, 6) - (4 if has["unbalanced"] else 0)
    if has["units"]:
        X = X * 10 ** rng.uniform(-4, 4, p)
    if has["shifted"] and not has["sparse"]:
        X = X + X.std(axis=0) * rng.normal(0, 10, p)
    X = sparse.csr_array(X) if has["sparse"] else X
    weight = rng.exponential(size=n) if has["weights"] else None
    alpha = 10 ** rng.uniform(-6, 0)
    y = _target(loss, eta, rng)
    problem = Problem(X, y, loss, L2(), alpha, sample_weight=weight)
    return problem, tuple(trait for trait in TRAITS if has[trait])


def _target(loss, eta, rng):
    if isinstance(loss, LABELS):
        y = (rng.logistic(size=len(eta)) < eta).astype(float)
        y[:2] = 0.0, 1.0
        return y[:, None]
    if isinstance(loss, MultinomialLogLoss):
        centres = np.array([-2.0, 0.0, 2.0])
        choice = (-np.abs(eta[:, None] - centres) + rng.gumbel(size=(len(eta), 3))).argmax(axis=1)
        choice[:3] = 0, 1, 2
        return np.eye(3)[choice]
    if isinstance(loss, Poisson):
        y = rng.poisson(np.exp(eta)).astype(float)
        y[0] = max(y[0], 1.0)
    elif isinstance(loss, Gamma):
        y = np.exp(eta) * rng.gamma(2.0, 0.5, len(eta)) + 1e-6
    else:
        y = eta + rng.standard_t(3, len(eta))
    return y[:, None]


@dataclass
class Outcome:
    """One problem under both solvers; costs are processor time in seconds and passes."""

    name: str
    n: int
    p: int
    alpha: float
    traits: tuple[str, ...]
    passes: dict
    status: dict
    optimality: dict
    seconds: dict
    #: Objective of nearest_neighbor minus that of gd, relative to the constant model's.
    excess: float

    @property
    def ratio(self):
        """Passes of nearest_neighbor over those of gd."""
        return self.passes["nn"] / self.passes["gd"]

    @property
    def time_ratio(self):
        """Processor time of nearest_neighbor over that of gd."""
        return self.seconds["nn"] / self.seconds["gd"]

    @property
    def is_worse(self):
        """Whether gd got there and nearest_neighbor did not."""
        return self.status["gd"] == "CONVERGED" != self.status["nn"]


def compare(name, problem, traits, options):
    """Solve one problem with both solvers, within the same number of iterations.

    Costs are those to the accuracy asked for, or to the best that both have reached.
    """
    problem.null.gradient  # noqa: B018  # neither pays for what is computed once
    solvers = {"gd": GradientDescent(), "nn": NearestNeighborSolver(n_neighbors=None)}
    fits = {key: _solve(problem, solver, options) for key, solver in solvers.items()}
    reached = [min(r.optimality for r in one.history) for one in fits.values() if one.history]
    target = max([options.tol, *reached])
    costs = {key: one.cost(target) for key, one in fits.items()}
    last = {key: one.history[-1] if one.history else None for key, one in fits.items()}
    objective = [np.nan if record is None else record.objective for record in last.values()]
    excess = (objective[1] - objective[0]) / max(problem.null.value, 1e-300)
    return Outcome(
        name=name,
        n=problem.n_samples,
        p=problem.n_features,
        alpha=problem.alpha,
        traits=tuple(traits),
        passes={key: max(passes, 1.0) for key, (passes, _) in costs.items()},
        seconds={key: max(seconds, 1e-6) for key, (_, seconds) in costs.items()},
        status={key: one.status for key, one in fits.items()},
        optimality={key: record and record.optimality for key, record in last.items()},
        excess=float(excess),
    )


@dataclass
class _Fit:
    """A run: its records, how it ended, and the passes and processor time it took in all."""

    history: list
    status: str
    passes: float
    seconds: float

    def cost(self, target):
        """Passes and seconds to the first record that is so accurate."""
        for record in self.history:
            if record.optimality <= target:
                missing = self.history[-1].n_passes - record.n_passes
                # Records have the wall's time, which is only good for a share of the processor's.
                share = record.seconds / self.history[-1].seconds if missing else 1.0
                return self.passes - missing, self.seconds * share
        return self.passes, self.seconds


def _solve(problem, solver, options):
    before, start, history = problem.n_passes, process_time(), []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = solver.solve(
                problem, problem.null, max_iter=options.max_iter, tol=options.tol, random_state=0
            )
            history, status = result.history, result.status.name
        except Exception as error:  # what a user would see; a table lists it
            status = f"{type(error).__name__}: {error}"[:80]
    return _Fit(history, status, problem.n_passes - before, process_time() - start)


def quantile_table(results):
    """Quantiles of the ratios, over all problems and over those with each trait."""
    columns = ("problems", "number", *(f"{q:.0%}" for q in QUANTILES), "time 50%", "time 100%")
    table = Table("Passes of nearest_neighbor ÷ passes of gd", (*columns, "fails"))
    for trait in ("all", *TRAITS, "real"):
        group = [one for one in results if trait == "all" or trait in one.traits]
        if not group:
            continue
        values = np.quantile([one.ratio for one in group], QUANTILES)
        times = np.quantile([one.time_ratio for one in group], (0.5, 1.0))
        fails = sum(one.is_worse for one in group)
        cells = (number(float(value)) for value in (*values, *times))
        table.rows.append([trait, str(len(group)), *cells, str(fails)])
    return table


def worst_table(results, count):
    """The problems where nearest_neighbor fares worst."""
    order = sorted(results, key=lambda one: (one.is_worse, one.ratio), reverse=True)
    return _listing(f"The {min(count, len(order))} worst", order[:count])


def real_table(results):
    """The real sets."""
    return _listing("Real sets", [one for one in results if "real" in one.traits])


def _listing(title, results):
    columns = ("problem", "n", "p", "alpha", "gd", "nn", "ratio", "time", "ended", "excess")
    table = Table(title, (*columns, "traits"))
    for one in results:
        passes = (number(one.passes[key]) for key in ("gd", "nn"))
        ended = "/".join(one.status[key].split(":")[0][:9].lower() for key in ("gd", "nn"))
        ended = "both" if ended == "converged/converged" else ended
        sizes = str(one.n), str(one.p), f"{one.alpha:.0e}"
        ratios = number(one.ratio), number(one.time_ratio)
        line = (one.name, *sizes, *passes, *ratios, ended, f"{one.excess:.0e}")
        table.rows.append([*line, " ".join(trait[:5] for trait in one.traits)])
    return table


def error_table(results):
    """What was raised, warnings included."""
    table = Table("Errors and warnings", ("problem", "solver", "text"))
    for one in results:
        for key, text in one.status.items():
            if ":" in text:
                table.rows.append([one.name, key, text])
    return table


_LEGEND = """\
*ratio* is passes over X of nearest_neighbor (its landmarks count as their share) over those of gd,
*time* the same of processor time, metrics and searches included; *excess* the difference of the
objectives relative to the constant model's. Costs are those to the accuracy asked for, or to the
best that both reached within the limit of iterations. *fails* counts problems that gd solved and
nearest_neighbor did not; *ended* is "both" where both converged."""
