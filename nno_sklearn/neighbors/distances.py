"""What may be called near: the distances between rows that a user can ask for."""

from sklearn.neighbors import VALID_METRICS

#: Those of scikit-learn's NearestNeighbors that are of rows, however many columns they have, and
#: need no further argument.
METRICS = sorted(
    set(VALID_METRICS["brute"]) - {"haversine", "mahalanobis", "precomputed", "seuclidean"}
)


def check_metric(metric, owner="{}"):
    """Raise a ValueError unless ``metric`` is a distance that a search can use.

    Parameters
    ----------
    metric : str or callable
    owner : str, default="{}"
        Format of the error's beginning: who was given ``metric=...``.
    """
    if not callable(metric) and metric not in METRICS:
        raise ValueError(
            f"{owner.format(f'metric={metric!r}')}: scikit-learn's NearestNeighbors does not know "
            f"this metric. Use one of {METRICS}, or a callable."
        )
