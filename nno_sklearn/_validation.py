"""What comes from the user: data, weights and hyper-parameters, checked in one place."""

from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_array, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from nno_sklearn.losses import Loss, MetricLoss
from nno_sklearn.penalties import L1, L2, ElasticNet, NoPenalty, Penalty
from nno_sklearn.solvers import SOLVERS, Solver

PENALTIES = {"l1": L1, "l2": L2, "elasticnet": ElasticNet}
#: scikit-learn warns of more labels than this, where they are more than half of the rows.
FEW_CLASSES = 20
X_FORMAT = {
    "accept_sparse": ("csr", "csc"),
    "accept_large_sparse": True,
    "dtype": (np.float64, np.float32),
}


@contextmanager
def unharmed(estimator):
    """Leave an estimator as it was where an error passes through; gives a function that does it."""
    before = dict(vars(estimator))

    def restore():
        vars(estimator).clear()
        vars(estimator).update(before)

    try:
        yield restore
    except Exception:
        restore()
        raise


def check_hyper_parameters(estimator):
    """Raise a ValueError for numbers that no fit can use."""
    _check_number(estimator, "alpha", low=0, why="a negative penalty has no optimum")
    _check_number(estimator, "l1_ratio", low=0, high=1, why="it is the share of the l1 part")
    _check_number(estimator, "tol", low=0, why="it bounds the relative duality gap")
    max_iter = estimator.max_iter
    if not isinstance(max_iter, Integral) or isinstance(max_iter, bool) or max_iter < 1:
        raise ValueError(
            f"max_iter={max_iter!r}: it counts iterations, so it must be a whole number of at "
            "least 1."
        )


def _check_number(estimator, name, *, low, why, high=np.inf):
    value = getattr(estimator, name)
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and low <= value <= high and np.isfinite(value)):
        span = f"at least {low}" if high == np.inf else f"between {low} and {high}"
        raise ValueError(f"{name}={value!r}: it must be a number of {span}, since {why}.")


def make_loss(loss, known):
    """The loss that a name stands for, or the user's own object."""
    if isinstance(loss, Loss):
        return loss
    if callable(loss) and not isinstance(loss, type):
        return MetricLoss(loss)
    if isinstance(loss, str) and loss not in known and loss in get_scorer_names():
        return MetricLoss(loss)
    return _named("loss", loss, known, Loss, also="a scorer or its name, ")()


def make_penalty(penalty, l1_ratio):
    """The penalty that a name stands for, or the user's own object."""
    if isinstance(penalty, Penalty):
        return penalty
    if penalty is None:
        return NoPenalty()
    if isinstance(penalty, str) and penalty == "elasticnet":
        return ElasticNet(l1_ratio)
    return _named("penalty", penalty, {**PENALTIES, None: NoPenalty}, Penalty)()


def make_solver(solver):
    """The solver that a name stands for, or the user's own object."""
    if isinstance(solver, Solver):
        return solver
    return _named("solver", solver, SOLVERS, Solver)()


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


def check_compatible(solver, solver_name, loss, penalty, penalty_name):
    """Raise a ValueError where a solver cannot minimise this loss with this penalty."""
    missing = solver.missing(loss, penalty)
    if not missing:
        return
    works = [repr(name) for name, kind in SOLVERS.items() if not kind().missing(loss, penalty)]
    remedy = (
        f"Solvers that accept it: {', '.join(works)}."
        if works
        else "No solver of this package accepts it; give the object the methods that are missing."
    )
    kinds = {need.split("|")[0].split(".")[0] for need in missing}
    given = {"penalty": (penalty_name, penalty), "loss": (getattr(loss, "scorer", loss), loss)}
    reasons = []
    for kind in sorted(kinds):
        name, thing = given[kind]
        needs = " and ".join(
            " or ".join(option.split(".")[1] for option in need.split("|"))
            for need in missing
            if need.startswith(kind)
        )
        has = ", ".join(sorted(thing.provides)) or "nothing"
        reasons.append(f"a {kind} with a {needs} everywhere, but {name!r} provides only {has}")
    raise ValueError(f"solver={solver_name!r} needs {'; and '.join(reasons)}. {remedy}")


