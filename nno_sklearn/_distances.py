"""The distances between rows that a user can choose."""

from sklearn.neighbors import VALID_METRICS, VALID_METRICS_SPARSE

#: Metrics of scikit-learn's NearestNeighbors for rows of any number of columns, without further
#: arguments.
METRICS = sorted(
    set(VALID_METRICS["brute"]) - {"haversine", "mahalanobis", "precomputed", "seuclidean"}
)


def check_metric(metric, owner="{}"):
    """Raise a ValueError unless ``metric`` is a distance that a search can use.

    Parameters
    ----------
    metric : str or callable
    owner : str, default="{}"
        Format of the start of the error: whose parameter ``metric=...`` is.
    """
    if not callable(metric) and metric not in METRICS:
        raise ValueError(
            f"{owner.format(f'metric={metric!r}')}: scikit-learn's NearestNeighbors does not know "
            f"this metric. Use one of {METRICS}, or a callable."
        )


def check_metric_on(metric, is_sparse):
    """Raise a ValueError where a known ``metric`` cannot be used on rows stored as these are."""
    known = set(VALID_METRICS_SPARSE["brute"])
    if is_sparse and not callable(metric) and metric not in known:
        raise ValueError(
            f"metric={metric!r}: scikit-learn's NearestNeighbors does not take it for sparse X. "
            f"Use one of {sorted(known.intersection(METRICS))}, or pass X.toarray()."
        )
