"""The tasks of a search, as callbacks see them."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext


class SearchTask:
    """A task of a search that calls the callbacks' hooks as GridSearchCV does.

    Below the search's "fit" are the "search", a "candidate-split-evaluation" for each candidate
    and split, and the "refit-with-best-params". Every hook gets the search as estimator.

    Parameters
    ----------
    search : NNOSearchCV or None
    context : sklearn.callback.CallbackContext or None
        None before scikit-learn 1.9: then no hook is called.
    """

    def __init__(self, search=None, context=None):
        self._search, self._context = search, context

    @classmethod
    def of(cls, search, told):
        """The task of a whole fit of ``search``; hooks get ``told`` as its estimator."""
        n_tasks = 1 + (search.refit is not False)
        # Public in spite of its name: https://scikit-learn.org/1.9/developers/callback_support.html
        return cls(told, search._init_callback_context(max_subtasks=n_tasks))

    def __getstate__(self):
        """In another process hooks get an unfitted search with equal parameters.

        An iterator of splits cannot be pickled; it is used up by now.
        """
        if self._search is None:
            return vars(self)
        params = self._search.get_params(deep=False)
        if isinstance(params["cv"], Iterator):
            params["cv"] = None
        return {**vars(self), "_search": type(self._search)(**params)}

    def part(self, name, number=None, **subtasks):
        """A task within this one; ``subtasks`` are arguments on its own subtasks."""
        if self._context is None:
            return self
        context = self._context.subcontext(task_name=name, task_id=number, **subtasks)
        return SearchTask(self._search, context)

    @contextmanager
    def running(self, X=None, y=None, params=None):
        """Call the hooks at the beginning and, unless there is an error, at the end."""
        self._tell("begin", X, y, params)
        yield
        self._tell("end", X, y, params)

    @contextmanager
    def fitting(self, estimator, X, y, params):
        """Call the hooks around a fit, also where it fails.

        Parameters
        ----------
        estimator : estimator or None
            Receives the callbacks that propagate to sub-estimators; None for none.
        X, y : array-like
        params : dict
            Arguments of ``fit``; hooks get its ``sample_weight``.
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
