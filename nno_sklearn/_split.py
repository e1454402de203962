"""The rows of a split, taken from any container."""

from typing import Any, NamedTuple

import numpy as np
from joblib import parallel_backend
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.model_selection import cross_validate
from sklearn.utils import get_tags

from nno_sklearn._containers import refuse_lazy, weights_of_fold

#: Prefix of scorers' arguments while they are indexed together with those of ``fit``, none of which
#: can have this name.
OF_SCORER = "scorer: "


class Data(NamedTuple):
    """Rows, and the arguments that ``fit`` and scorers take with them."""

    X: Any
    y: Any
    for_fit: dict[str, Any]
    for_score: dict[str, Any]

    @property
    def given(self) -> tuple[Any, ...]:
        """X and y as positional arguments; X alone where there are no targets."""
        return (self.X,) if self.y is None else (self.X, self.y)

    @property
    def n_rows(self) -> int:
        """Number of rows, of any container."""
        if hasattr(self.X, "shape"):
            return int(self.X.shape[0])
        return len(self.X if hasattr(self.X, "__len__") else np.asarray(self.X))

    def rows(self, index: Any) -> "Data":
        """Some of the rows, of X and of the arguments that are as long.

        scikit-learn can index arrays, sparse matrices, lists and data frames; its public way to do
        so is to fit an estimator, here one that keeps what it gets.
        """
        refuse_lazy("A split into folds, or rows that are held out,", self.X, self.y)
        renamed = {f"{OF_SCORER}{name}": value for name, value in self.for_score.items()}
        with config_context(enable_metadata_routing=False), parallel_backend("sequential"):
            found = cross_validate(
                _Keeper(),
                self.X,
                self.y,
                cv=[(index, index[:1])],
                params={**self.for_fit, **renamed},
                scoring=_no_score,
                return_estimator=True,
                error_score="raise",
            )
        X, y, params = found["estimator"][0].kept_
        return Data(X, y, *_separate(params))


class IndexSplit(NamedTuple):
    """A split that names its rows, by numbers or by a mask."""

    train: Any
    test: Any

    def parts(self, data: Data, estimator: BaseEstimator) -> tuple[Data, Data]:
        """The rows to fit an estimator to, and those to score it on.

        With a precomputed kernel, the columns of both are those of the training rows.
        """
        train, test = _numbers(self.train), _numbers(self.test)
        if get_tags(estimator).input_tags.pairwise:
            data = Data(_columns(data.X, train), data.y, data.for_fit, data.for_score)
        return data.rows(train), data.rows(test)


class RangeSplit(NamedTuple):
    """A split of a collection of Dask: it holds out a range of the rows of each part."""

    number: int
    n_splits: int

    def parts(self, data: Data, estimator: BaseEstimator) -> tuple[Data, Data]:
        """All rows, where they are: first those to score an estimator on have the weight 0, then
        those to fit it to."""
        train, test = (self._weighted(data, is_held_out=held_out) for held_out in (False, True))
        return train, test

    def _weighted(self, data, *, is_held_out):
        def weigh(params):
            given = data.X, params.get("sample_weight"), *self
            return {**params, "sample_weight": weights_of_fold(*given, is_held_out=is_held_out)}

        return data._replace(for_fit=weigh(data.for_fit), for_score=weigh(data.for_score))


def _numbers(index: Any) -> np.ndarray:
    index = np.asarray(index)
    return np.flatnonzero(index) if index.dtype == bool else index


def _columns(kernel: Any, index: Any) -> Any:
    if not hasattr(kernel, "shape"):
        raise ValueError(
            "X is a precomputed kernel, but no array: pass it as an array or a sparse matrix."
        )
    if kernel.shape[0] != kernel.shape[1]:
        raise ValueError(
            f"X should be a square kernel matrix, of all rows with each other, but its shape is "
            f"{kernel.shape}."
        )
    return kernel[:, index]


class _Keeper(BaseEstimator):
    """Keeps the arguments of ``fit``."""

    def fit(self, X, y=None, **params):
        self.kept_ = X, y, params
        return self


def _no_score(*args):
    return 0.0


def _separate(params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of ``fit``, and those of scorers."""
    is_scorers = {name: name.startswith(OF_SCORER) for name in params}
    return (
        {name: value for name, value in params.items() if not is_scorers[name]},
        {k.removeprefix(OF_SCORER): value for k, value in params.items() if is_scorers[k]},
    )
