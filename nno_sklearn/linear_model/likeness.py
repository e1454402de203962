"""Twins of scikit-learn's estimators, wherever they stand in a pipeline or a search."""

from typing import Any

from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from nno_sklearn._linear_model import LinearModel
from nno_sklearn.linear_model import (
    classification,
    cross_validated,
    multi_task,
    online,
    regression,
)
from nno_sklearn.linear_model.twin import Twin
from nno_sklearn.model_selection import NNOSearchCV

#: The twin of each estimator of scikit-learn that has one.
TWINS: dict[type[BaseEstimator], type[Twin]] = {
    twin.theirs: twin
    for module in (regression, multi_task, classification, cross_validated, online)
    for twin in vars(module).values()
    if isinstance(twin, type) and issubclass(twin, Twin) and "theirs" in vars(twin)
}


def like(estimator: Any) -> Any:
    """Make the twin of an estimator of scikit-learn, with its parameters.

    Parameters
    ----------
    estimator : estimator
        One that :mod:`nno_sklearn.linear_model` has a twin of; or any that has such within: a
        pipeline, ColumnTransformer, MultiOutputClassifier, ... GridSearchCV and RandomizedSearchCV
        become :class:`~nno_sklearn.NNOSearchCV`. It is not changed.

    Returns
    -------
    estimator
        Not fitted. Transformers, and what already is of this package, are cloned.

    Raises
    ------
    ValueError
        For a classifier or regressor without a twin.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from nno_sklearn import like
    >>> model = like(make_pipeline(StandardScaler(), LogisticRegression(C=10.0)))
    >>> type(model[-1]).__module__
    'nno_sklearn.linear_model.classification'
    """
    kind = type(estimator)
    if isinstance(estimator, LinearModel | NNOSearchCV):
        return clone(estimator)
    params = estimator.get_params(deep=False)
    if kind in TWINS:
        return TWINS[kind](**clone(params, safe=False))
    changed = {name: _like_within(value) for name, value in params.items()}
    if kind in (GridSearchCV, RandomizedSearchCV):
        taken = {name: value for name, value in changed.items() if name in _OF_SEARCH}
        return NNOSearchCV(**taken)
    holds_some = any(_holds_estimators(value) for value in params.values())
    if not holds_some and (is_classifier(estimator) or is_regressor(estimator)):
        names = ", ".join(sorted(one.__name__ for one in TWINS))
        raise ValueError(
            f"{kind.__name__} has no twin in nno_sklearn.linear_model. Those that have one: "
            f"{names}. NNOClassifier and NNORegressor take other losses and penalties."
        )
    return kind(**changed)


#: Parameters of NNOSearchCV, which takes those of both searches.
_OF_SEARCH = NNOSearchCV(None).get_params(deep=False).keys()


def _like_within(value: Any) -> Any:
    """A parameter whose estimators are replaced by their twins."""
    if _is_estimator(value):
        return like(value)
    if isinstance(value, dict):
        return {name: _like_within(one) for name, one in value.items()}
    if _holds_estimators(value):  # steps of a pipeline, transformers by name
        return type(value)(_like_within(one) for one in value)
    return clone(value, safe=False)


def _holds_estimators(value: Any) -> bool:
    if isinstance(value, dict):
        return _holds_estimators(list(value.values()))
    if isinstance(value, list | tuple):
        return any(_holds_estimators(one) for one in value)
    return _is_estimator(value)


def _is_estimator(value: Any) -> bool:
    return isinstance(value, BaseEstimator)
