"""Trials find the solvers that would take much too long."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from nno_sklearn import NNOClassifier
from nno_sklearn.cli.trials import find_too_slow


class Slowly(BaseEstimator):
    """A model that takes ``cost`` seconds an iteration, each of which gains ``places``."""

    def __init__(self, clock, cost, places, max_iter=1000, tol=1e-4, late=0):
        self.clock, self.cost, self.places = clock, cost, places
        self.max_iter, self.tol, self.late = max_iter, tol, late

    def fit(self, X, y):
        self.history_ = []
        for k in range(self.max_iter):
            self.clock.now += self.cost
            gained = self.places * max(k - self.late, 0)
            record = SimpleNamespace(seconds=(k + 1) * self.cost, optimality=10.0 ** (2 - gained))
            self.history_.append(record)
            self.converged_ = record.optimality <= self.tol
            if self.converged_:
                break
        self.n_iter_ = len(self.history_)
        return self


class Clock:
    """Stands for the module ``time``."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def __deepcopy__(self, memo):
        return self


class TestSlowSolvers:
    @pytest.fixture
    def clock(self, monkeypatch):
        clock = Clock()
        monkeypatch.setattr("nno_sklearn.cli.trials.time", clock)
        return clock

    def test_are_found_before_they_have_cost_much(self, clock):
        models = {
            "slow": Slowly(clock, cost=0.1, places=0.01),  # 60 s
            "fast": Slowly(clock, cost=0.01, places=2),  # 0.04 s
            "middle": Slowly(clock, cost=0.01, places=0.1),  # 0.6 s
        }
        (name, why), *others = find_too_slow(models, None, None).items()
        assert (name, others) == ("slow", [])
        assert "A trial of 16 iterations predicts 60 s for a fit, and fast took 0.04 s" in why
        assert clock.now < 3

    def test_are_left_out_only_where_that_saves_much(self, clock):
        models = {
            "slow": Slowly(clock, cost=0.001, places=0.01),  # 0.6 s
            "fast": Slowly(clock, cost=0.0001, places=2),
        }
        assert find_too_slow(models, None, None) == {}

    def test_do_not_go_beyond_max_iter(self, clock):
        models = {
            "stuck": Slowly(clock, cost=0.1, places=0, max_iter=40),  # 4 s
            "fast": Slowly(clock, cost=0.02, places=2),
        }
        assert find_too_slow(models, None, None) == {}
        models["stuck"].set_params(max_iter=400)
        assert "predicts 40 s" in find_too_slow(models, None, None)["stuck"]

    def test_where_nobody_converges_nobody_is_slow(self, clock):
        models = {
            "slow": Slowly(clock, cost=1.0, places=0, max_iter=5),
            "fast": Slowly(clock, cost=0.001, places=0, max_iter=5),
        }
        assert find_too_slow(models, None, None) == {}

    def test_are_told_below_the_table(self, compare, monkeypatch):
        def find(models, X, y):
            assert set(models) == {"gd", "proximal"}
            assert X.shape == (len(y), 30) and len(y) == 284
            return {"proximal": "A trial predicts a lot"}

        monkeypatch.setattr("nno_sklearn.cli.contenders.find_too_slow", find)
        options = ("--cv", "2", "--baseline")
        _, out, _ = compare(*options, "--solver", "proximal", "gd")
        assert "proximal: not run. A trial predicts a lot; --solver proximal alone runs it" in out
        assert [line.split()[0] for line in out.splitlines() if "±" in line][-3:] == [
            "gd", "LogisticRegression", "majority"
        ]  # fmt: skip
        # Alone it has nobody to be compared with.
        _, out, _ = compare(*options, "--solver", "proximal")
        assert "not run" not in out

    def test_the_real_ones_are_not(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(200, 5))
        y = X[:, 0] + rng.normal(size=200) > 0
        solvers = ("gd", "nearest_neighbor", "proximal")
        models = {solver: NNOClassifier(solver=solver, alpha=0.01) for solver in solvers}
        assert find_too_slow(models, X, y) == {}
