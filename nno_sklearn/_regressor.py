"""NNORegressor."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from nno_sklearn._containers import by_parts, scored_by_parts
from nno_sklearn._data_checks import are_vectors, check_table_of_weights
from nno_sklearn._dispatch import follows_rows, scored_beside_rows
from nno_sklearn._kept import coef_table
from nno_sklearn._labels import warn_of_constants
from nno_sklearn._linear_model import LinearModel
from nno_sklearn._offset import given_offset, offset_of_outputs
from nno_sklearn._online import learns_in_batches
from nno_sklearn._tensors import from_tensor
from nno_sklearn._validation import (
    check_batch,
    check_training_data,
    check_training_table,
    sum_of_weights,
)
from nno_sklearn.losses import (
    AbsoluteError,
    ConcomitantHuber,
    EpsilonInsensitive,
    Gamma,
    Huber,
    InverseGaussian,
    LogLoss,
    Loss,
    NegativeBinomial,
    Poisson,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
    Tweedie,
)
from nno_sklearn.penalties import Penalty
from nno_sklearn.rows.moments import pooled
from nno_sklearn.session import TrainingData, are_apart, no_problem
from nno_sklearn.solvers import Solver
from nno_sklearn.types import Matrix, RandomState

if TYPE_CHECKING:
    from nno_sklearn.score_training import ScoreTraining
    from nno_sklearn.streams import Stream


class NNORegressor(RegressorMixin, LinearModel):
    """Linear regression with any loss, penalty and solver, to a certified optimum.

    Minimises::

        F(w, b) = sum_i s_i loss(y_i, x_i w + b + o_i) / sum_i s_i + alpha * penalty(w)

    ``alpha`` does not depend on the number of rows, and the intercept b is never penalised. The
    weights s and offsets o are arguments of :meth:`fit`, 1 and 0 by default.

    Parameters
    ----------
    loss : {"squared_error", "huber", "poisson", "gamma", "tweedie", "inverse_gaussian", \
            "negative_binomial", "log_loss", "quantile", "absolute_error", \
            "epsilon_insensitive", "squared_epsilon_insensitive", "concomitant_huber"}, scorer, \
            ScoreTraining or Loss, default="squared_error"
        "squared_error" is ``(y - eta)^2 / 2``; "huber" is robust to outliers
        (``Huber(delta=...)`` sets where), as is "concomitant_huber", which estimates the scale of
        the residuals, ``loss_.scale``, and takes ``epsilon`` in units of it. Half deviances with a
        log link, so that predictions are ``exp(eta)``: "poisson" and "negative_binomial" (counts,
        y >= 0; the latter with a larger variance, by ``NegativeBinomial(dispersion=...)``),
        "tweedie" (amounts, many of them 0, y >= 0; ``Tweedie(power=...)``), "gamma" and
        "inverse_gaussian" (y > 0). "log_loss" is for
        shares between 0 and 1, which it predicts. "quantile" is the pinball loss, whose
        prediction has a share of the targets below it (``Quantile(quantile=...)``; the median),
        "absolute_error" ``|y - eta|``, and "epsilon_insensitive" that of linear support vector
        regression (``EpsilonInsensitive(epsilon=...)``), also squared: the loss itself is
        certified, though it has corners. A scorer
        ("neg_mean_absolute_percentage_error", ... or ``make_scorer(...)``) is maximised itself, by
        a search that starts at the optimum of the squared error; ``ScoreTraining(..., cv=10)``
        chooses its folds.
    penalty : {"l2", "l1", "elasticnet", "group_lasso", "mcp", "scad", "slope", \
"fused_lasso", None} or Penalty, default="l2"
        "l2" is ``|w|^2 / 2``, "l1" is ``|w|_1``, "elasticnet" mixes them by ``l1_ratio``;
        "group_lasso" uses a feature for all outputs or for none (:class:`~nno_sklearn.GroupLasso`);
        "mcp" and "scad" do not shrink large coefficients (:class:`~nno_sklearn.MCP`);
        "slope" weighs them by their rank (:class:`~nno_sklearn.SLOPE`); "fused_lasso"
        makes neighbours equal (:class:`~nno_sklearn.FusedLasso`). Objects take more:
        :class:`~nno_sklearn.L1` and others weigh and bound features by name.
    alpha : float, default=1e-4
        Strength of the penalty, at least 0.
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
    warm_start : bool, default=False
        Start at the coefficients of the last fit.
    random_state : int, RandomState instance or None, default=None
        Seed of the landmarks, on which the optimum does not depend; for a scorer, of folds and
        directions, on which the result does.
    verbose : int, default=0
        Print a line per iteration if not 0.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
    intercept_ : float or ndarray of shape (n_outputs,)
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
        One named tuple per iteration, or of a loss with corners per smooth problem;
        ``pandas.DataFrame(history_)`` is a table. For a scorer one per round, with
        ``validation_score``, and minus the score as ``objective``. After ``partial_fit`` one per
        batch, with the objective of its rows before they were learnt.
    start_ : NNORegressor
        Only for a scorer: the convex model with tuned intercept at which the search started.
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
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import NNORegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNORegressor(penalty="l1", alpha=1.0).fit(X, y)
    >>> bool(model.converged_), int((model.coef_ != 0).sum())
    (True, 3)
    """

    named_losses = {
        "squared_error": SquaredError,
        "huber": Huber,
        "concomitant_huber": ConcomitantHuber,
        "poisson": Poisson,
        "gamma": Gamma,
        "tweedie": Tweedie,
        "inverse_gaussian": InverseGaussian,
        "negative_binomial": NegativeBinomial,
        "log_loss": LogLoss,
        "quantile": Quantile,
        "absolute_error": AbsoluteError,
        "epsilon_insensitive": EpsilonInsensitive,
        "squared_epsilon_insensitive": SquaredEpsilonInsensitive,
    }
    _convex_loss = SquaredError

    def __init__(
        self,
        loss: "str | Loss | ScoreTraining | Callable[..., float]" = "squared_error",
        *,
        penalty: str | Penalty | None = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        solver: str | Solver = "auto",
        stream: "str | Stream | None" = "auto",
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # scikit-learn's check of multi-output regressors uses negative targets, so losses of
        # positive ones cannot have both tags, though they take several outputs.
        tags.target_tags.positive_only = self._needs_positive_target()
        tags.target_tags.multi_output = not tags.target_tags.positive_only
        return tags

    def _spread(self, offset, n_outputs):
        return offset_of_outputs(offset, n_outputs)

    def _needs_positive_target(self):
        loss = self.named_losses.get(self.loss) if isinstance(self.loss, str) else self.loss
        return getattr(loss, "positive_target", False)

    def prepare(
        self,
        X: Matrix,
        y: Any,
        sample_weight: ArrayLike | None,
        loss: Loss,
        offset: ArrayLike | None = None,
    ) -> TrainingData:
        """Check data; see :meth:`nno_sklearn.session.SessionModel.prepare`."""
        if are_apart(y, sample_weight):
            return self._prepare_table(X, y, sample_weight, loss, offset)
        X, weight, y, offset, exponent = check_training_data(
            self, X, y, sample_weight, offset, y_numeric=True, multi_output=True
        )
        if y.ndim == 2 and y.shape[1] == 1 and self._needs_positive_target():
            y = column_or_1d(y, warn=True)  # required of estimators without the multi_output tag
        targets = _targets_of(loss, y)
        self._is_single = y.ndim == 1 and targets.shape[1] == 1
        if loss.probabilistic:
            warn_of_constants(targets, weight, "Output")
        total, offsets = sum_of_weights(weight, exponent), self._spread(offset, targets.shape[1])
        return TrainingData(X, targets, weight, loss, total, offsets)

    def _prepare_table(self, X, y, sample_weight, loss, offset):
        """Data of outputs that count rows of their own."""
        X, weight, y, offset, exponent = check_training_table(self, X, y, sample_weight, offset)
        if loss.outputs_of(y).shape != y.shape:
            raise no_problem(f"loss={loss}, which has several outputs for each target,")
        self._is_single = False
        total, offsets = sum_of_weights(weight, exponent), self._spread(offset, y.shape[1])
        return TrainingData(X, y, weight, loss, total, offsets)

    @available_if(learns_in_batches)
    def partial_fit(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:
        """Learn from further rows of a stream; batches of any size.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 change nothing.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            As for :meth:`fit`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For invalid data or parameters. The model then stays unchanged.
        """
        return self._learn(X, y, sample_weight, offset)

    def _prepare_batch(self, X, y, sample_weight, offset, loss, *, begins):
        if are_apart(y, sample_weight):
            raise no_problem("partial_fit")
        checks = {"y_numeric": True, "multi_output": True}
        X, weight, y, offset = check_batch(
            self, X, y, sample_weight, offset, begins=begins, **checks
        )
        if y.ndim == 2 and y.shape[1] == 1 and self._needs_positive_target():
            y = column_or_1d(y, warn=True)
        targets = _targets_of(loss, y)
        n_outputs = targets.shape[1]
        if begins:
            self._is_single = y.ndim == 1 and n_outputs == 1
        elif n_outputs != coef_table(self).shape[0]:
            raise ValueError(
                f"y has {n_outputs} outputs, but the stream began with "
                f"{coef_table(self).shape[0]}: the number of outputs is fixed by the "
                "first call of partial_fit."
            )
        from nno_sklearn.streams import Batch

        return Batch(X, targets, weight, self._spread(offset, n_outputs)), loss, None, None

    def _keep_model(self, coef, intercept, loss, dtype):
        super()._keep_model(coef, intercept, loss, dtype)
        if self._is_single:
            self.coef_, self.intercept_ = self.coef_[0], self.intercept_[0]

    @follows_rows
    @by_parts
    def predict(self, X: Matrix, offset: ArrayLike | None = None) -> NDArray[Any]:
        """Predict targets, in their own units.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            As for :meth:`fit`, of these rows. None is an offset of 0, also for a model that was
            fitted with one: for counts with the logarithm of the exposure as offset, the rate.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        prediction = self._prediction(X, offset)
        return prediction[:, 0] if self._predicts_vectors else prediction

    @scored_beside_rows
    @scored_by_parts
    def score(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> float:
        """Coefficient of determination of the predictions, R²; the mean over the outputs.

        Targets of several columns may be missing (NaN), as in :meth:`fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            As for :meth:`predict`.

        Returns
        -------
        float
        """
        prediction = np.asarray(self.predict(X, **given_offset(offset)))
        if are_apart(y, sample_weight):
            y = np.asarray(from_tensor(y), dtype=float)
            weight = check_table_of_weights(y, from_tensor(sample_weight))
            return float(np.mean(_r2_of_outputs(np.nan_to_num(y), prediction, weight)))
        if sample_weight is None and are_vectors(y, prediction) and len(prediction) > 1:
            target = np.asarray(y)
            if target.dtype.kind in "iuf":
                # Of few rows, the checks of r2_score take nearly all the time.
                columns = target[:, None].astype(float), prediction[:, None]
                return float(_r2_of_outputs(*columns, np.ones((len(target), 1)))[0])
        if prediction.ndim > np.ndim(y):  # a target with several outputs
            y = self.loss_.outputs_of(np.asarray(y)[:, None])
        return r2_score(y, prediction, sample_weight=sample_weight)

    def score_sums(
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None, offset: ArrayLike | None
    ) -> tuple[Any, ...]:
        """Of some rows: their weight, the targets' means and squares about them, and squared
        errors, by output."""
        prediction = self._prediction(X, offset)
        target = _targets_of(self.loss_, np.asarray(y, dtype=float))
        weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, float)
        weight = np.broadcast_to(weight, (len(target),))
        total = float(weight.sum())
        mean = weight @ target / total if total else np.zeros(target.shape[1])
        squares = weight @ (target - mean) ** 2
        return total, mean, squares, weight @ (target - prediction) ** 2

    def score_of(self, sums: Sequence[tuple[Any, ...]]) -> float:
        """The score of all rows, from :meth:`score_sums` of parts of them."""
        sums = [one for one in sums if one[0] > 0]
        _, _, squares = pooled([one[:3] for one in sums])
        return float(np.mean(_r2(sum(one[3] for one in sums), squares)))


def _r2(errors, squares):
    constant = np.where(errors == 0, 1.0, 0.0)  # as scikit-learn has it
    return 1.0 - np.divide(errors, squares, out=1.0 - constant, where=squares > 0)


def _r2_of_outputs(y, prediction, weight):
    """R² of each output, by weights of its own, (n_samples, n_outputs)."""
    mean = (weight * y).sum(axis=0) / weight.sum(axis=0)
    errors, squares = ((weight * (y - one) ** 2).sum(axis=0) for one in (prediction, mean))
    return _r2(errors, squares)


def _targets_of(loss: Loss, y: NDArray[Any]) -> NDArray[np.float64]:
    """Targets of the outputs, (n_samples, n_outputs), of those of one or several columns."""
    columns = (y[:, None] if y.ndim == 1 else y).astype(np.float64)
    return np.asarray(loss.outputs_of(columns), dtype=np.float64)
