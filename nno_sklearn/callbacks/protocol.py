"""scikit-learn's callbacks (1.9 and later): the only module that imports them.

Older versions have none: there the same objects are called by a substitute with the same methods.
"""

from typing import Any, Self

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ModuleNotFoundError:
    from nno_sklearn.callbacks.substitute import CallbackSupportMixin, with_callbacks

__all__ = ["CallbackSupport", "callbacks_of", "with_callbacks", "without_callbacks"]


class CallbackSupport(CallbackSupportMixin):
    """Gives an estimator ``set_callbacks``; a clone has the same callbacks."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set what is called during fits, in place of the callbacks set before.

        Parameters
        ----------
        *callbacks : Callback or object with the hooks of scikit-learn's callbacks
            :class:`~nno_sklearn.EarlyStopping`, a subclass of
            :class:`~nno_sklearn.callbacks.Callback`, or scikit-learn's own ``ProgressBar`` and
            ``ScoringMonitor`` (1.9). None takes all away.

        Returns
        -------
        self : object

        Raises
        ------
        TypeError
            For objects without the hooks.
        """
        super().set_callbacks(*callbacks)
        self.__dict__.pop("_callbacks", None)
        if callbacks:
            self._callbacks = callbacks
        return self

    def __sklearn_clone__(self) -> Self:
        fresh = super().__sklearn_clone__()
        return fresh.set_callbacks(*callbacks_of(self))


def callbacks_of(estimator: Any) -> tuple[Any, ...]:
    """The callbacks that an estimator has now, those from a search or a pipeline around it too."""
    return getattr(estimator, "_callbacks", ())


def without_callbacks(estimator: Any) -> Any:
    """A shallow copy of an estimator that has no callbacks, and knows of no fit in progress."""
    fresh = object.__new__(type(estimator))
    fresh.__dict__ = {k: v for k, v in vars(estimator).items() if "callback" not in k}
    return fresh
