"""scikit-learn's callbacks, where the installed version has them (1.9)."""

try:
    from sklearn.callback import with_callbacks
except ModuleNotFoundError:

    def with_callbacks(fit):
        """Nothing to manage."""
        return fit


class Watched:
    """A search as its callbacks see it: the tasks that workers have to do.

    Parameters
    ----------
    search : NNOSearchCV
    X, y : array-like
    n_tasks : int or None
        None where it is not known beforehand.
    """

    def __init__(self, search, X, y, n_tasks):
        self._search, self._data, self._context = search, {"X": X, "y": y}, None
        if hasattr(search, "_init_callback_context"):
            context = search._init_callback_context(max_subtasks=n_tasks)
            self._context = context.call_on_fit_task_begin(estimator=search, **self._data)

    def task(self):
        """What a worker tells of its task; None without callbacks."""
        return None if self._context is None else self._context.subcontext(task_name="chain")

    def end(self):
        """Tell that the search is over."""
        if self._context is not None:
            self._context.call_on_fit_task_end(estimator=self._search, **self._data)
