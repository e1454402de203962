"""Early stopping on any score."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv, train_test_split
from sklearn.utils.multiclass import type_of_target

from nno_sklearn._containers import refuse_lazy
from nno_sklearn._data_checks import is_count
from nno_sklearn._offset import with_offset
from nno_sklearn._split import Data
from nno_sklearn.callbacks.base import Callback, Iteration
from nno_sklearn.callbacks.fit_task import FitTask
from nno_sklearn.types import Matrix


class EarlyStopping(Callback):
    """End a fit when a score no longer rises, or has reached a target; the best model is kept.

    The score is taken after each iteration, on rows of which at most one of
    ``validation_fraction``, ``cv`` and ``X_val`` tells; without any, on the training rows. It is
    the ``validation_score`` of the records in ``history_``. A model that is not the optimum has
    ``status_`` Status.STOPPED, ``converged_`` False and the certificate of its own coefficients;
    nothing is warned of. Training on a score stops too, and keeps the model that its own folds find
    best.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        As in scikit-learn, greater is better; None is the estimator's ``score``.
    validation_fraction : float, default=None
        Share of the rows that are held out, those of a classifier in the classes' proportions. The
        model is fitted to the others only.
    cv : int, splitter or iterable, default=None
        Fits to the training rows of each split first, and notes the score of the rows left out
        after each iteration; the fit to all rows then ends after as many iterations as have the
        best mean score. Fits that end earlier count with their last score.
    X_val : {array-like, sparse matrix, sparse array} of shape (n_val, n_features), default=None
        Rows to score, as ``fit`` of the model itself takes them: in a pipeline, transformed ones.
    y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
    sample_weight_val : array-like of shape (n_val,), default=None
        Weights of these rows in the score; without them, all count the same. Rows of the fit itself
        are scored with its ``sample_weight``.
    offset_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
        Their offsets. Rows of the fit itself are scored with its ``offset``.
    patience : int or None, default=5
        End once this many iterations in succession (of ``partial_fit``, batches) have not raised
        the best score; None waits until the end.
    target : float, default=None
        End once a score is at least this.
    random_state : int or RandomState instance, default=0
        Seed of the rows held out.

    Examples
    --------
    Stop as soon as 95 % of the training rows are classified rightly:

    >>> from sklearn.datasets import load_iris
    >>> from nno_sklearn import EarlyStopping, NNOClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> stop = EarlyStopping("accuracy", target=0.95)
    >>> model = NNOClassifier(solver="gd").set_callbacks(stop).fit(X, y)
    >>> model.score(X, y) >= 0.95, model.converged_
    (True, False)
    """

    def __init__(
        self,
        scoring: Any = None,
        *,
        validation_fraction: float | None = None,
        cv: Any = None,
        X_val: Matrix | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        offset_val: ArrayLike | None = None,
        patience: int | None = 5,
        target: float | None = None,
        random_state: Any = 0,
    ) -> None:
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.X_val = X_val
        self.y_val = y_val
        self.sample_weight_val = sample_weight_val
        self.offset_val = offset_val
        self.patience = patience
        self.target = target
        self.random_state = random_state
        self._check_parameters()

    def _check_parameters(self):
        rows = {
            "validation_fraction": self.validation_fraction,
            "cv": self.cv,
            "X_val": self.X_val,
        }
        given = [name for name, value in rows.items() if value is not None]
        if len(given) > 1:
            raise ValueError(
                f"EarlyStopping got {' and '.join(given)}, which each say on which rows to score. "
                "Use one of them, or none for the training rows."
            )
        if (self.X_val is None) != (self.y_val is None):
            raise ValueError("EarlyStopping needs X_val and y_val together, or none of them.")
        for name in ("sample_weight_val", "offset_val"):
            if self.X_val is None and getattr(self, name) is not None:
                raise ValueError(
                    f"EarlyStopping({name}=...) is of the rows of X_val, which is None. Pass X_val "
                    "and y_val too, or leave it out: rows of the fit are scored with its own."
                )
        if self.validation_fraction is not None and not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"EarlyStopping(validation_fraction={self.validation_fraction!r}): it is a share "
                "of the rows, so it must lie between 0 and 1."
            )
        if self.patience is not None and not is_count(self.patience, 1):
            raise ValueError(
                f"EarlyStopping(patience={self.patience!r}): it is a number of iterations, so it "
                "must be a whole number of at least 1, or None."
            )
        if self.cv is not None and self.target is not None:
            raise ValueError(
                "EarlyStopping(cv=..., target=...): folds choose a number of iterations, and know "
                "no target. Use validation_fraction, X_val or the training rows with it."
            )

    def hold_out(self, estimator: BaseEstimator, data: Data) -> tuple[Data, Data] | None:
        """The rows to fit to and those to score; None where all are fitted to.

        Parameters
        ----------
        estimator : estimator
        data : Data
        """
        if self.validation_fraction is None:
            return None
        refuse_lazy("EarlyStopping(validation_fraction=...)", data.X, data.y)
        is_labels = is_classifier(estimator) and type_of_target(data.y) in ("binary", "multiclass")
        rows = np.arange(data.n_rows)
        fitted, scored = train_test_split(
            rows,
            test_size=self.validation_fraction,
            stratify=data.y if is_labels else None,
            random_state=self.random_state,
        )
        return data.rows(np.sort(fitted)), data.rows(np.sort(scored))

    def on_begin(self, fit: FitTask) -> None:
        """Choose the number of iterations by cross-validation, if asked for."""
        self._check_offset(fit.data)
        if self.validation_fraction is not None and fit.held_out is None:
            raise ValueError(
                "EarlyStopping(validation_fraction=...): partial_fit learns from all rows it is "
                "given. Hold some out yourself, as X_val and y_val."
            )
        if self.cv is not None:
            fit.n_iterations = self._best_number(fit.estimator, fit.data)

    def on_iteration(self, iteration: Iteration) -> bool | None:
        """Score the model of an iteration; True when the fit is to end."""
        if self.cv is not None:
            return None
        waited = iteration.judge(score := self._validation_score(iteration))
        is_reached = self.target is not None and score >= self.target
        return is_reached or (self.patience is not None and waited >= self.patience)

    def _validation_score(self, iteration):
        data = self._scored_rows(iteration.fit)
        given = {name: value for name, value in data.for_fit.items() if value is not None}
        offset = given.pop("offset", None)
        model = iteration.model if offset is None else with_offset(iteration.model, offset)
        return float(check_scoring(model, self.scoring)(model, data.X, data.y, **given))

    def _scored_rows(self, fit):
        if self.X_val is not None:
            given = {"sample_weight": self.sample_weight_val, "offset": self.offset_val}
            return Data(self.X_val, self.y_val, given, {})
        return fit.data if fit.held_out is None else fit.held_out

    def _check_offset(self, data):
        """Raise a ValueError where the fit has offsets, and the rows of ``X_val`` have none."""
        has_offset = data.for_fit.get("offset") is not None
        if self.X_val is not None and has_offset and self.offset_val is None:
            raise ValueError(
                "EarlyStopping(X_val=...): fit was given an offset, so the rows of X_val need one "
                "too. Pass offset_val, of zeros where nothing is known of them."
            )

    def _best_number(self, estimator, data):
        """The number of iterations with the best mean score on the rows left out."""
        splitter = check_cv(self.cv, data.y, classifier=is_classifier(estimator))
        curves = []
        for fitted, scored in splitter.split(np.zeros((data.n_rows, 1)), data.y):
            train, test = data.rows(fitted), data.rows(scored)
            watch = EarlyStopping(
                self.scoring,
                X_val=test.X,
                y_val=test.y,
                sample_weight_val=test.for_fit.get("sample_weight"),
                offset_val=test.for_fit.get("offset"),
                patience=self.patience,
            )
            one = clone(estimator).set_callbacks(watch).fit(*train.given, **train.for_fit)
            curves.append([record.validation_score for record in one.history_])
        return int(np.argmax(_mean_curve(curves)))


def _mean_curve(curves: Sequence[Sequence[float]]) -> list[float]:
    """Mean of curves; those that are shorter stay at their last value."""
    columns = zip_longest(*curves)
    values = list(next(columns))
    means = [float(np.mean(values))]
    for column in columns:
        values = [old if new is None else new for old, new in zip(values, column, strict=True)]
        means.append(float(np.mean(values)))
    return means
