"""Searches for the nearest rows, and the distances between rows that a user can choose.

``sklearn.neighbors`` brings forty modules, which take longer than a small fit: it is imported by
the first search, not with this package.
"""


def nearest_neighbors(**options):
    """A search by scikit-learn's ``NearestNeighbors``, whose parameters the options are."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(**options)


def metrics():
    """Metrics of scikit-learn's ``NearestNeighbors`` for rows of any number of columns, without
    further arguments; sorted."""
    from sklearn.neighbors import VALID_METRICS

    others = {"haversine", "mahalanobis", "precomputed", "seuclidean"}
    return sorted(set(VALID_METRICS["brute"]) - others)


def check_metric(metric, owner="{}"):
    """Raise a ValueError unless ``metric`` is a distance that a search can use.

    Parameters
    ----------
    metric : str or callable
    owner : str, default="{}"
        Format of the start of the error: whose parameter ``metric=...`` is.
    """
    if not callable(metric) and metric not in (known := metrics()):
        raise ValueError(
            f"{owner.format(f'metric={metric!r}')}: scikit-learn's NearestNeighbors does not know "
            f"this metric. Use one of {known}, or a callable."
        )


def check_metric_on(metric, is_sparse):
    """Raise a ValueError where a known ``metric`` cannot be used on rows stored as these are."""
    if not is_sparse or callable(metric):
        return
    from sklearn.neighbors import VALID_METRICS_SPARSE

    known = set(VALID_METRICS_SPARSE["brute"])
    if metric not in known:
        raise ValueError(
            f"metric={metric!r}: scikit-learn's NearestNeighbors does not take it for sparse X. "
            f"Use one of {sorted(known.intersection(metrics()))}, or pass X.toarray()."
        )
