"""Arguments of a search's ``fit``: the estimator's, the scorers' and the splitter's."""

from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import process_routing

from nno_sklearn._split import Data


def route(search, scoring, X, y, params):
    """Split the arguments of a search's ``fit`` among estimator, scorers and splitter.

    Returns
    -------
    data : Data
        With the arguments of the estimator's ``fit`` and of the scorers.
    splits : list of (train, test)
    """
    cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(search, "fit", **params)
        for_fit, for_score = routed.estimator.fit, routed.scorer.score
        for_split = routed.splitter.split
    else:
        for_fit = {name: value for name, value in params.items() if name != "groups"}
        for_score = scoring.arguments(params, search)
        for_split = {"groups": params.get("groups")}
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
    return Data(X, y, for_fit, for_score), splits
