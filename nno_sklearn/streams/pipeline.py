"""A pipeline that learns batch by batch."""

from copy import deepcopy
from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._documentation import LinkedToDocumentation
from nno_sklearn.types import Matrix


def _learns(step: object) -> bool:
    """Whether a step has a ``partial_fit`` of its own.

    The class is asked, since a ``FrozenEstimator`` hands on that of what it freezes.
    """
    return hasattr(type(step), "partial_fit")


def _last_step_learns(pipeline: Pipeline) -> bool:
    name, last = pipeline.steps[-1]
    if not _learns(last):
        raise AttributeError(
            f"partial_fit: the last step {name!r}, {type(last).__name__}, has none. Take one that "
            "learns in batches, such as NNOClassifier or NNORegressor, or fit with all rows."
        )
    return True


class StreamPipeline(LinkedToDocumentation, Pipeline):
    """A pipeline with ``partial_fit``: each batch is learnt and transformed step by step.

    A step with ``partial_fit`` learns from the batch before it transforms it, as a scaler. One
    without must have nothing to learn, as :class:`~sklearn.feature_extraction.text.
    HashingVectorizer`, or have learnt it before, as an encoder that was fitted to the first rows.
    In :class:`sklearn.frozen.FrozenEstimator` a fitted step outlives
    :func:`sklearn.base.clone`, and learns no more even where it could.

    All else is as in :class:`sklearn.pipeline.Pipeline`, whose parameters these are:
    ``StreamPipeline(make_pipeline(...).steps)`` names steps as ``make_pipeline`` does.

    Parameters
    ----------
    steps : list of (str, estimator)
        Transformers, or "passthrough", and an estimator with ``partial_fit``.
    transform_input : list of str, default=None
        Metadata that ``fit`` transforms as X.
    memory : str or object with the joblib.Memory interface, default=None
        Cache of transformers for ``fit``.
    verbose : bool, default=False
        Whether ``fit`` prints the time of each step.

    Notes
    -----
    A model keeps what it has learnt from columns as they were transformed then: where a step goes
    on to learn, as a scaler's units do, the first batches were in others. Estimators of this
    package need no scaler.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from nno_sklearn import NNOClassifier
    >>> from nno_sklearn.streams import StreamPipeline
    >>> words = HashingVectorizer(n_features=2**8)
    >>> model = StreamPipeline([("words", words), ("model", NNOClassifier())])
    >>> for texts in (["win cash now", "see you soon"], ["cash prize", "at home soon"]):
    ...     model = model.partial_fit(texts, ["spam", "ham"], classes=["ham", "spam"])
    >>> model.predict(["cash", "home"]).tolist()
    ['spam', 'ham']
    """

    documented_in = "nno_sklearn.streams"
    steps: list[tuple[str, Any]]

    @available_if(_last_step_learns)
    def partial_fit(self, X: Matrix, y: ArrayLike | None = None, **params: Any) -> Self:
        """Learn from a batch of rows.

        Parameters
        ----------
        X : array-like, sparse matrix or list
            What the first step takes.
        y : array-like, default=None
            Targets of the rows, which all steps get.
        **params : dict
            Arguments of the last step's ``partial_fit``: ``classes``, ``sample_weight``.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            Where a step has no ``partial_fit``, has something to learn and is not fitted.

        Notes
        -----
        Where a step refuses the batch, those before it have not learnt from it either.
        """
        *steps, last = self.steps
        learnt = []
        for name, step in steps:
            if step not in (None, "passthrough"):
                step = _learnt(name, step, X, y)
                X = step.transform(X)
            learnt.append((name, step))
        last[1].partial_fit(X, y, **params)
        self.steps = [*learnt, last]
        return self


def _learnt(name: str, step: Any, X: Matrix, y: ArrayLike | None) -> Any:
    """A step that has learnt from a batch, or has nothing to learn."""
    if _learns(step):
        return deepcopy(step).partial_fit(X, y)
    try:
        check_is_fitted(step)
    except NotFittedError:
        raise ValueError(
            f"step {name!r}: {type(step).__name__} has no partial_fit, and something to learn. Fit "
            "it to first rows and pass FrozenEstimator(step), or take one that learns in batches, "
            "as StandardScaler, or has nothing to learn, as HashingVectorizer."
        ) from None
    return step
