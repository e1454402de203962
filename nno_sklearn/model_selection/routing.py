"""Arguments of a search's ``fit``: the estimator's, the scorers' and the splitter's."""

from typing import Any, NamedTuple

from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import process_routing

from nno_sklearn._containers import is_lazy
from nno_sklearn._split import Data, IndexSplit, RangeSplit
from nno_sklearn.model_selection.in_parts import ScoringByParts, check_in_parts, kept_data
from nno_sklearn.model_selection.scoring import Scoring

#: Folds where ``cv`` is None.
N_FOLDS = 5


class Routed(NamedTuple):
    """What a search is given to do."""

    #: With the arguments of the estimator's ``fit`` and of the scorers.
    data: Data
    splits: list[IndexSplit] | list[RangeSplit]
    scoring: Scoring


def route(search: Any, X: Any, y: Any, params: dict[str, Any]) -> Routed:
    """Split the arguments of a search's ``fit`` among estimator, scorers and splitter."""
    if is_lazy(X):
        return _routed_in_parts(search, X, y, params)
    X, y = indexable(X, y)
    scoring = Scoring(search.estimator, search.scoring, search.error_score)
    data, for_split = _shared_out(search, scoring, X, y, params)
    cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    splits, n_splits = list(cv.split(X, y, **for_split)), cv.get_n_splits(X, y, **for_split)
    if len(splits) != n_splits:
        raise ValueError(
            f"cv.split and cv.get_n_splits return inconsistent results. Expected {n_splits} "
            f"splits, got {len(splits)}"
        )
    if not splits:
        raise ValueError(
            "No fits were performed. Was the CV iterator empty? Were there no candidates? "
            f"cv={search.cv!r} gives no split, so there is nothing to fit."
        )
    return Routed(data, [IndexSplit(*split) for split in splits], scoring)


def _routed_in_parts(search, X, y, params):
    check_in_parts(search, y, params)
    scoring = ScoringByParts(search.estimator, search.scoring, search.error_score)
    data, _ = _shared_out(search, scoring, *kept_data(X, y, params))
    n_splits = N_FOLDS if search.cv is None else search.cv
    return Routed(data, [RangeSplit(number, n_splits) for number in range(n_splits)], scoring)


def _shared_out(search, scoring, X, y, params):
    """The data with the arguments of estimator and scorers, and those of the splitter."""
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(search, "fit", **params)
        data = Data(X, y, routed.estimator.fit, routed.scorer.score)
        return data, routed.splitter.split
    for_fit = {name: value for name, value in params.items() if name != "groups"}
    data = Data(X, y, for_fit, scoring.arguments(params, search))
    return data, {"groups": params.get("groups")}
