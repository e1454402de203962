"""Short products take one thread of BLAS, whatever the user's setting, which is restored."""

from itertools import count
from threading import Barrier, Thread

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from nno_sklearn import NNORegressor
from nno_sklearn.problem.cost import parallel
from nno_sklearn.session import threads
from nno_sklearn.solvers import GradientDescent
from tests.problems import make_matrix


def threads_of(api):
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == api}


def blas_threads():
    return threads_of("blas")


@pytest.fixture(autouse=True)
def not_the_first(monkeypatch):
    """As if this process had fitted before."""
    monkeypatch.setattr(threads, "_brief_fits", count(1))


class Watching(GradientDescent):
    """Notes the threads that its runs may use; waits for the other runs of ``barrier``."""

    def __init__(self, seen=None, barrier=None):
        super().__init__()
        self.seen, self.barrier = seen, barrier

    def __sklearn_clone__(self):
        return self

    def solve(self, *args, **kwargs):
        self.seen.append(blas_threads())
        if self.barrier is not None:
            self.barrier.wait(timeout=60)
        return super().solve(*args, **kwargs)


@pytest.mark.parametrize(
    ("least", "never", "n_threads"), [(np.inf, 0, {1}), (0, 0, {2}), (np.inf, np.inf, {2})]
)
def test_only_long_products_use_threads(least, never, n_threads, monkeypatch):
    """And the shortest ones, for which BLAS starts none, leave the setting as it is."""
    monkeypatch.setattr(parallel, "LEAST_THREADED", least)
    monkeypatch.setattr(parallel, "NEVER_THREADED", never)
    monkeypatch.setattr(parallel, "NEVER_THREADED_HESSIAN", never)
    X = make_matrix()
    y = X.sum(axis=1)
    seen = []
    with threadpool_limits(2, user_api="blas"):
        NNORegressor(solver=Watching(seen)).fit(X, y)
        assert blas_threads() == {2}
    assert set().union(*seen) == n_threads


def test_the_first_brief_fit_of_a_process_looks_for_no_libraries(monkeypatch):
    """It is over before they are found; the second has its limit."""
    monkeypatch.setattr(threads, "_brief_fits", count())
    X = np.repeat(make_matrix(), 60, axis=0)
    y = X.sum(axis=1)
    seen = []
    with threadpool_limits(2, user_api="blas"):
        for n_threads in (2, 1):
            seen.clear()
            NNORegressor(solver=Watching(seen)).fit(X, y)
            assert set().union(*seen) == {n_threads}


def test_nothing_is_limited_where_the_libraries_have_one_thread(monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("a limit")

    X = np.repeat(make_matrix(), 60, axis=0)  # long enough for a limit
    y = X.sum(axis=1)
    monkeypatch.setattr(ThreadpoolController, "limit", refuse)
    with threadpool_limits(2, user_api="blas"), pytest.raises(RuntimeError, match="a limit"):
        NNORegressor().fit(X, y)
    with threadpool_limits(1):
        assert NNORegressor().fit(X, y).converged_


def test_a_long_first_fit_has_its_limit(monkeypatch):
    monkeypatch.setattr(threads, "_brief_fits", count())
    monkeypatch.setattr(parallel, "BRIEF", 0)
    X = np.repeat(make_matrix(), 60, axis=0)
    seen = []
    with threadpool_limits(2, user_api="blas"):
        NNORegressor(solver=Watching(seen)).fit(X, X.sum(axis=1))
    assert set().union(*seen) == {1}


def test_fits_in_threads_restore_the_setting():
    X = np.repeat(make_matrix(), 60, axis=0)  # long enough for a limit
    y = X.sum(axis=1)
    before, seen, barrier = blas_threads(), [], Barrier(2)
    for _ in range(3):
        fits = [
            Thread(target=NNORegressor(solver=Watching(seen, barrier)).fit, args=(X, y))
            for _ in range(2)
        ]
        for fit in fits:
            fit.start()
        for fit in fits:
            fit.join()
    assert len(seen) >= 6
    assert blas_threads() == before


def test_a_fit_that_fails_restores_the_setting():
    class Failing(GradientDescent):
        def solve(self, *args, **kwargs):
            raise RuntimeError("no run")

    X = np.repeat(make_matrix(), 60, axis=0)  # long enough for a limit
    y = X.sum(axis=1)
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(RuntimeError, match="no run"):
            NNORegressor(solver=Failing()).fit(X, y)
        assert blas_threads() == {2}


def test_searches_for_neighbours_in_a_short_fit_use_one_thread():
    class Searching(GradientDescent):
        def solve(self, *args, **kwargs):
            seen.update(threads_of("openmp"))
            return super().solve(*args, **kwargs)

    X = np.repeat(make_matrix(), 60, axis=0)
    seen = set()
    with threadpool_limits(2, user_api="openmp"):
        NNORegressor(solver=Searching()).fit(X, X.sum(axis=1))
        assert threads_of("openmp") == {2}
    assert seen == {1}