def check_training_data(estimator, X, y, sample_weight, **y_checks):
    """X, y and weights (float64, all positive) of the rows that count.

    A weight means a repetition, so rows of weight 0 are left out altogether.
    """
    X, y = validate_data(estimator, X, y, **X_FORMAT, **y_checks)
    weight = _checked_weight(X, sample_weight)
    if not weight.any():
        raise ValueError(
            "sample_weight: every weight is zero, so no row is left to fit. Give at least one "
            "row a positive weight."
        )
    # A power of two changes no digit; sums of the user's own numbers might overflow.
    weight = np.ldexp(weight, -np.frexp(weight.max())[1])
    return _counting_rows(X, y, weight)


def check_batch(estimator, X, y, sample_weight, *, begins, **y_checks):
    """X, y and weights of the rows of a batch that count; there may be none.

    The first batch of a stream fixes the number of features and their names.
    """
    X, y = validate_data(estimator, X, y, reset=begins, **X_FORMAT, **y_checks)
    weight = _checked_weight(X, sample_weight)
    with np.errstate(over="ignore"):
        if not np.isfinite(weight.sum()):
            raise ValueError(
                "sample_weight: the sum overflows. Divide the weights of the whole stream by a "
                "constant."
            )
    return _counting_rows(X, y, weight)


def _checked_weight(X, sample_weight):
    """Weights >= 0, one per row."""
    if sample_weight is None:
        return np.ones(X.shape[0])
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.ndim != 1:
        raise ValueError(
            f"sample_weight has shape {weight.shape}, but one number per row is needed: pass an "
            f"array of shape ({X.shape[0]},). Sample weights must be 1D array or scalar."
        )
    check_consistent_length(X, weight)
    if (weight < 0).any():
        raise ValueError(
            f"sample_weight has a negative entry ({weight.min():g}), but a weight counts "
            "repetitions of a row. Use weights >= 0."
        )
    return weight


def _counting_rows(X, y, weight):
    counts = weight > 0
    if counts.all():
        return X, y, weight
    X = X.tocsr() if sparse.issparse(X) else X
    return X[counts], y[counts], weight[counts]


def distinct_labels(y):
    """The sorted labels of y; raises a ValueError where they are no labels."""
    classes = np.unique(y)
    # A few tell their kind as well as all rows do, which would be sorted again for it.
    check_classification_targets(classes if len(classes) <= FEW_CLASSES else y)
    return classes


def check_classes(classes, known, y):
    """The sorted labels of a stream, which the first call of partial_fit names."""
    if known is None and classes is None:
        raise ValueError(
            "classes must be passed on the first call to partial_fit: the labels that the whole "
            "stream may have, for instance classes=np.unique(all_labels)."
        )
    given = known if classes is None else np.unique(classes)
    if known is not None and not np.array_equal(given, known):
        raise ValueError(
            f"classes={given} differs from {known}, which the first call of partial_fit fixed."
        )
    if len(given) < 2:
        raise ValueError(
            f"classes={given} has only one class, but a classifier needs at least 2 classes."
        )
    strange = np.setdiff1d(y, given)
    if len(strange):
        raise ValueError(
            f"y has labels that are not in classes: {strange}. The first call of partial_fit "
            "must name all labels of the stream."
        )
    return given


def check_online(solver, solver_name):
    """Raise a ValueError where a solver cannot learn from a stream."""
    if not solver.learns_online:
        works = ", ".join(repr(name) for name, kind in SOLVERS.items() if kind().learns_online)
        raise ValueError(
            f"solver={solver_name!r} has no partial_solve, which partial_fit needs. Give it one, "
            f"use one of {works}, or call fit with all rows."
        )


def check_new_data(estimator, X):
    """X for a fitted model."""
    return validate_data(estimator, X, reset=False, **X_FORMAT)


def weights_of_classes(class_weight, classes, codes, weight):
    """Factor of each class; "balanced" gives all classes the same total weight."""
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return weight.sum() / (len(classes) * np.bincount(codes, weight, len(classes)))
    numbers = isinstance(class_weight, dict) and all(
        isinstance(factor, Real) for factor in class_weight.values()
    )
    if not numbers:
        raise ValueError(
            f"class_weight={class_weight!r} is not known. Use None, 'balanced', or a dict that "
            "gives a weight per class label."
        )
    factors = compute_class_weight(class_weight, classes=classes, y=classes[codes])
    if not (np.isfinite(factors) & (factors >= 0)).all():
        raise ValueError(
            f"class_weight={class_weight!r} has a negative or infinite entry, or NaN, but it "
            "multiplies sample weights. Use finite factors >= 0."
        )
    return factors
