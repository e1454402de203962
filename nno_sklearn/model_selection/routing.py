"""Arguments of a search's ``fit``: the estimator's, the scorers' and the splitter's."""

from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from nno_sklearn.model_selection.scoring import ChainScorer, make_scorers, warn_of_weights


def route(search, X, y, params):
    """Lead the arguments of a search's ``fit`` to where they belong.

    Returns
    -------
    for_fit : dict
        Arguments of the estimator's ``fit``.
    for_search : dict
        Those that the fits and scores of the splits take.
    splits : list of (train, test)
    """
    cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(search, "fit", **params)
        for_fit, for_split = routed.estimator.fit, routed.splitter.split
        within = MetadataRouter(owner=search).add(
            estimator=search.estimator,
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )
        within.add(
            scorer=ChainScorer(search.estimator, search.scoring, search.error_score),
            method_mapping=MethodMapping().add(caller="fit", callee="score"),
        )
        for_search = {name: params[name] for name in within.consumes("fit", params)}
    else:
        for_search = {name: value for name, value in params.items() if name != "groups"}
        for_fit, for_split = for_search, {"groups": params.get("groups")}
        if params.get("sample_weight") is not None:
            warn_of_weights(make_scorers(search.estimator, search.scoring), search)
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
    return for_fit, for_search, splits
