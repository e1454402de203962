"""partial_fit of both estimators: batch -> state of the stream -> attributes."""

import warnings
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from nno_sklearn._dispatch import draft_of
from nno_sklearn._split import Data
from nno_sklearn._validation import lacking, make_score_training, make_stream, refusal
from nno_sklearn.callbacks.fit_task import FitTask
from nno_sklearn.contracts import check_loss_on, check_penalty_on
from nno_sklearn.solvers import Status
from nno_sklearn.types import Array

#: Attributes of a fit, which those of a stream replace.
OF_A_FIT = (
    "n_iter_ n_passes_ objective_ dual_gap_ optimality_ converged_ status_ advice_ history_ start_ "
    "solver_"
).split()


def learns_in_batches(estimator):
    """Whether the loss is one of single rows with a gradient, as ``partial_fit`` needs, and the
    penalty one that is known before all rows are."""
    if getattr(estimator.penalty, "is_adaptive", False):
        raise AttributeError(
            f"partial_fit has no first fit to all rows, on which {estimator.penalty!r} depends. "
            "Use fit, or give the penalty weights of an earlier fit, such as "
            "1 / abs(model.coef_.T)."
        )
    loss = estimator.loss
    if isinstance(loss, str) and loss in estimator.named_losses:
        loss = estimator.named_losses[loss]()
    if not getattr(loss, "is_smooth", True):
        raise AttributeError(
            f"partial_fit needs a loss whose gradient does not jump, but {loss} has corners. Use "
            f"loss={loss}.smoothed(width=...), with a width that is small beside typical residuals "
            "(or margins), or fit with all rows."
        )
    if getattr(loss, "has_scale", False):
        raise AttributeError(
            f"partial_fit needs a loss of single rows, but {loss} estimates a scale of all rows. "
            "Use loss=Huber(delta=...), in units of the target, or fit with all rows."
        )
    if getattr(loss, "has_intercepts", False):
        raise AttributeError(
            f"partial_fit needs a loss of single rows, but {loss} has intercepts between all "
            "classes, which are estimated of all rows. Use loss='log_loss', or fit with all rows."
        )
    if make_score_training(estimator.loss, estimator.named_losses) is not None:
        raise AttributeError(
            f"partial_fit needs a loss with a gradient, but {estimator.loss!r} is a score of all "
            "rows at once. Use a loss such as 'log_loss' or 'squared_error', or fit with all rows."
        )
    return True


