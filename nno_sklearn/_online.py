"""partial_fit: batch -> state of the solver -> attributes. Shared by both estimators."""

import warnings

import numpy as np
from sklearn.base import clone

from nno_sklearn._validation import check_online, draft_of, make_loss
from nno_sklearn.contracts import check_loss_on, check_penalty_on
from nno_sklearn.streams.objective import Batch, Objective

#: Attributes of a fit that do not hold for a stream.
OF_A_FIT = "n_iter_ n_passes_ objective_ dual_gap_ optimality_ converged_ history_ start_".split()


def has_gradient(estimator):
    """Whether the loss can be learnt row by row, as ``partial_fit`` does."""
    loss = make_loss(estimator.loss, estimator._losses)
    if "gradient" not in loss.provides:
        raise AttributeError(
            f"partial_fit needs a loss with a gradient, but {loss} is a score of all rows at once. "
            "Use a loss such as 'log_loss' or 'squared_error', or call fit with all rows."
        )
    return True


class OnlineLearning:
    """Learns from one batch of rows after the other.

    A subclass turns a batch into rows, targets of shape (n_samples, n_outputs), weights, loss
    and the classes' factors in ``_prepare_batch``.
    """

    def _learn(self, X, y, sample_weight, **known):
        """Learn from a batch; where it is bad or weighs nothing the model stays as it was."""
        draft = draft_of(self)
        if draft._learn_rows(X, y, sample_weight, known):
            self.__dict__ = vars(draft)
        return self

    def _learn_rows(self, X, y, sample_weight, known):
        """Learn from the rows that count; False where there are none."""
        loss, penalty, solver = self._parts()
        check_online(solver, self.solver)
        begins = not hasattr(self, "_stream")
        if begins and hasattr(self, "coef_"):
            warnings.warn(
                "partial_fit begins a new stream, and the model of fit is given up: fit keeps no "
                "rows to go on from. Pass its rows to partial_fit as well.",
                UserWarning,
                stacklevel=4,
            )
        X, y, weight, loss, factors = self._prepare_batch(
            X, y, sample_weight, loss, begins=begins, **known
        )
        if not len(weight):
            return False
        # An event that this batch lacks may be in another one.
        loss.check_target(np.vstack([y, np.ones((1, y.shape[1]))]))
        if begins:
            check_loss_on(loss, y)
            check_penalty_on(penalty, (X.shape[1], y.shape[1]))
        objective = Objective(loss, penalty, self.alpha, self.fit_intercept, factors)
        solver = clone(solver).select_online(objective, X.shape[1])
        key = repr((solver.__class__, loss, self.fit_intercept))
        old = None if begins else self._state_of(key)
        batch = Batch(X.tocsr() if hasattr(X, "tocsr") else X, y, weight)
        state = solver.partial_solve(old, batch, objective, max_iter=self.max_iter, tol=self.tol)
        dtype, n_before = (X.dtype, 0) if begins else (self.coef_.dtype, self.n_samples_seen_)
        self._stream = key, state
        self.n_samples_seen_ = n_before + len(weight)
        self._keep_model(state.coef, state.intercept, loss, solver, dtype)
        for name in OF_A_FIT:
            vars(self).pop(name, None)
        return True

    def _state_of(self, key):
        began, state = self._stream
        if began != key:
            raise ValueError(
                f"The stream began with {began}, but now it is {key}: what was learnt cannot be "
                "carried over. Set the parameters back, or begin anew with a clone of the "
                "estimator."
            )
        return state

    def _end_stream(self):
        for name in ("_stream", "_class_mass", "n_samples_seen_"):
            vars(self).pop(name, None)

    def _condensed(self, name):
        state = getattr(self, "_stream", (None, None))[1]
        if not hasattr(state, "condensed"):
            raise AttributeError(
                f"{name} is there after partial_fit with solver='nearest_neighbor', whose memory "
                "it is."
            )
        return state.condensed

    @property
    def condensed_rows_(self):
        """Mean rows of the stream's cells, (n_condensed, n_features).

        The last rows, at most ``max(2000, n_cells)``, wait for their cells and come as they are.
        """
        return self._condensed("condensed_rows_").X

    @property
    def condensed_targets_(self):
        """The cells' mean targets: (n_condensed,) or (n_condensed, n_outputs or n_classes)."""
        y = self._condensed("condensed_targets_").y
        if hasattr(self, "classes_"):
            return np.hstack([1.0 - y, y]) if y.shape[1] == 1 else y
        return y[:, 0] if self.coef_.ndim == 1 else y

    @property
    def condensed_weights_(self):
        """Sums of the rows' weights in each cell, (n_condensed,)."""
        return self._condensed("condensed_weights_").weight
