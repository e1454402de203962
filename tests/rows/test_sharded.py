"""Rows in shards: solvers, certificate and Newton need nothing but the interface of rows."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.penalties import L1, L2
from nno_sklearn.problem import Problem
from nno_sklearn.rows import LocalRows
from nno_sklearn.rows.base import inner
from nno_sklearn.solvers import SOLVERS, Status
from nno_sklearn.solvers.newton import newton_step
from tests.problems import LOSSES, make_matrix, make_target, make_weight, solve
from tests.rows.sharded import ShardedRows

N_SAMPLES, TOL = 240, 1e-9
#: More requests for each iteration than any fit here needs.
GENEROUS = 100
CASES = {
    "log_loss-l2": ("log_loss", L2(), {}),
    "log_loss-l1": ("log_loss", L1(), {}),
    "poisson-l2": ("poisson", L2(), {}),
    "huber-l2": ("huber", L2(), {}),
    "lasso": ("squared_error", L1(), {}),
    "several-lasso": ("squared_error", L1(), {"n_outputs": 3}),
    "several-log_loss": ("log_loss", L2(), {"n_outputs": 2}),
    "multinomial-l2": ("multinomial", L2(), {}),
    "multinomial-l1": ("multinomial", L1(), {}),
}
containers = pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])


def make_pair(name, penalty=None, *, n=N_SAMPLES, p=6, alpha=0.02, container=np.asarray,
              n_outputs=None, n_shards=3, fit_intercept=True):  # fmt: skip
    """The same problem over rows in one place and over rows in shards."""
    X, weight = make_matrix(n, p), make_weight(n)
    X[:, -1] = 3.7  # an intercept says all that it could
    y, weight = make_target(name, X, n_outputs), weight / weight.sum()
    X = container(X)
    penalty = L2() if penalty is None else penalty
    given, options = (X, y, weight, LOSSES[name]), {"fit_intercept": fit_intercept}
    local = LocalRows(*given, **options)
    sharded = ShardedRows(*given, **options, n_shards=n_shards)
    return [Problem.over_rows(rows, penalty, alpha) for rows in (local, sharded)]


@containers
@pytest.mark.parametrize("solver", ["gd", "proximal", "nearest_neighbor"])
@pytest.mark.parametrize("name, penalty, options", CASES.values(), ids=CASES)
def test_solvers_need_nothing_but_the_interface(name, penalty, options, solver, container):
    if SOLVERS[solver]().missing(LOSSES[name], penalty):
        pytest.skip("a solver that needs a gradient everywhere")
    local, sharded = make_pair(name, penalty, container=container, **options)
    expected, result = (solve(solver, problem, tol=TOL) for problem in (local, sharded))
    assert expected.status is result.status is Status.CONVERGED
    np.testing.assert_allclose(result.coef, expected.coef, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.intercept, expected.intercept, rtol=0, atol=1e-8)
    assert result.optimality <= TOL
    assert result.n_passes == pytest.approx(expected.n_passes, rel=0.2)
    there = local.at(result.coef, local.inner_intercept(result.coef, result.intercept))
    if "conjugate" in local.provides:
        assert there.dual_gap <= 2 * TOL * local.null.value
    requests, notes = sharded.rows.requests, sharded.rows.notes
    assert requests.total() <= GENEROUS * (1 + result.n_iter), (
        f"{requests.total()} requests in {result.n_iter} iterations: {dict(requests)}; "
        f"{notes.total()} without a reply: {dict(notes)}"
    )