class OnlineLearning:
    """Learns from one batch of rows after the other.

    A subclass turns a batch into rows, targets of shape (n_samples, n_outputs), weights, loss,
    the classes' factors and, where there are more classes than before, how the outputs change, in
    ``_prepare_batch``.
    """

    coef_: NDArray[Any]
    _predicts_vectors: bool

    def _learn(self, X, y, sample_weight, offset, **known):
        """Learn from a batch; if it is invalid or has no weight, the model stays unchanged."""
        data = Data(X, y, {"sample_weight": sample_weight, "offset": offset}, {})
        draft = draft_of(self)
        task = FitTask(self, data, draft._as_learnt, best=getattr(self, "_best", None))
        learn = partial(draft._learn_rows, X, y, data.for_fit, known, task)
        if task.run(learn, lambda _: draft):
            self.__dict__ = vars(draft)
        return self

    def _as_learnt(self, record, number, coef, intercept):
        """A copy of the model, with these coefficients."""
        draft = draft_of(self)
        draft._put_back(coef, intercept)
        return draft

    def _put_back(self, coef, intercept):
        """Take coefficients that the stream had."""
        self._keep_model(coef, intercept, self.loss_, self.coef_.dtype)

    def _learn_rows(self, X, y, given, known, task):
        """Learn from the rows of positive weight; False where there are none."""
        from nno_sklearn.streams import Learnt, StreamObjective  # no fit waits for these modules
        from nno_sklearn.streams.history import record_of

        started = perf_counter()
        parts = self.parts()
        loss, penalty = parts.loss, parts.penalty
        stream = make_stream(self.stream, parts.solver)
        stream.check_parameters()
        begins = not hasattr(self, "_learnt")
        if begins and hasattr(self, "coef_"):
            warnings.warn(
                "partial_fit begins a new stream, and the model of fit is given up: fit keeps no "
                "rows to go on from. Pass its rows to partial_fit as well.",
                UserWarning,
                stacklevel=6,
            )
        batch, loss, factors, widening = self._prepare_batch(
            X, y, given["sample_weight"], given["offset"], loss, begins=begins, **known
        )
        if not len(batch):
            return False
        X, y = batch.X, batch.y
        loss.check_target(y)
        shape = X.shape[1], y.shape[1]
        penalty = penalty.bind(*shape, getattr(self, "feature_names_in_", None))
        penalty = penalty.at_strength(self.alpha) if self.alpha > 0 else penalty
        if begins:
            check_loss_on(loss, y)
            check_penalty_on(penalty, shape)
        objective = StreamObjective(loss, penalty, self.alpha, self.fit_intercept, factors)
        stream = self._stream_for(objective, shape, parts.solver, batch.offset is not None)
        known = Learnt.nothing(stream, objective) if begins else self._learnt
        if widening is not None:
            known, task.best = known.widened(widening, stream, objective), None
        before = known.state
        batch = replace(batch, X=X.tocsr() if hasattr(X, "tocsr") else X)
        max_iter, tol = self.limits()
        self._learnt = known.and_from(batch, stream, objective, max_iter=max_iter, tol=tol)
        self.n_samples_seen_, self.stream_ = self._learnt.n_rows, stream
        dtype, state = X.dtype if begins else self.coef_.dtype, self._learnt.state
        self._keep_model(state.coef, state.intercept, loss, dtype)
        history = [] if begins else self.history_
        for name in OF_A_FIT:
            vars(self).pop(name, None)
        record = record_of(batch, objective, before, state, n_samples=self.n_samples_seen_)
        seconds = perf_counter() - started + (history[-1].seconds if history else 0.0)
        self._end_batch(history, record._replace(seconds=seconds), task)
        return True

    def _stream_for(self, objective, shape, solver, has_offset):
        """The algorithm that learns; a ValueError where it cannot, with those that can."""
        from nno_sklearn.streams import STREAMS

        def chosen(name):
            return clone(make_stream(name, solver)).select(objective, shape[0])

        def objection(one):
            blind = "learns without offsets, as its memory keeps none"
            return (
                lacking(one, objective.loss, objective.penalty, self.penalty)
                or one.objection(objective.penalty, shape)
                or (blind if has_offset and not one.takes_offset else "")
            )

        stream = chosen(self.stream)
        if reason := objection(stream):
            works = [name for name in STREAMS if not objection(chosen(name))]
            given = self.stream
            if isinstance(given, str) and given == "auto":
                reason = f"is {type(stream).__name__} here, which {reason}"
            raise refusal("stream", given, reason, works, "fit with all rows")
        return stream

    def _end_batch(self, history, record, task):
        """Show a batch's record to callbacks, and keep it; the best model, where they end here."""
        from nno_sklearn.streams.history import shortened

        state = self._learnt.state
        stops = task.see(record, lambda: (state.coef, state.intercept))
        self.history_ = shortened([*history, *task.scored([record])])
        self.status_ = Status.STOPPED if stops else None
        if task.best is not None:
            self._best = task.best
            if stops:
                self._put_back(task.best.coef, task.best.intercept)

    def _end_stream(self):
        for name in ("_learnt", "_class_mass", "_best", "n_samples_seen_", "stream_"):
            vars(self).pop(name, None)

    def _condensed(self, name):
        state = self._learnt.state if hasattr(self, "_learnt") else None
        if not hasattr(state, "condensed"):
            raise AttributeError(
                f"{name} is there after partial_fit with stream='cells', whose memory it is."
            )
        return state.condensed

    @property
    def condensed_rows_(self) -> Any:
        """Mean rows of the stream's cells, (n_condensed, n_features).

        The last rows, at most ``max(2000, n_cells)``, are not in cells yet and are appended.
        """
        return self._condensed("condensed_rows_").X

    @property
    def condensed_targets_(self) -> NDArray[Any]:
        """The cells' mean targets: (n_condensed,) or (n_condensed, n_outputs or n_classes)."""
        y = self._condensed("condensed_targets_").y
        if hasattr(self, "classes_"):
            return np.hstack([1.0 - y, y]) if y.shape[1] == 1 else y
        return y[:, 0] if self._predicts_vectors else y

    @property
    def condensed_weights_(self) -> Array:
        """Sums of the rows' weights in each cell, (n_condensed,)."""
        return self._condensed("condensed_weights_").weight
