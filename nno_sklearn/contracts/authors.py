"""``check_loss``, ``check_penalty``, ``check_solver``, ``check_stream``: full tests for authors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from nno_sklearn.contracts.answers import array_of, broken
from nno_sklearn.contracts.loss import examine_loss, examine_loss_on
from nno_sklearn.contracts.penalty import check_elementwise_prox, examine_penalty
from nno_sklearn.contracts.solver_runs import posed_problems, run_all
from nno_sklearn.contracts.stream import run_stream
from nno_sklearn.losses import Curvature, Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.solvers import Solver
from nno_sklearn.streams import Stream

N_ROUNDS = 2
SIZES = (0.1, 1.0, 10.0)
#: Raw predictions at which no result may be NaN.
EXTREME = (40.0, 800.0, 1e8)


def check_loss(loss: Loss, y: ArrayLike | None = None) -> None:
    """Test that the methods of a loss are consistent with each other, as fits need them.

    Shapes, independence of the rows, the gradient and curvature against differences, Fenchel's
    inequality for the conjugate, class attributes such as ``constant_curvature``, float32, raw
    predictions as large as 1e8, and arguments that must not be changed in place; on random
    targets, with one and with three outputs.

    Parameters
    ----------
    loss : Loss
        An object, not the class.
    y : array-like of shape (n_samples, n_outputs), default=None
        Targets to try. By default random labels 0 and 1, positive numbers, and numbers of either
        sign, as far as ``probabilistic``, ``positive_target`` and ``check_target`` allow.

    Raises
    ------
    ValueError
        At the first violation: the class, the method, what it returned against what
        is expected, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import Loss, check_loss
    >>> class LogCosh(Loss):
    ...     def value(self, y, eta):
    ...         return np.logaddexp(eta - y, y - eta) - np.log(2)
    ...     def gradient(self, y, eta):
    ...         return np.tanh(eta - y)
    >>> check_loss(LogCosh())
    """
    _check_object(loss, Loss, {"value"})
    rng = np.random.RandomState(0)
    targets = _targets(loss, rng) if y is None else [np.atleast_2d(np.asarray(y, dtype=float))]
    for few in targets:
        for _ in range(N_ROUNDS):
            examine_loss_on(loss, few, rng)
        for size in SIZES:
            eta, other = size * rng.normal(size=(2, *few.shape))
            examine_loss(loss, few, eta, other, size, rng)
        _check_extremes(loss, few, rng)
        _check_float32(loss, few, rng)


def check_penalty(
    penalty: Penalty,
    n_features: int = 5,
    n_outputs: Sequence[int] = (1, 3),
    feature_names: Sequence[str] | None = None,
) -> None:
    """Test that the methods of a penalty agree with each other, and with what fits ask of them.

    Shapes, the gradient against differences, the prox as a minimiser, also with a step for each
    coefficient, Moreau's identity and Fenchel's inequality where there is a conjugate, and
    whether ``dual_scaling`` ends in its domain, and the penalty on some of the features and
    outputs.

    Parameters
    ----------
    penalty : Penalty
        An object, not the class. An adaptive one is tried as random coefficients make it.
    n_features : int, default=5
        How many, for a penalty that depends on it.
    n_outputs : sequence of int, default=(1, 3)
        It is tried for each of these numbers of outputs.
    feature_names : sequence of str, default=None
        For a penalty that knows features by their names.

    Raises
    ------
    ValueError
        At the first violation: the class, the method, what it returned against what
        is expected, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import Penalty, check_penalty
    >>> class NonNegative(Penalty):
    ...     def value(self, w):
    ...         return 0.0 if (w >= 0).all() else np.inf
    ...     def prox(self, w, step):
    ...         return np.maximum(w, 0.0)
    >>> check_penalty(NonNegative())
    """
    _check_object(penalty, Penalty, {"value"})
    penalty.check_parameters()
    rng = np.random.RandomState(0)
    for number in n_outputs:
        shape = n_features, number
        if penalty.is_adaptive:
            penalty = penalty.adapted(rng.normal(size=shape))
        bound = penalty.bind(*shape, feature_names)
        for size in SIZES:
            examine_penalty(bound, shape, rng, size)
            if "prox" in bound.provides:
                check_elementwise_prox(bound, size * rng.normal(size=shape), rng)


def check_solver(solver: Solver) -> None:
    """Test what a solver returns on small problems of the losses and penalties that it accepts.

    Shapes, the objective and the certificate of what it returned, ``max_iter``, ``tol`` and
    ``callback``, the same result for the same ``random_state``, and a start that is used and not
    changed.

    Parameters
    ----------
    solver : Solver
        An object, not the class.

    Raises
    ------
    ValueError
        At the first violation: the class, what it returned against what is
        expected, and what to do.

    Examples
    --------
    >>> from nno_sklearn import GradientDescent, check_solver
    >>> check_solver(GradientDescent(n_corrections=5))
    """
    _check_object(solver, Solver, set())
    solver.check_parameters()
    problems = posed_problems(solver)
    if not problems:
        raise ValueError(_nothing_to_run_on(solver))
    for problem in problems:
        run_all(solver, problem)


def check_stream(stream: Stream) -> None:
    """Test what a stream's ``learn`` returns for two small batches.

    The shapes of ``coef`` and ``intercept``, that the state before and the stream's own
    parameters are not changed.

    Parameters
    ----------
    stream : Stream
        An object, not the class.

    Raises
    ------
    ValueError
        At the first violation: the class, what it returned against what is
        expected, and what to do.

    Examples
    --------
    >>> from nno_sklearn import CellStream, check_stream
    >>> check_stream(CellStream(n_cells=20))
    """
    _check_object(stream, Stream, set())
    stream.check_parameters()
    if not run_stream(stream):
        raise ValueError(_nothing_to_run_on(stream))


def _nothing_to_run_on(thing):
    return (
        f"{type(thing).__name__}.requires = {sorted(thing.requires)}: no loss and penalty of this "
        "package has that, so nothing can be tested. Name what they provide, such as "
        "'loss.gradient' and 'penalty.prox'."
    )


def _check_object(thing, base, methods):
    if not isinstance(thing, base):
        raise ValueError(f"{thing!r} is no {base.__name__} object. Pass an object, not a class.")
    try:
        clone(thing)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"{type(thing).__name__} cannot be cloned: {error}. Let __init__ keep each parameter "
            "under its own name, and do nothing else."
        ) from error
    missing = sorted(methods - getattr(thing, "provides", set()))
    if missing:
        raise ValueError(f"{type(thing).__name__} has no {missing[0]}. Write that method.")


def _targets(loss, rng):
    """Random targets that a loss accepts, with one output, and with three."""
    shapes = [(12, 3)] if _is_coupled(loss) else [(12, 1), (12, 3)]
    found = [y for shape in shapes for y in _kinds(loss, shape, rng) if _accepts(loss, y)]
    if not found:
        raise ValueError(
            f"{type(loss).__name__}.check_target accepts neither labels nor numbers. Pass targets "
            "that it accepts: check_loss(loss, y)."
        )
    return found


def _kinds(loss, shape, rng):
    n, n_outputs = shape
    labels = rng.randint(2, size=shape).astype(float)
    if _is_coupled(loss):
        labels = np.eye(n_outputs)[rng.randint(n_outputs, size=n)]
    if loss.probabilistic:
        return [labels]
    positive = rng.gamma(2.0, size=shape)
    return [labels, positive] + ([] if loss.positive_target else [5.0 * rng.normal(size=shape)])


def _is_coupled(loss):
    if type(loss).curvature is Loss.curvature:  # differences of the gradient
        return False
    y = np.eye(3)
    return Curvature.of(loss.curvature(y, np.zeros_like(y))).coupling is not None


def _accepts(loss, y):
    try:
        loss.check_target(y)
    except ValueError:
        return False
    return True


def _check_extremes(loss, y, rng):
    signs = rng.choice([-1.0, 1.0], y.shape)
    methods = ["value", *(["gradient"] if "gradient" in loss.provides else [])]
    with np.errstate(all="ignore"):
        for size in EXTREME:
            for method in methods:
                array_of(loss, method, y, size * signs, shape=y.shape)
            array_of(loss, "predict", size * signs, shape=y.shape)


def _check_float32(loss, y, rng):
    """Float32 arrays must give the same numbers."""
    eta = rng.normal(size=y.shape).astype(np.float32)
    target = y.astype(np.float32)
    for method in sorted({"value", "gradient"} & loss.provides):
        found = array_of(loss, method, target, eta, shape=y.shape)
        exact = target.astype(float), eta.astype(float)
        expected = array_of(loss, method, *exact, shape=y.shape)
        if not np.allclose(found, expected, rtol=1e-3, atol=1e-3):
            raise broken(
                loss,
                method,
                f"returned up to {np.abs(found - expected).max():g} else for float32 arrays",
                "Compute in float64 where float32 does not do.",
            )
