"""Checks of class labels and class weights."""

import warnings
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

#: How far from 1 probabilities of a row may add up: tables in files have few digits, and numbers of
#: bfloat16 are off by up to 2^-8 of themselves.
SUM_TOLERANCE = 4e-3
#: scikit-learn warns of more labels than this, where they are more than half of the rows.
FEW_CLASSES = 20
#: Kinds of numpy's types whose values are labels, whatever they are: no fractions.
DISCRETE = "biuU"


def distinct_labels(y):
    """The sorted labels of y; raises a ValueError where they are no labels."""
    classes = np.unique(y)
    is_few = len(classes) <= FEW_CLASSES
    if not (is_few and classes.dtype.kind in DISCRETE):
        # Few distinct labels have the kind of all rows, which the check would sort again.
        check_classification_targets(classes if is_few else y)
    return classes


class ClassMass(NamedTuple):
    """The sorted classes of some rows, and the weight of each."""

    classes: Any
    mass: Any

    @classmethod
    def of(cls, y, weight):
        """Those of these rows, and the number of each row's class."""
        classes = distinct_labels(y)
        codes = np.searchsorted(classes, y)  # faster than return_inverse of np.unique
        return cls(classes, np.bincount(codes, weight, len(classes))), codes

    @classmethod
    def merged(cls, parts):
        """Those of all rows, from parts of them."""
        parts = [one for one in parts if len(one.classes)]
        if not parts:
            return cls(np.empty(0), np.empty(0))
        classes = np.unique(np.concatenate([one.classes for one in parts]))
        mass = np.zeros(len(classes))
        for one in parts:
            mass[np.searchsorted(classes, one.classes)] += one.mass
        return cls(classes, mass)


def is_table(y):
    """Whether targets have several columns: of each row any number of labels."""
    try:
        shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    except ValueError:  # lists of different lengths
        return False
    return len(shape) == 2 and shape[1] > 1


def are_probabilities(y):
    """Whether each row of a table has probabilities of classes, some of them neither 0 nor 1."""
    return bool(_add_up(y) and ((y > 0) & (y < 1)).any())


def as_in_all_rows(part, whole):
    """The y of some rows, which means what it means among all rows.

    Some rows of probabilities may all be sure of their class. By themselves they would be taken for
    an indicator of several labels; their classes as labels say the same.

    Parameters
    ----------
    part, whole : array-like or data frame
    """
    if not is_table(whole) or sparse.issparse(whole):
        return part
    table = np.asarray(part)
    if are_probabilities(table) or not are_probabilities(np.asarray(whole)):
        return part
    classes = np.asarray(getattr(part, "columns", np.arange(table.shape[1])))
    return classes[table.argmax(axis=1)]


def _add_up(y):
    """Whether all numbers of a table are at least 0, and those of each row sum to 1."""
    if y.dtype.kind not in "fiub" or not (y >= 0).all():
        return False
    return bool((np.abs(y.sum(axis=1, dtype=float) - 1.0) <= SUM_TOLERANCE).all())


def probabilities_by_class(y, columns, known=None):
    """The sorted classes of a table of probabilities, and its columns in their order.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_classes)
    columns : sequence or None
        Names of the columns; None where they have none.
    known : ndarray of shape (n_classes,), default=None
        Sorted classes, those of columns without names; 0, 1, ... by default.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    probability : ndarray of shape (n_samples, n_classes), float64
        Rows sum to 1.
    """
    if not _add_up(y):
        raise ValueError(
            "partial_fit learns one label per row, or probabilities of the classes, but y has "
            "several columns whose rows do not sum to 1. Divide counts by their sum, and pass the "
            "sums as sample_weight. Any number of labels per row: "
            "sklearn.multioutput.MultiOutputClassifier learns each column; fit takes all."
        )
    if columns is None:
        columns = np.arange(y.shape[1]) if known is None else known
    columns = np.asarray(columns)
    classes, order = np.unique(columns, return_index=True)
    if len(classes) != len(columns) or len(columns) != y.shape[1]:
        raise ValueError(
            f"y has {y.shape[1]} columns for the {len(classes)} classes {classes}: it needs "
            "one column for each class."
        )
    probability = y.astype(np.float64)
    probability /= probability.sum(axis=1, keepdims=True)
    return classes, probability[:, order] if (np.diff(order) != 1).any() else probability


def check_takes_shares(loss, name):
    """Raise a ValueError for a loss, called ``name`` by the user, of one label per row."""
    if not loss.takes_shares:
        raise ValueError(
            f"loss={name!r} takes one label per row, but y has probabilities of each class. Use "
            "loss='log_loss'; for another loss repeat the rows, once for each class, with its "
            "probabilities as sample_weight. (A Loss object whose conjugate holds for shares of "
            "classes, too, says so by takes_shares = True.)"
        )


def check_masses(mass, classes):
    """Raise a ValueError where a class has the probability 0 in each row that counts."""
    if not mass.all():
        raise ValueError(
            f"y gives the classes {classes[mass == 0]} the probability 0 in each row with a "
            "positive weight, so no intercept is low enough for them. Leave out their columns."
        )


