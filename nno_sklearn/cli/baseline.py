"""scikit-learn's estimator with the same objective."""

from nno_sklearn.counterparts import counterparts


def make_baseline(n_samples, *, loss, penalty, alpha, l1_ratio, **search):
    """Make the scikit-learn estimator with the same objective, for fits on n_samples rows.

    Parameters
    ----------
    n_samples : int
        Some of scikit-learn's strengths depend on the number of rows; ``alpha`` does not.
    loss, penalty, alpha, l1_ratio
        As in NNOClassifier and NNORegressor.
    **search
        ``tol``, ``max_iter`` and ``random_state``, set where the estimator has them.

    Returns
    -------
    Estimator, or None where scikit-learn has none.
    """
    found = counterparts(
        loss=loss, penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, total_weight=n_samples
    )
    if not found:
        return None
    known = found[0].get_params()
    return found[0].set_params(**{name: search[name] for name in search if name in known})
