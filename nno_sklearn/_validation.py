"""Checks of what the user passes: data, weights and hyper-parameters."""

import warnings
from inspect import Parameter, signature
from math import frexp
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_consistent_length, validate_data

from nno_sklearn._containers import refuse_lazy
from nno_sklearn._data_checks import (
    X_FORMAT,
    canonical,
    check_any_weight,
    check_sum_of_weights,
    check_table_of_weights,
    check_weight,
    counting_rows,
    effective_rows,
    is_as_validated,
    is_count,
    is_default,
    is_vector_for,
)
from nno_sklearn._dispatch import foreign_rows, foreign_training_rows, stays
from nno_sklearn._foreign import ForeignArray
from nno_sklearn._offset import check_offset
from nno_sklearn._tensors import from_tensor
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import PENALTIES, ElasticNet, NoPenalty, Penalty
from nno_sklearn.solvers import SOLVERS, Solver


def check_names(kind, params, error):
    """Raise an ``error`` where ``params`` has scikit-learn's C for a model without it."""
    if "C" in params and "C" not in signature(kind.__init__).parameters:
        raise error(
            f"{kind.__name__} has no parameter C: the strength of its penalty is alpha, which does "
            "not depend on the number of rows. alpha = 1 / (C * n_samples) is the same strength."
        )


def check_nested(model, params):
    """Raise a ValueError for a parameter of an object, ``penalty__gamma``, where there is only the
    object's name, or none."""
    known = {"penalty": PENALTIES, "solver": SOLVERS, "loss": getattr(model, "named_losses", {})}
    for name in params:
        part, is_nested, _ = name.partition("__")
        value = params.get(part, getattr(model, part, None))
        if is_nested and part in (*known, "stream") and isinstance(value, (str, type(None))):
            kind = known.get(part, {}).get(value)
            such = f", {part}={kind.__name__}()" if kind else ""
            raise ValueError(
                f"{name}: {part}={value!r} is no object, and a name has no parameters. Give an "
                f"object whose parameters are to be set{such}, or in a grid one in each setting."
            )


def check_hyper_parameters(estimator):
    """Raise a ValueError for invalid parameters of an NNO model that are numbers or flags."""
    if not isinstance(estimator.alpha, Real):
        raise ValueError(
            f"alpha={estimator.alpha!r}: it must be a number of at least 0, the strength of the "
            "penalty. NNOSearchCV(model, alphas='auto'), or with alphas=[...], chooses one by "
            "cross-validation."
        )
    check_number("alpha", estimator.alpha, low=0, why="a negative penalty has no optimum")
    check_number("l1_ratio", estimator.l1_ratio, low=0, high=1, why="it is the l1 part's share")
    check_run(estimator, estimator.max_iter, estimator.tol)


def check_run(estimator, max_iter, tol):
    """Raise a ValueError for invalid numbers and flags that say how a run goes."""
    check_number("tol", tol, low=0, why="it bounds the relative duality gap")
    if not is_count(max_iter, 1):
        raise ValueError(
            f"max_iter={max_iter!r}: it counts iterations, so it must be a whole number of at "
            "least 1."
        )
    check_flag("fit_intercept", estimator.fit_intercept)
    check_flag("warm_start", estimator.warm_start)
    check_verbose(estimator.verbose)
    if not is_count(estimator.random_state, 0):
        check_random_state(estimator.random_state)  # it makes a generator, which takes longer


def check_number(name, value, *, low, why, high=np.inf):
    """Raise a ValueError unless ``value`` is a finite number from low to high."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and low <= value <= high and value < np.inf):
        span = f"of at least {low}" if high == np.inf else f"between {low} and {high}"
        raise ValueError(f"{name}={value!r}: it must be a number {span}, since {why}.")


def check_flag(name, value):
    """Raise a ValueError unless ``value`` is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}={value!r}: it is a switch, so it must be True or False.")


def check_verbose(value):
    """Raise a ValueError unless ``value`` is a level of verbosity."""
    if not isinstance(value, (Integral, np.bool_)) or value < 0:
        raise ValueError(
            f"verbose={value!r}: it says how much to print, so it must be True, False or a whole "
            "number of at least 0."
        )


def make_loss(loss, known):
    """The loss of this name, or the user's own object."""
    if isinstance(loss, Loss):
        return loss.resolved()
    return _named("loss", loss, known, Loss, also="a scorer or its name, ")()