def check_indicator(y):
    """The table of labels as 0 and 1 in float64; raises a ValueError where it has more than 0 and
    1, or -1 and 1 as margins do."""
    try:
        strange = y.ravel() if y.dtype.kind in "SU" else np.setdiff1d(y, [0, 1])
        are_signs = len(strange) and y.dtype.kind in "if" and not len(np.setdiff1d(y, [-1, 1]))
        strange = [] if are_signs else strange
    except TypeError:  # of several kinds
        strange = y.ravel()
    if len(strange):
        raise ValueError(
            f"y has {y.shape[1]} columns, so each is to tell by 0 or 1 (or by -1 or 1) whether a "
            f"row has a label, but there is {strange[0]!r}. Pass one label per row, or "
            "probabilities of the classes (each row with a sum of 1), or use "
            "sklearn.multioutput.MultiOutputClassifier for several targets with classes of their "
            "own."
        )
    return (y > 0).astype(np.float64)


def warn_of_constants(targets, weight, what):
    """Warn of columns that are 0 in every row of positive weight, or 1: no finite intercept is the
    best, and the prediction is that constant.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    what : str
        What a column is.
    """
    counting = targets[weight > 0]
    for constant in (0, 1):
        for k in np.flatnonzero((counting == constant).all(axis=0)):
            warnings.warn(
                f"{what} {k} is {constant} in all training rows, so that nothing is learnt of it: "
                f"{constant} is predicted, as if it were certain. Leave it out, or add rows where "
                "it is not.",
                UserWarning,
                stacklevel=2,
            )


def check_separate(loss, targets):
    """Raise a ValueError for a loss whose outputs are the classes of one label."""
    few = targets[:1]
    if loss.derivatives(few, np.zeros_like(few))[1].coupling is not None:
        raise ValueError(
            f"loss={loss} takes one label per row, as its outputs interact, but y has a column for "
            "each of several. Use 'log_loss', or set of_two_classes to a loss of one output."
        )


def classes_of_stream(classes, known, labels):
    """The sorted labels of a stream: those named or known so far, and the new ones.

    Parameters
    ----------
    classes : array-like or None
        What the user names in this call of partial_fit.
    known : ndarray or None
        Those so far; None in the first call.
    labels : ndarray
        Those of the batch, sorted, each once.
    """
    if known is None and classes is None:
        raise ValueError(
            "classes must be passed on the first call to partial_fit: the labels that the "
            "stream may have, for instance classes=np.unique(all_labels)."
        )
    given = known if classes is None else np.unique(classes)
    if known is not None and not len(_others(given, known)):
        given = known  # as named in an earlier call, before others appeared
    elif known is not None and len(np.setdiff1d(known, given)):
        raise ValueError(
            f"classes={given} has new ones, but lacks some of {known}, which the stream has "
            "outputs for. Leave classes out, or name these too."
        )
    if len(given) < 2:
        raise ValueError(
            f"classes={given} has only one class, but a classifier needs at least 2 classes."
        )
    are_words = [one.dtype.kind in "OSU" for one in (labels, given)]
    if len(labels) and are_words[0] != are_words[1]:
        raise ValueError(
            f"y has labels of another type, such as {labels[0]!r}, than classes={given}. Use "
            "labels of one type in all batches."
        )
    return np.union1d(given, labels) if len(_others(labels, given)) else given


def _others(labels, known):
    """Labels, sorted, that are not among those known; most batches have just these."""
    return labels[:0] if np.array_equal(labels, known) else np.setdiff1d(labels, known)


def by_class(shares, named, classes):
    """Columns for all classes, from those of the classes that a table names; others are 0."""
    if len(named) == len(classes):
        return shares
    whole = np.zeros((len(shares), len(classes)))
    whole[:, np.searchsorted(classes, named)] = shares
    return whole


def weights_of_classes(class_weight, classes, mass):
    """Factor of each class, whose rows weigh ``mass``; "balanced" makes all weigh the same."""
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return mass.sum() / (len(classes) * mass)
    numbers = isinstance(class_weight, dict) and all(
        isinstance(factor, Real) for factor in class_weight.values()
    )
    if not numbers:
        raise ValueError(
            f"class_weight={class_weight!r} is not known. Use None, 'balanced', or a dict that "
            "gives a weight per class label."
        )
    factors = compute_class_weight(class_weight, classes=classes, y=classes)
    if not (np.isfinite(factors) & (factors >= 0)).all():
        raise ValueError(
            f"class_weight={class_weight!r} has a negative or infinite entry, or NaN, but it "
            "multiplies sample weights. Use finite factors >= 0."
        )
    return factors


def factors_of_stream(class_weight, classes, mass):
    """Factor of each class, where ``mass`` is the weight of its rows so far.

    It is 1 for classes that "balanced" has not seen.
    """
    seen = mass > 0 if class_weight == "balanced" else np.ones(len(classes), dtype=bool)
    factors = np.ones(len(classes))
    if seen.any():
        factors[seen] = weights_of_classes(class_weight, classes[seen], mass[seen])
    check_factors(factors, classes)
    return factors


def check_factors(factors, classes):
    """Raise a ValueError where a class has no weight."""
    if (factors == 0).any():
        raise ValueError(
            f"class_weight gives the weight 0 to {classes[factors == 0]}: leave out the rows "
            "of that class instead."
        )
