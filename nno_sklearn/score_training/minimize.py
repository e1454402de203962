"""Minimise a function of a few numbers without its gradient, by models of the nearest points."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import OptimizeResult
from sklearn.utils import check_random_state

from nno_sklearn._data_checks import is_count
from nno_sklearn._distances import check_metric
from nno_sklearn.score_training.trust_region import TrustRegionSearch
from nno_sklearn.types import Metric, RandomState


def nno_minimize(
    fun: Callable[..., Any],
    x0: ArrayLike,
    args: tuple[Any, ...] = (),
    bounds: Any = None,
    *,
    tol: float = 1e-8,
    max_evaluations: int | None = None,
    initial_radius: float | None = None,
    n_neighbors: int | None = None,
    metric: Metric = "euclidean",
    callback: Callable[[OptimizeResult], object] | None = None,
    random_state: RandomState = None,
) -> OptimizeResult:
    """Local minimum of ``fun`` by nearest neighbours in parameter space; no gradient is needed.

    All points tried are kept with their values. The best point's nearest ones give a quadratic
    model: of all that interpolate them, the one whose Hessian changes least (Powell, 2006). The
    next point is the model's minimum within a radius (a trust region), which grows where the model
    predicts the decrease well and shrinks where it does not; where the neighbours do not span a
    direction, the next point goes there.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``, a number or an array of one; nan counts as inf.
    x0 : array-like of shape (n_parameters,), or a number
        ``fun`` is given arrays in any case.
    args : tuple, default=()
        Further arguments of ``fun``; anything but a tuple is a single argument.
    bounds : sequence of (low, high) or Bounds, default=None
        None for a side without a bound. No point outside is tried.
    tol : float, default=1e-8
        The search ends once the radius is below ``tol`` times the first one.
    max_evaluations : int, default=None
        None: 500 times the number of parameters.
    initial_radius : float, default=None
        Distance in which the first points are tried, in units of the parameters; None: a tenth
        of the largest entry of ``x0``, at least 0.1, and not more than a quarter of the bounds.
    n_neighbors : int, default=None
        Points that the model interpolates. None: d + 1 more than the (d + 1)(d + 2) / 2 that
        determine a quadratic function of d parameters.
    metric : str or callable, default="euclidean"
        Distance between points, as in :class:`sklearn.neighbors.NearestNeighbors`.
    callback : callable, default=None
        ``callback(intermediate_result)`` after each step, an OptimizeResult with ``x`` and
        ``fun``; it ends the search by raising StopIteration.
    random_state : int, RandomState instance or None, default=None
        Seed of the side on which a missing direction is tried.

    Returns
    -------
    scipy.optimize.OptimizeResult
        With ``x``, ``fun``, ``nfev``, ``nit``, ``success``, ``status`` (0: the radius is small;
        1: the evaluations are used up; 2: the callback said so; 3: ``fun`` is nan or infinite at
        ``x0`` and at all points around it; 4: ``fun`` is -inf) and ``message``.

    Raises
    ------
    ValueError
        Where ``x0`` or an option is invalid, or ``fun`` does not return a number.

    References
    ----------
    M. J. D. Powell (2006): The NEWUOA software for unconstrained optimization without
    derivatives. In: Large-Scale Nonlinear Optimization, 255-297.

    Examples
    --------
    The example of the articles: two parameters, a bowl.

    >>> from nno_sklearn import nno_minimize
    >>> result = nno_minimize(lambda x: (x[0] - 1) ** 2 + (x[1] + 2) ** 2, [5.0, 5.0])
    >>> [round(float(value), 4) for value in result.x], result.success
    ([1.0, -2.0], True)
    """
    x0 = np.atleast_1d(np.array(x0, dtype=float))
    if x0.ndim != 1 or not len(x0) or not np.isfinite(x0).all():
        raise ValueError(f"x0={x0!r}: it must be a vector of at least one finite number.")
    low, high = _bounds(bounds, len(x0))
    if max_evaluations is None:
        max_evaluations = 500 * len(x0)
    for name, value in (("max_evaluations", max_evaluations), ("n_neighbors", n_neighbors)):
        if value is not None and not is_count(value, 1):
            raise ValueError(f"{name}={value!r}: it is a count, so it must be at least 1.")
    if not tol >= 0:
        raise ValueError(f"tol={tol!r}: it must be at least 0, as it is a share of the radius.")
    check_metric(metric)
    if initial_radius is None:
        initial_radius = max(0.1, 0.1 * np.abs(x0).max())
        initial_radius = min(initial_radius, 0.25 * (high - low).min())
    if not 0 < initial_radius < np.inf:
        raise ValueError(f"initial_radius={initial_radius!r}: it must be a positive number.")
    if n_neighbors is None:
        n_neighbors = (len(x0) + 1) * (len(x0) + 4) // 2
    args = args if isinstance(args, tuple) else (args,)
    search = TrustRegionSearch(
        lambda x: _number(fun(x, *args)),
        (low, high),
        np.clip(x0, low, high),
        initial_radius,
        max_evaluations,
        n_neighbors,
        metric,
        check_random_state(random_state),
    )
    return search.run(tol * initial_radius, callback)


def _bounds(bounds, size):
    if bounds is None:
        return np.full(size, -np.inf), np.full(size, np.inf)
    if hasattr(bounds, "lb"):
        low, high = (np.broadcast_to(side, size) for side in (bounds.lb, bounds.ub))
    else:
        low = np.array([-np.inf if pair[0] is None else pair[0] for pair in bounds], dtype=float)
        high = np.array([np.inf if pair[1] is None else pair[1] for pair in bounds], dtype=float)
    if low.shape != (size,) or not (low < high).all():
        raise ValueError(
            f"bounds={bounds!r}: one pair (low, high) with low < high is needed for each of the "
            f"{size} parameters. Leave a fixed parameter out of x."
        )
    return low, high


def _number(value):
    number = np.asarray(value)
    if number.size != 1 or number.dtype.kind not in "biuf":
        raise ValueError(f"fun returned {value!r}, but it must return one number.")
    return float(number.item())