def make_score_training(loss, known):
    """The score training that ``loss`` names; None where it is a loss."""
    if isinstance(loss, Loss) or (isinstance(loss, str) and loss in known):
        return None
    from nno_sklearn.score_training import ScoreTraining  # most fits do without these modules

    if isinstance(loss, ScoreTraining):
        return loss
    if callable(loss) and not isinstance(loss, type):
        check_scorer(loss, "loss")
        return ScoreTraining(loss)
    is_scorer = isinstance(loss, str) and loss in get_scorer_names()
    return ScoreTraining(loss) if is_scorer else None


def check_scorer(scorer, name, n_arguments=3):
    """Raise a ValueError for a metric function that is given as a scorer.

    Parameters
    ----------
    scorer : callable
        A scorer is called as ``scorer(estimator, X, y)``, a metric as ``metric(y_true, y_pred)``.
    name : str
        The parameter that it was given for.
    n_arguments : int, default=3
        2 where there are no targets.
    """
    try:
        parameters = signature(scorer).parameters.values()
        signature(scorer).bind(*range(n_arguments))
        is_called_so = True
    except ValueError:  # some callables have no signature
        return
    except TypeError:
        is_called_so = False
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    arguments = [one.name for one in parameters if one.kind in kinds]
    if is_called_so and not (arguments and arguments[0].startswith(("y", "labels_true"))):
        return
    raise ValueError(
        f"{name}={scorer!r} looks like a metric function rather than a scorer: it is called with "
        f"({', '.join(arguments)}), but a scorer with (estimator, X, y). "
        f"sklearn.metrics.make_scorer({getattr(scorer, '__name__', 'metric')}) makes a scorer of a "
        "metric; for an error or a cost add greater_is_better=False."
    )


def make_penalty(estimator):
    """The penalty that an estimator names, or the user's own object."""
    penalty = estimator.penalty
    if isinstance(penalty, str) and penalty == "elasticnet":
        return ElasticNet(estimator.l1_ratio)
    if isinstance(penalty, Penalty):
        found = penalty
    else:
        found = _named("penalty", penalty, {**PENALTIES, None: NoPenalty}, Penalty)()
    if not is_default(estimator, "l1_ratio"):
        _warn_of_unused_share(penalty, estimator.l1_ratio)
    return found


def _warn_of_unused_share(penalty, share):
    """Warn of an l1_ratio beside a penalty that does not use it: searches cross both."""
    remedy = "Use penalty='elasticnet'"
    if isinstance(penalty, Penalty) and "l1_ratio" in penalty.get_params(deep=False):
        remedy = f"Set that of the object, penalty__l1_ratio={share!r}"
    warnings.warn(
        f"l1_ratio={share!r} has no effect with penalty={penalty!r}: it is the share of the l1 "
        f"part in penalty='elasticnet'. {remedy}, or leave l1_ratio out. In a search, give each "
        "penalty a grid of its own, in a list of grids, and no model is fitted twice.",
        UserWarning,
        stacklevel=2,
    )


def make_solver(solver):
    """The solver of this name, or a copy of the user's own object."""
    if isinstance(solver, Solver):
        return clone(solver)
    return _named("solver", solver, SOLVERS, Solver)()


def make_stream(stream, solver):
    """The stream of this name, the solver's own for "auto", or the user's own object."""
    from nno_sklearn.streams import STREAMS, Stream  # only partial_fit needs these modules

    if isinstance(stream, Stream):
        return stream
    name = solver.stream if isinstance(stream, str) and stream == "auto" else stream
    return _named("stream", name, STREAMS, Stream)()


def _named(kind, name, known, base, also=""):
    if isinstance(name, (str, type(None))) and name in known:
        return known[name]
    hint = ""
    if isinstance(name, type) and issubclass(name, base):
        hint = f" {name.__name__} is a class: pass an object, {name.__name__}()."
    choices = ", ".join(repr(choice) for choice in known)
    raise ValueError(
        f"{kind}={name!r} is not known. Use one of {choices}, {also}or a {base.__name__} object."
        f"{hint}"
    )


def check_compatible(parameter, algorithm, name, loss, penalty, penalty_name):
    """Raise a ValueError where a solver cannot take this loss with this penalty.

    Parameters
    ----------
    parameter : str
        The estimator's, which the solver was given for.
    algorithm : Solver
    name : str or Solver
        What the user passed for it.
    loss : Loss
    penalty : Penalty
    penalty_name : str, Penalty or None
    """
    if reason := lacking(algorithm, loss, penalty, penalty_name):
        works = [other for other, kind in SOLVERS.items() if not kind().missing(loss, penalty)]
        raise refusal(
            parameter, name, reason, works, "give the object the methods that are missing"
        )


