"""Paths of settings on the folds of a cross-validation, each fit from the one before."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import column_or_1d

from nno_sklearn._containers import refuse_lazy
from nno_sklearn._data_checks import canonical, check_weight
from nno_sklearn._online import OF_A_FIT
from nno_sklearn._validation import validated
from nno_sklearn.linear_model.twin import Twin
from nno_sklearn.types import Array

Measured = TypeVar("Measured")


class Rows(NamedTuple):
    """Checked training data, or a part of them."""

    X: Any
    y: NDArray[Any]
    #: None where the user gave none.
    weight: Array | None

    @classmethod
    def checked(cls, model: Twin, X: Any, y: Any, sample_weight: Any, **y_checks: Any) -> "Rows":
        """The user's data; a ValueError where they cannot be used."""
        refuse_lazy(f"{type(model).__name__}, whose paths are of folds,", X, y, sample_weight)
        X, y = validated(model, X, y, **y_checks)
        weight = None if sample_weight is None else check_weight(X, sample_weight)
        y = y if y_checks.get("multi_output") else column_or_1d(y, warn=True)
        return cls(canonical(X), y, weight)

    def take(self, index: NDArray[Any]) -> "Rows":
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[index]
        return Rows(self.X[index], self.y[index], weight)


#: Row numbers to fit to, and to judge by.
Split = tuple[NDArray[Any], NDArray[Any]]


def over_folds(
    model: Twin,
    settings: Sequence[dict[str, Any]],
    rows: Rows,
    splits: Sequence[Split],
    measure: Callable[[Any, Rows], Measured],
    n_jobs: int | None,
) -> list[list[Measured]]:
    """Fit all settings on each fold, and measure each fitted model on the fold's held-out rows.

    Parameters
    ----------
    model : Twin
    settings : sequence of dict
        Parameters of ``model``, in an order in which neighbours are near.
    rows : Rows
    splits : sequence of (train, test)
    measure : callable
        Called with a fitted model and the held-out rows.
    n_jobs : int or None

    Returns
    -------
    list of list
        For each fold, of each setting what ``measure`` returned.
    """
    return Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_path)(model, settings, rows.take(train), rows.take(test), measure)
        for train, test in splits
    )


def _path(model, settings, train, test, measure):
    session = model.open_session(*train, n_models=len(settings))
    starts, found = [], []
    for setting in settings:
        fitted, result = session.solve(clone(model).set_params(**setting), starts)
        starts = [result, *starts[:1]]
        found.append(measure(fitted, test))
    return found


def adopt(estimator: Any, fitted: Any, chosen: dict[str, Any]) -> None:
    """Give an estimator what another one learnt, and what was chosen, in one step.

    Parameters
    ----------
    estimator, fitted : estimator
    chosen : dict
        Further attributes.
    """
    kept = {k: v for k, v in vars(estimator).items() if k not in OF_A_FIT}
    learnt = {k: v for k, v in vars(fitted).items() if k not in fitted.get_params(deep=False)}
    estimator.__dict__ = {**kept, **learnt, **chosen}


def mean_squared_error(fitted: Any, held_out: Rows) -> float:
    """Weighted mean of the squared errors on held-out rows, of all targets."""
    error = np.square(held_out.y - fitted.predict(held_out.X))
    return float(np.average(error, axis=0, weights=held_out.weight).mean())
