"""How labels and probabilities become targets of outputs, in a fit and in batches of a stream."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import column_or_1d

from nno_sklearn._labels import (
    ClassMass,
    are_probabilities,
    by_class,
    check_factors,
    check_indicator,
    check_masses,
    check_separate,
    check_takes_shares,
    classes_of_stream,
    distinct_labels,
    factors_of_stream,
    is_table,
    probabilities_by_class,
    warn_of_constants,
    weights_of_classes,
)
from nno_sklearn._offset import offset_of_outputs
from nno_sklearn._validation import check_batch, check_training_data, sum_of_weights
from nno_sklearn.losses import Loss
from nno_sklearn.rows import Labels, reweighted
from nno_sklearn.session import TrainingData
from nno_sklearn.types import Matrix


class ClassTargets:
    """Targets of a classifier: one output for two classes, else one for each class or label."""

    loss: Any
    class_weight: dict[Any, float] | str | None
    fit_intercept: bool
    classes_: NDArray[Any]
    multilabel_: bool
    #: The classes of all rows, where ``prepare`` gets them part by part.
    surveyed: ClassMass | None = None

    def prepare(
        self,
        X: Matrix,
        y: Any,
        sample_weight: ArrayLike | None,
        loss: Loss,
        offset: ArrayLike | None = None,
    ) -> TrainingData:
        """Check and encode data; see :meth:`nno_sklearn.session.SessionModel.prepare`."""
        if is_table(y):
            return self._prepare_table(X, y, sample_weight, loss, offset)
        X, weight, y, offset, exponent = check_training_data(
            self, X, y, sample_weight, offset, multi_output=False
        )
        if self.surveyed is None:
            (classes, mass), codes = ClassMass.of(y, weight)
        else:
            (classes, mass), codes = self.surveyed, np.searchsorted(self.surveyed.classes, y)
        factors = weights_of_classes(self.class_weight, classes, mass)
        if np.count_nonzero(factors) < 2:
            raise ValueError(
                f"y has only one class with a positive weight, {classes[factors > 0]}, but a "
                "classifier needs at least 2 classes. Check the labels, sample_weight and "
                "class_weight."
            )
        check_factors(factors, classes)
        self.classes_, self.multilabel_ = classes, False
        loss, n_outputs = self._loss_of_classes(loss), self._n_outputs
        if loss.has_intercepts:
            loss, n_outputs = self._at_shares(loss, mass * factors), 1
        targets = Labels(codes, n_outputs) if n_outputs > 1 else codes[:, None].astype(float)
        weight = weight * factors[codes]
        total, offsets = sum_of_weights(weight, exponent), self._spread(offset, n_outputs)
        return TrainingData(X, targets, weight, loss, total, offsets)

    def survey(self, y: Any, sample_weight: ArrayLike | None = None) -> ClassMass:
        """What :meth:`prepare` must know of all rows, where it gets them part by part."""
        y = column_or_1d(y)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        weight = np.broadcast_to(weight, y.shape)
        found, _ = ClassMass.of(y[weight > 0], weight[weight > 0])
        return found

    def _prepare_table(self, X, y, sample_weight, loss, offset):
        """Data of rows with a number for each class: probabilities, or which labels they have."""
        if self._score_training() is not None:
            raise ValueError(
                f"loss={self.loss!r} is a score, which is trained for one label per row, but y has "
                "a column for each of several. Use a loss such as 'log_loss', or "
                "sklearn.multioutput.MultiOutputClassifier, which trains each column."
            )
        columns = getattr(y, "columns", None)
        y = y.toarray() if sparse.issparse(y) else y
        X, weight, y, offset, exponent = check_training_data(
            self, X, y, sample_weight, offset, multi_output=True
        )
        encode = self._encode_shares if are_probabilities(y) else self._encode_indicator
        targets, weight, loss = encode(y, columns, weight, loss)
        total, offsets = sum_of_weights(weight, exponent), self._spread(offset, targets.shape[1])
        return TrainingData(X, targets, weight, loss, total, offsets)

    def _encode_shares(self, y, columns, weight, loss):
        """Targets of rows that count for each class as much as its probability."""
        check_takes_shares(loss, self.loss)
        self.classes_, shares = probabilities_by_class(y, columns)
        self.multilabel_ = False
        mass = weight @ shares
        check_masses(mass, self.classes_)
        factors = weights_of_classes(self.class_weight, self.classes_, mass)
        check_factors(factors, self.classes_)
        shares, weight = reweighted(shares, weight, factors)
        return shares[:, -self._n_outputs :], weight, self._loss_of_classes(loss)

    def _encode_indicator(self, y, columns, weight, loss):
        """Targets of rows with any number of labels: an output for each; they do not interact."""
        if self.class_weight is not None:
            raise ValueError(
                f"class_weight={self.class_weight!r} is for one label per row, but y has a column "
                "for each of several. Use sample_weight, or "
                "sklearn.multioutput.MultiOutputClassifier, which weighs each column."
            )
        targets = check_indicator(y)
        warn_of_constants(targets, weight, "Label")
        loss = loss.of_two_classes() if loss.of_two_classes is not None else loss
        check_separate(loss, targets)
        self.classes_, self.multilabel_ = np.arange(y.shape[1]), True
        return targets, weight, loss

    def _spread(self, offset, n_outputs):
        return offset_of_outputs(offset, n_outputs, is_coupled=not self.multilabel_)

    @property
    def _n_outputs(self):
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    def _loss_of_classes(self, loss):
        """The loss for as many outputs as the classes have."""
        if loss.of_two_classes is not None and self._n_outputs == 1:
            return loss.of_two_classes()  # two classes need one output: half the size
        return loss

    def _at_shares(self, loss, mass):
        """A loss of ordered classes at the intercepts of the constant model."""
        if not self.fit_intercept:
            raise ValueError(
                f"fit_intercept=False, but loss={self.loss!r} tells {len(mass)} ordered classes "
                "apart by intercepts between them. Leave fit_intercept at True."
            )
        return loss.at_intercepts(loss.link(mass / mass.sum()))

    def _prepare_batch(self, X, y, sample_weight, offset, loss, *, begins, classes):
        known = getattr(self, "classes_", None)  # of the stream, or of a fit before it
        known = None if begins and classes is not None else known
        encode = self._shares_of_batch if is_table(y) else self._labels_of_batch
        return encode(X, y, sample_weight, offset, loss, begins, classes, known)

    def _labels_of_batch(self, X, y, sample_weight, offset, loss, begins, classes, known):
        X, weight, y, offset = check_batch(
            self, X, y, sample_weight, offset, begins=begins, multi_output=False
        )
        classes = classes_of_stream(classes, known, distinct_labels(y))
        codes = np.searchsorted(classes, y)
        mass = np.bincount(codes, weight, len(classes))
        shares = np.asarray(Labels(codes, len(classes)))
        parts = self._learn_classes(classes, mass, loss, begins)
        return self._batch(X, shares, weight, offset), *parts

    def _shares_of_batch(self, X, y, sample_weight, offset, loss, begins, classes, known):
        check_takes_shares(loss, self.loss)
        columns = getattr(y, "columns", None)
        X, weight, y, offset = check_batch(
            self, X, y, sample_weight, offset, begins=begins, multi_output=True
        )
        given = known if classes is None else np.unique(classes)
        named, shares = probabilities_by_class(y, columns, given)
        begun = named if classes is None and known is None else classes
        classes = classes_of_stream(begun, known, named)
        shares = by_class(shares, named, classes)
        parts = self._learn_classes(classes, weight @ shares, loss, begins)
        return self._batch(X, shares, weight, offset), *parts

    def _batch(self, X, shares, weight, offset):
        from nno_sklearn.streams import Batch

        targets = shares[:, -self._n_outputs :]
        return Batch(X, targets, weight, self._spread(offset, self._n_outputs))

    def _learn_classes(self, classes, mass, loss, begins):
        """The loss and the factors of the classes, which weigh ``mass`` in this batch; and how
        outputs change where there are more classes than before."""
        before, widening = (classes if begins else self.classes_), None
        loss_before = None if begins else self._loss_of_classes(loss)
        self.classes_, self.multilabel_ = classes, False
        loss = self._loss_of_classes(loss)
        if len(classes) > len(before):
            from nno_sklearn.streams.widening import Widening

            widening = Widening.between(before, classes, loss_before, loss)
            self._class_mass = widening.masses(self._class_mass)
        self._class_mass = mass if begins else self._class_mass + mass
        return loss, factors_of_stream(self.class_weight, classes, self._class_mass), widening