def refusal(parameter, name, reason, works, otherwise):
    """The ValueError for a solver, or a stream, that ``reason`` keeps from a fit: ``works`` are the
    names of those that would do; ``otherwise`` is what remains where there are none."""
    remedy = (
        f"{parameter.capitalize()}s that accept it: {', '.join(map(repr, works))}."
        if works
        else f"No {parameter} of this package accepts it; {otherwise}."
    )
    return ValueError(f"{parameter}={name!r} {reason}. {remedy}")


def lacking(algorithm, loss, penalty, penalty_name):
    """What a solver, or a stream, needs of a loss and a penalty that they do not have; "" where
    that is nothing."""
    missing = algorithm.missing(loss, penalty)
    if not missing:
        return ""
    kinds = {need.split("|")[0].split(".")[0] for need in missing}
    given = {"penalty": (penalty_name, penalty), "loss": (loss, loss)}
    reasons = []
    for kind in sorted(kinds):
        value, thing = given[kind]
        needs = " and ".join(
            " or ".join(option.split(".")[1] for option in need.split("|"))
            for need in missing
            if need.startswith(kind)
        )
        has = ", ".join(sorted(thing.provides)) or "nothing"
        reasons.append(f"a {kind} with a {needs} everywhere, but {value!r} provides only {has}")
    return f"needs {'; and '.join(reasons)}"


def validated(estimator, X, *y, reset=True, **y_checks):
    """X, or X and y, as scikit-learn's ``validate_data`` returns them, with its errors and
    warnings. Plain arrays that it would return as they are skip its many small steps, which take
    longer than the arithmetic on few rows."""
    if is_as_validated(X) and all(is_vector_for(X, one) for one in y):
        known = vars(estimator).get("n_features_in_")
        if not hasattr(estimator, "feature_names_in_") and (reset or known in (None, X.shape[1])):
            if reset:
                estimator.n_features_in_ = X.shape[1]
            return (X, *y) if y else X
    return validate_data(estimator, X, *y, reset=reset, **X_FORMAT, **y_checks)


def check_training_data(estimator, X, y, sample_weight, offset, **y_checks):
    """X, weights scaled to a maximum of about 1, y, offsets, and the exponent of 2 of that scaling.

    A weight means a repetition: rows of weight 0 have no influence.
    """
    refuse_lazy("This", X, y, sample_weight, offset)
    if stays(X):
        X, y = foreign_training_rows(estimator, X, y, **y_checks)
    else:
        X, y = validated(estimator, from_tensor(X), from_tensor(y), **y_checks)
    weight = check_weight(X, from_tensor(sample_weight))
    check_any_weight(weight)
    offset = check_offset(X, from_tensor(offset))
    # Scaling by a power of two is exact, and keeps sums of weights from overflowing.
    exponent = frexp(weight.max())[1]
    weight = np.ldexp(weight, -exponent)
    return *effective_rows(canonical(X), weight, y, offset), exponent


def check_training_table(estimator, X, y, sample_weight, offset):
    """As :func:`check_training_data`, of outputs that count rows of their own: the weights are
    (n_samples, n_outputs), and targets that are missing (NaN) get the weight and the value 0."""
    refuse_lazy("A table of weights, or y with missing targets,", X, y, sample_weight, offset)
    X = validated(estimator, from_tensor(X))
    y_format = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "input_name": "y"}
    y = check_array(from_tensor(y), **y_format)
    check_consistent_length(X, y)
    weight = check_table_of_weights(y, from_tensor(sample_weight))
    offset = check_offset(X, from_tensor(offset))
    exponent = np.frexp(weight.max())[1]
    return canonical(X), np.ldexp(weight, -exponent), np.nan_to_num(y, nan=0.0), offset, exponent


def sum_of_weights(weight, exponent):
    """Sum of weights in the user's units, before their scaling by ``2**-exponent``; (n_outputs,) of
    a table of weights."""
    with np.errstate(over="ignore"):
        total = np.ldexp(weight.sum(axis=0), exponent)
    return float(total) if weight.ndim == 1 else total


def check_batch(estimator, X, y, sample_weight, offset, *, begins, **y_checks):
    """X, weights, y and offsets of the rows of a batch with positive weight; there may be none.

    The first batch of a stream fixes the number of features and their names.
    """
    refuse_lazy("partial_fit", X, y, sample_weight, offset)
    X, y = validated(estimator, from_tensor(X), from_tensor(y), reset=begins, **y_checks)
    weight = check_weight(X, from_tensor(sample_weight))
    check_sum_of_weights(weight)
    return counting_rows(canonical(X), weight, y, check_offset(X, from_tensor(offset)))


def check_new_data(estimator, X):
    """X for a fitted model."""
    refuse_lazy("This", X)
    if isinstance(X, ForeignArray):
        return foreign_rows(estimator, X.array, reset=False)
    return validated(estimator, from_tensor(X), reset=False)
