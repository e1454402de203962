"""Callbacks before scikit-learn 1.9: as much of its protocol as this package calls.

Nothing is propagated: what is set on a search is not told of the iterations within its fits.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Self

HOOKS = "setup", "teardown", "on_fit_task_begin", "on_fit_task_end"


class Context:
    """A task within a fit, as ``sklearn.callback.CallbackContext``."""

    def __init__(
        self,
        estimator: Any,
        task_name: str,
        task_id: int,
        max_subtasks: int | None,
        parent: "Context | None" = None,
    ) -> None:
        self.estimator_name: str = (
            type(estimator).__name__ if parent is None else parent.estimator_name
        )
        self.task_name, self.task_id, self.max_subtasks = task_name, task_id, max_subtasks
        self.parent = parent
        self._hooked: tuple[Any, ...] = (
            estimator.hooked_callbacks if parent is None else parent._hooked
        )
        self._n_subtasks = 0

    def subcontext(
        self,
        task_name: str = "",
        task_id: int | None = None,
        max_subtasks: int | None = 0,
        sequential_subtasks: bool = True,
    ) -> "Context":
        """A task within this one."""
        number = self._n_subtasks if task_id is None else task_id
        self._n_subtasks += 1
        return Context(None, task_name, number, max_subtasks, self)

    def call_on_fit_task_begin(self, *, estimator: Any, **told: Any) -> Self:
        """Call the hook ``on_fit_task_begin`` of all callbacks."""
        self._call("on_fit_task_begin", estimator, told)
        return self

    def call_on_fit_task_end(self, *, estimator: Any, **told: Any) -> bool:
        """Call the hook ``on_fit_task_end`` of all callbacks; whether any asks to stop."""
        return self._call("on_fit_task_end", estimator, told)

    def propagate_callback_context(self, sub_estimator: Any) -> AbstractContextManager[None]:
        """Propagate nothing."""
        return nullcontext()

    def _call(self, name: str, estimator: Any, told: dict[str, Any]) -> bool:
        make_fitted = told.pop("reconstruction_attributes", None)
        stops = False
        for callback in self._hooked:
            hook = getattr(callback, name)
            asked = [
                one.name
                for one in signature(hook).parameters.values()
                if one.kind is Parameter.KEYWORD_ONLY
            ]
            if "fitted_estimator" in asked:
                told["fitted_estimator"] = _fitted(estimator, make_fitted)
            stops |= bool(hook(estimator, self, **{one: told.get(one) for one in asked}))
        return stops


def _fitted(estimator: Any, make_attributes: Callable[[], dict[str, Any]] | None) -> Any:
    if make_attributes is None:
        return None
    fitted = object.__new__(type(estimator))
    fitted.__dict__ = {**vars(estimator), **make_attributes()}
    return fitted


class CallbackSupportMixin:
    """Gives an estimator callbacks, as ``sklearn.callback.CallbackSupportMixin``."""

    hooked_callbacks: tuple[Any, ...] = ()

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set the callbacks of the estimator."""
        for callback in callbacks:
            if isinstance(callback, type) or not all(hasattr(callback, hook) for hook in HOOKS):
                raise TypeError(
                    f"callbacks must be instances with the hooks {', '.join(HOOKS)}, but "
                    f"{callback!r} is none. Subclass nno_sklearn.callbacks.Callback, which has "
                    "them."
                )
        self.__dict__.pop("hooked_callbacks", None)
        if callbacks:
            self.hooked_callbacks = callbacks
        return self

    def _init_callback_context(
        self,
        task_name: str = "fit",
        task_id: int = 0,
        max_subtasks: int | None = 0,
        sequential_subtasks: bool = True,
    ) -> Context:
        context = Context(self, task_name, task_id, max_subtasks)
        self._set_up: list[tuple[Any, Context]] = []
        for callback in self.hooked_callbacks:
            self._set_up.append((callback, context))
            callback.setup(estimator=self, context=context)
        return context


@contextmanager
def _torn_down(estimator: Any) -> Iterator[None]:
    try:
        yield
    finally:
        for callback, context in vars(estimator).pop("_set_up", []):
            callback.teardown(estimator=estimator, context=context)


def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
    """``method``, after which the callbacks of its first argument are torn down."""

    @wraps(method)
    def managed(estimator: Any, *args: Any, **params: Any) -> Any:
        with _torn_down(estimator):
            return method(estimator, *args, **params)

    return managed
