"""Checks of class labels and class weights."""

from numbers import Real

import numpy as np
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

#: scikit-learn warns of more labels than this, where they are more than half of the rows.
FEW_CLASSES = 20


def distinct_labels(y):
    """The sorted labels of y; raises a ValueError where they are no labels."""
    classes = np.unique(y)
    # Few distinct labels have the kind of all rows, which the check would sort again.
    check_classification_targets(classes if len(classes) <= FEW_CLASSES else y)
    return classes


def is_table(y):
    """Whether targets have several columns: of each row any number of labels."""
    try:
        shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    except ValueError:  # lists of different lengths
        return False
    return len(shape) == 2 and shape[1] > 1


def check_indicator(y):
    """The table of labels in float64; raises a ValueError where it has more than 0 and 1."""
    try:
        strange = np.setdiff1d(y, [0, 1])
    except TypeError:  # of several kinds
        strange = y.ravel()
    if len(strange):
        raise ValueError(
            f"y has {y.shape[1]} columns, so each is to tell by 0 or 1 whether a row has a label, "
            f"but there is {strange[0]!r}. Pass one label per row, or use "
            "sklearn.multioutput.MultiOutputClassifier for several targets with classes of "
            "their own."
        )
    return y.astype(np.float64)


def check_separate(loss, targets):
    """Raise a ValueError for a loss whose outputs are the classes of one label."""
    few = targets[:1]
    if loss.derivatives(few, np.zeros_like(few))[1].coupling is not None:
        raise ValueError(
            f"loss={loss} takes one label per row, as its outputs interact, but y has a column for "
            "each of several. Use 'log_loss', or set of_two_classes to a loss of one output."
        )


def check_classes(classes, known, y):
    """The sorted labels of a stream, given in the first call of partial_fit."""
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


def factors_of_stream(class_weight, classes, mass):
    """Factor of each class, where ``mass`` is the weight of its rows so far.

    It is 1 for classes that "balanced" has not seen.
    """
    seen = mass > 0 if class_weight == "balanced" else np.ones(len(classes), dtype=bool)
    codes, factors = np.arange(np.count_nonzero(seen)), np.ones(len(classes))
    if len(codes):
        factors[seen] = weights_of_classes(class_weight, classes[seen], codes, mass[seen])
    check_factors(factors, classes)
    return factors


def check_factors(factors, classes):
    """Raise a ValueError where a class has no weight."""
    if (factors == 0).any():
        raise ValueError(
            f"class_weight gives the weight 0 to {classes[factors == 0]}: leave out the rows "
            "of that class instead."
        )
