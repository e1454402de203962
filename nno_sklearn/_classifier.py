"""NNOClassifier."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._class_targets import ClassTargets
from nno_sklearn._containers import by_parts, scored_by_parts
from nno_sklearn._data_checks import are_vectors
from nno_sklearn._dispatch import follows_rows, scored_beside_rows
from nno_sklearn._linear_model import LinearModel
from nno_sklearn._offset import given_offset
from nno_sklearn._online import learns_in_batches
from nno_sklearn.losses import (
    Hinge,
    Loss,
    ModifiedHuber,
    MultinomialLogLoss,
    Ordinal,
    SquaredHinge,
)
from nno_sklearn.penalties import Penalty
from nno_sklearn.solvers import Solver
from nno_sklearn.types import Array, Matrix, RandomState

if TYPE_CHECKING:
    from nno_sklearn.score_training import ScoreTraining
    from nno_sklearn.streams import Stream

#: Share of the sizes of their terms by which decision values may differ by rounding; and share of
#: the largest value within which another is looked at.
ROUNDING, NEAR = 8 * np.finfo(float).eps, 1e-5


def _has_probabilities(self):
    if self._score_training() is not None or not self._loss().probabilistic:
        raise AttributeError(
            f"loss={self.loss!r} gives no probabilities. Use loss='log_loss' or "
            "'modified_huber', or wrap the model in CalibratedClassifierCV."
        )
    return True


def _with_ties(score, X, coef, intercept):
    """Scores of classes, those set to the largest of their row that differ from it by rounding.

    Rows at the corners of two classes' losses tie exactly at an optimum; then the first of these
    classes decides, whatever other rows are predicted with one.
    """
    top, farthest = score.max(axis=1, keepdims=True), np.abs(intercept).max()
    is_near = score >= top - NEAR * (np.abs(top) + farthest)
    rows = np.flatnonzero(np.asarray(is_near.sum(axis=1)) > 1)
    if not len(rows):
        return score
    sizes = np.asarray(abs(coef).sum(axis=0)).ravel()
    rounding = np.zeros((len(score), 1))
    rounding[rows, 0] = ROUNDING * (np.asarray(abs(X[rows]) @ sizes) + farthest)
    return np.where(score >= top - rounding, top, score)


class NNOClassifier(ClassifierMixin, ClassTargets, LinearModel):
    """Linear classification with any loss, penalty and solver, to a certified optimum.

    Minimises::

        F(w, b) = sum_i s_i loss(y_i, x_i w + b + o_i) / sum_i s_i + alpha * penalty(w)

    ``alpha`` does not depend on the number of rows, and the intercept b is never penalised. The
    weights s and offsets o are arguments of :meth:`fit`, 1 and 0 by default.

    Parameters
    ----------
    loss : {"log_loss", "hinge", "squared_hinge", "modified_huber", "ordinal"}, scorer, \
            ScoreTraining or Loss, default="log_loss"
        "log_loss" is logistic regression, joint (multinomial) for more than two classes;
        "hinge" the support vector machine, certified by its dual, "squared_hinge" the smooth one,
        and "modified_huber" its variant that is robust to outliers (Zhang, 2004): these three, and
        a Loss object whose outputs are not coupled, fit each class against the rest.
        "ordinal" is for classes in an order, that of ``classes_``: one coefficient per feature,
        and an intercept for each pair of neighbours (:class:`~nno_sklearn.losses.Ordinal`).
        A scorer ("f1", "balanced_accuracy", "roc_auc", ... or ``make_scorer(...)``) is maximised
        itself, by a search that starts at the optimum of F with the log-loss and tuned
        thresholds; ``ScoreTraining("f1", cv=10)`` chooses its folds. The model has no
        probabilities, so scorers of probabilities are refused.
    penalty : {"l2", "l1", "elasticnet", "group_lasso", "mcp", "scad", "slope", \
"fused_lasso", None} or Penalty, default="l2"
        "l2" is ``|w|^2 / 2``, "l1" is ``|w|_1``, "elasticnet" mixes them by ``l1_ratio``;
        "group_lasso" uses a feature for all outputs or for none (:class:`~nno_sklearn.GroupLasso`);
        "mcp" and "scad" do not shrink large coefficients (:class:`~nno_sklearn.MCP`);
        "slope" weighs them by their rank (:class:`~nno_sklearn.SLOPE`); "fused_lasso"
        makes neighbours equal (:class:`~nno_sklearn.FusedLasso`). Objects take more:
        :class:`~nno_sklearn.L1` and others weigh and bound features by name.
    alpha : float, default=1e-4
        Strength of the penalty, at least 0; ``1 / (C * n_samples)`` in terms of
        scikit-learn's LogisticRegression.
    l1_ratio : float in [0, 1], default=0.5
        Share of the l1 part in "elasticnet"; others do not use it, and warn of one that was set.
    solver : {"auto", "gd", "nearest_neighbor", "proximal"} or Solver, default="auto"
        How the optimum is found; all find the same one. "gd" needs a differentiable penalty.
        The parameters of an object can be tuned as ``solver__n_neighbors`` etc.
    stream : {"auto", "cells", "adagrad", "ftrl", "sparse"} or Stream, default="auto"
        How ``partial_fit`` learns: "cells" refits to cells of neighbouring rows
        (:class:`CellStream`), the others take small steps, for many columns; "sparse" for hashed
        words, in those that rows have entries in alone. "auto" depends on the solver: "adagrad"
        with "gd", "ftrl" with "proximal", else "cells" (up to 2000 columns).
    fit_intercept : bool, default=True
        Whether to fit b.
    max_iter : int, default=1000
        Iterations at most.
    tol : float, default=1e-4
        Relative duality gap at which the fit has converged: the objective is then proven to be
        within ``tol`` times itself of its optimum (times a millionth of the best constant
        model's, where it is less). Without a penalty (and for a Loss or Penalty without
        conjugate) no finite gap is known; then ``tol`` bounds the Newton decrement: the square
        root of the decrease that a Newton step predicts, as the same share.
    class_weight : dict, "balanced" or None, default=None
        Factor on the weights of each class's rows; "balanced" gives all classes the same
        total weight.
    warm_start : bool, default=False
        Start at the coefficients of the last fit.
    random_state : int, RandomState instance or None, default=None
        Seed of the landmarks, on which the optimum does not depend; for a scorer, of folds and
        directions, on which the result does.
    verbose : int, default=0
        Print a line per iteration if not 0.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted. With ``multilabel_`` the numbers of y's columns; where y has probabilities, the
        names of its columns, or their numbers.
    multilabel_ : bool
        Whether y was a table of 0 and 1, with a column for each of several labels: each is then a
        classification of its own, in one fit.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
    intercept_ : ndarray of shape (1,) or (n_classes,); (n_classes - 1,) for "ordinal"
    objective_ : float
        F at the solution; minus the score on the training data, for a scorer.
    dual_gap_ : float
        Certified bound on ``objective_`` minus the optimum; inf where none is known.
    optimality_ : float
        Relative duality gap, or Newton decrement, that ``tol`` bounds.
    converged_ : bool
    status_ : Status
        How the run ended; its ``value`` is a sentence. ``Status.STOPPED`` where a callback ended it
        (:meth:`set_callbacks`). After ``partial_fit`` None, unless a callback says to stop.
    advice_ : str
        What to try next, where the fit did not converge; empty otherwise.
    n_iter_ : int
    n_passes_ : float
        Passes over X.
    history_ : list of Record
        One named tuple per iteration, or of the hinge per smooth problem;
        ``pandas.DataFrame(history_)`` is a table. For a scorer one per round, with
        ``validation_score``, and minus the score as ``objective``. After ``partial_fit`` one per
        batch, with the objective of its rows before they were learnt.
    start_ : NNOClassifier
        Only for a scorer: the convex model with tuned thresholds at which the search started.
    solver_ : Solver
        The solver that ran; after ``fit``.
    stream_ : Stream
        The algorithm that learns; after ``partial_fit``, which has no certificate.
    loss_ : Loss
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where X has column names that are strings.
    n_samples_seen_ : int
        Rows of the stream so far; after ``partial_fit``.
    condensed_rows_, condensed_targets_, condensed_weights_ : ndarray
        After ``partial_fit`` with ``stream="cells"``: its cells, a small training set.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nno_sklearn import NNOClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NNOClassifier(solver="nearest_neighbor").fit(X, y)
    >>> model.score(X, y) > 0.95, model.optimality_ < 1e-4
    (True, True)
    """

    named_losses = {
        "log_loss": MultinomialLogLoss,
        "hinge": Hinge,
        "squared_hinge": SquaredHinge,
        "modified_huber": ModifiedHuber,
        "ordinal": Ordinal,
    }
    _convex_loss = MultinomialLogLoss

    def __init__(
        self,
        loss: "str | Loss | ScoreTraining | Callable[..., float]" = "log_loss",
        *,
        penalty: str | Penalty | None = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        solver: str | Solver = "auto",
        stream: "str | Stream | None" = "auto",
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        class_weight: dict[Any, float] | str | None = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        verbose: int | bool = 0,
    ) -> None:
        super().__init__(
            loss=loss,
            penalty=penalty,
            alpha=alpha,
            l1_ratio=l1_ratio,
            solver=solver,
            stream=stream,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        takes_several = self._score_training() is None and self.class_weight is None
        tags.classifier_tags.multi_label = takes_several
        # Classes without an order are not told apart along one line.
        tags.classifier_tags.poor_score = self._has_ordered_classes
        return tags

    @property
    def _has_ordered_classes(self):
        if isinstance(self.loss, str) and self.loss in self.named_losses:
            return self.named_losses[self.loss]().has_intercepts
        return getattr(self.loss, "has_intercepts", False)

    @available_if(learns_in_batches)
    def partial_fit(
        self,
        X: Matrix,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:
        """Learn from further rows of a stream; batches of any size.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or probabilities of the classes: a table is always taken for these.
        classes : array-like of shape (n_classes,), default=None
            Labels that the stream may have, two at least; required in the first call, whose batch
            need not have them all, unless columns of probabilities tell them. After ``fit`` the
            default is its labels. Labels that appear later, in y or here, open outputs of their
            own, with the coefficients 0.
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 change nothing.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            As for :meth:`fit`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For invalid data or parameters. The model then stays unchanged.
        """
        return self._learn(X, y, sample_weight, offset, classes=classes)

    @follows_rows
    @by_parts
    def decision_function(self, X: Matrix, offset: ArrayLike | None = None) -> Array:
        """Raw predictions: positive for the second class, or one column per class or label.

        Where ``loss="ordinal"`` has more than two classes, they are logarithms of
        :meth:`predict_proba`, the largest of which decides; the latent score of a row is
        ``X @ coef_[0]``. Values of classes that are a row's largest but for rounding are equal.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            As for :meth:`fit`, of these rows. None is an offset of 0.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        X = self._new_data(X)
        score = self.loss_.decide(self._raw_prediction(X, offset))
        if score.shape[1] == 1:
            return score[:, 0]
        return score if self.multilabel_ else _with_ties(score, X, self.coef_, self.intercept_)

    @follows_rows
    @by_parts
    def predict(self, X: Matrix, offset: ArrayLike | None = None) -> NDArray[Any]:
        """Predict class labels; with ``multilabel_`` 1 for each label of a row, else 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            As for :meth:`fit`, of these rows. None is an offset of 0.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        score = self.decision_function(X, **given_offset(offset))
        if self.multilabel_:
            return (score > 0).astype(int)
        codes = (score > 0).astype(int) if score.ndim == 1 else score.argmax(axis=1)
        return self.classes_[np.asarray(codes)]

    @available_if(_has_probabilities)
    @follows_rows
    @by_parts
    def predict_proba(self, X: Matrix, offset: ArrayLike | None = None) -> NDArray[Any]:
        """Predict probabilities of the classes, in the order of ``classes_``.

        They sum to 1; with ``multilabel_`` each label has one of its own, as scikit-learn's
        OneVsRestClassifier gives them.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            As for :meth:`fit`, of these rows. None is an offset of 0.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        probability = self._prediction(X, offset).astype(self.coef_.dtype, copy=False)
        if self.multilabel_:
            return probability
        if probability.shape[1] == 1:
            return np.hstack([1.0 - probability, probability])
        total = probability.sum(axis=1, keepdims=True)
        # One-against-the-rest probabilities may all be 0; then all classes get the same.
        even = np.full_like(probability, 1.0 / probability.shape[1])
        return np.divide(probability, total, out=even, where=total > 0)

    @available_if(_has_probabilities)
    @follows_rows
    @by_parts
    def predict_log_proba(self, X: Matrix, offset: ArrayLike | None = None) -> NDArray[Any]:
        """Logarithms of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, **given_offset(offset)))

    @scored_beside_rows
    @scored_by_parts
    def score(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> float:
        """Share of rows whose predicted label, or labels, are right.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            As for :meth:`predict`.

        Returns
        -------
        float
        """
        predicted = np.asarray(self.predict(X, **given_offset(offset)))
        if sample_weight is None and are_vectors(y, predicted):
            kinds = {np.asarray(y).dtype.kind, predicted.dtype.kind}
            if len(kinds) == 1 and kinds <= set("iubU"):
                # Of few rows, the checks of accuracy_score take nearly all the time.
                return float(np.mean(y == predicted))
        return accuracy_score(y, predicted, sample_weight=sample_weight)

    def score_sums(
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None, offset: ArrayLike | None
    ) -> tuple[float, float]:
        """Of some rows, the weight of those that are right, and of all."""
        n_rows = X.shape[0]
        weight = np.ones(n_rows) if sample_weight is None else np.asarray(sample_weight, float)
        total = float(np.broadcast_to(weight, (n_rows,)).sum())
        return total * self.score(X, y, sample_weight, offset) if total else 0.0, total

    def score_of(self, sums: Sequence[tuple[float, float]]) -> float:
        """The score of all rows, from :meth:`score_sums` of parts of them."""
        right, total = np.sum(sums, axis=0)
        return float(right / total)
