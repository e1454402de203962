"""A small stream on which :func:`check_stream` runs a stream's algorithm."""

import numpy as np

from nno_sklearn.contracts.answers import as_array, broken
from nno_sklearn.losses import SquaredError
from nno_sklearn.penalties import L1, L2
from nno_sklearn.streams import Batch, StreamObjective

N_SAMPLES, N_FEATURES = 60, 4
MAX_ITER, TOL = 300, 1e-5


def run_stream(stream):
    """Raise a ValueError where ``learn`` violates its contract; False if it takes no penalty."""
    loss = SquaredError()
    penalties = [one for one in (L2(), L1()) if not stream.missing(loss, one)]
    for penalty in penalties:
        objective = StreamObjective(loss, penalty, 0.05)
        _learn_twice(stream.select(objective, N_FEATURES), objective)
    return bool(penalties)


def _learn_twice(stream, objective):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_SAMPLES, N_FEATURES)) * [1.0, 2.0, 0.5, 1.0] + [0.0, 1.0, 0.0, -1.0]
    y = X @ rng.normal(size=(N_FEATURES, 1)) + rng.normal(size=(N_SAMPLES, 1))
    state, parameters = None, repr(stream.get_params())
    for rows in (slice(0, 30), slice(30, 60)):
        before = None if state is None else np.array(state.coef)
        old, batch = state, Batch(X[rows], y[rows], np.ones(30))
        state = stream.learn(old, batch, objective, max_iter=MAX_ITER, tol=TOL)
        for name, shape in (("coef", (N_FEATURES, 1)), ("intercept", (1,))):
            if not hasattr(state, name):
                found = f"returned a {type(state).__name__} without {name}"
                raise broken(stream, "learn", found, "Return a state that has it.")
            as_array(stream, "learn", getattr(state, name), shape)
        if before is not None and not np.array_equal(old.coef, before):
            found = "changed the state that it was given"
            raise broken(stream, "learn", found, "Return a new state.")
    if repr(stream.get_params()) != parameters:
        found = "changed the stream's own parameters"
        raise broken(stream, "learn", found, "Keep what moves in the state.")
