"""scikit-learn's callbacks (1.9 and later): the one place that speaks to them."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

try:
    from sklearn.callback import with_callbacks
except ModuleNotFoundError:

    def with_callbacks(fit):
        """Nothing to manage."""
        return fit


class SearchTask:
    """A task of a search, of which its callbacks are told as GridSearchCV tells them.

    Below the search's "fit" are the "search", a "candidate-split-evaluation" for each candidate
    and split, and the "refit-with-best-params". Every hook gets the search as estimator.

    Parameters
    ----------
    search : NNOSearchCV or None
    context : sklearn.callback.CallbackContext or None
        None before scikit-learn 1.9: then nothing is told.
    """

    def __init__(self, search=None, context=None):
        self._search, self._context = search, context

    @classmethod
    def of(cls, search, told):
        """The task of a whole fit of ``search``, of which hooks are told as ``told``'s."""
        if not hasattr(search, "set_callbacks"):  # before scikit-learn 1.9
            return cls()
        n_tasks = 1 + (search.refit is not False)
        # Public in spite of its name: https://scikit-learn.org/1.9/developers/callback_support.html
        return cls(told, search._init_callback_context(max_subtasks=n_tasks))

    def __getstate__(self):
        """In another process hooks are told of an equal search, without what it has learnt before.

        An iterator of splits cannot be sent there; it is used up by now.
        """
        if self._search is None:
            return vars(self)
        params = self._search.get_params(deep=False)
        if isinstance(params["cv"], Iterator):
            params["cv"] = None
        return {**vars(self), "_search": type(self._search)(**params)}

    def part(self, name, number=None, **subtasks):
        """A task within this one; ``subtasks`` says how many it has itself."""
        if self._context is None:
            return self
        context = self._context.subcontext(task_name=name, task_id=number, **subtasks)
        return SearchTask(self._search, context)

    @contextmanager
    def running(self, X=None, y=None, params=None):
        """Tell of the beginning, and of the end unless an error comes first."""
        self._tell("begin", X, y, params)
        yield
        self._tell("end", X, y, params)

    @contextmanager
    def fitting(self, estimator, X, y, params):
        """Tell of a fit, also where it fails.

        Parameters
        ----------
        estimator : estimator or None
            Gets the callbacks that want to see what is inside of it. None: there is nothing.
        X, y : array-like
        params : dict
            Arguments of ``fit``; ``sample_weight`` is told.
        """
        inside = nullcontext()
        if self._context is not None and estimator is not None:
            inside = self._context.propagate_callback_context(estimator)
        try:
            with inside:
                self._tell("begin", X, y, params)
                yield
        finally:
            self._tell("end", X, y, params)

    def _tell(self, what, X, y, params):
        if self._context is None:
            return
        weight = None if params is None else params.get("sample_weight")
        metadata = None if weight is None else {"sample_weight": weight}
        hook = getattr(self._context, f"call_on_fit_task_{what}")
        hook(estimator=self._search, X=X, y=y, metadata=metadata)
