"""What NNOSearchCV's tests share: a small problem per loss, and results laid side by side."""

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.penalties import NoPenalty
from nno_sklearn.solvers import SOLVERS
from tests.problems import LABEL_LOSSES, LOSSES, PENALTIES, make_matrix, make_target, make_weight

#: What a search adds to scikit-learn's ``cv_results_``.
OWN = {"strength"} | {
    f"{kind}_{what}"
    for kind in ("mean", "std")
    for what in ("n_iter", "n_passes", "n_nonzeros", "converged")
}
ALPHAS = (0.3, 0.03)
N = 60
X = make_matrix(N)
NUMBERS = make_target("squared_error", X)[:, 0]
WRONG = slice(None, None, 3)  # rows of another label, so that no half of the rows is separable


def labels(target, n_classes):
    codes = target.astype(int)
    codes[WRONG] = (codes[WRONG] + 1) % n_classes
    return codes


LABELS = np.array(["no", "yes"])[labels(make_target("log_loss", X)[:, 0], 2)]
KINDS = np.array(["a", "b", "c"])[labels(make_target("multinomial", X).argmax(axis=1), 3)]
WEIGHT = make_weight(N)
GROUPS = np.arange(N) // 4


def mean_square(y, raw, sample_weight=None):
    """A scorer that tells models apart more sharply than any quality score."""
    if raw.ndim == 2:  # without a penalty the mean over multinomial outputs is arbitrary
        raw = raw - raw.mean(axis=1, keepdims=True)
    return float(np.average(np.square(raw), axis=0, weights=sample_weight).mean())


SIZE = make_scorer(mean_square, response_method=("decision_function", "predict"))


def data_of(loss):
    """A model with a loss of ``LOSSES``, as exact as float64 allows, and targets for it."""
    target = make_target(loss, X)
    if loss == "multinomial":
        return NNOClassifier(tol=1e-12, max_iter=5000), labels(target.argmax(axis=1), 3)
    if loss in LABEL_LOSSES:
        return NNOClassifier(LOSSES[loss], tol=1e-12, max_iter=5000), labels(target[:, 0], 2)
    return NNORegressor(LOSSES[loss], tol=1e-12, max_iter=5000), target[:, 0]


def penalties_of(solver, loss):
    """Penalties that a solver takes with a loss."""
    missing = SOLVERS[solver]().missing
    known = [*PENALTIES.values(), NoPenalty()]
    return [penalty for penalty in known if not missing(LOSSES[loss], penalty)]


CLASSIFIER, REGRESSOR = NNOClassifier(tol=1e-8), NNORegressor(tol=1e-8)


def search(estimator=REGRESSOR, grid=None, y=None, **params):
    """NNOSearchCV, fitted to the labels or numbers."""
    y = (LABELS if is_classifier(estimator) else NUMBERS) if y is None else y
    return NNOSearchCV(estimator, grid, **{"cv": 4, **params}).fit(X, y)


def message(*args, fit=(X, NUMBERS), error=ValueError, **params):
    """Error message of a search that must fail."""
    with pytest.raises(error) as caught:
        NNOSearchCV(*args, **params).fit(*fit)
    return str(caught.value)


def both(estimator, grid, *data, theirs=GridSearchCV, fit=None, **params):
    """NNOSearchCV and scikit-learn's search, fitted to the same."""
    params = {"cv": 2, **params}
    ours = NNOSearchCV(estimator, grid, **params).fit(*data, **(fit or {}))
    return ours, theirs(estimator, grid, **params).fit(*data, **(fit or {}))


def assert_same_search(ours, theirs, *, rtol=1e-4, atol=1e-6):
    """Two fitted searches that differ in nothing but time, and the columns that are ours."""
    assert_same_results(ours.cv_results_, theirs.cv_results_, rtol=rtol, atol=atol)
    assert ours.n_splits_ == theirs.n_splits_
    assert ours.multimetric_ == theirs.multimetric_
    assert hasattr(ours, "best_index_") == hasattr(theirs, "best_index_")
    assert hasattr(ours, "best_score_") == hasattr(theirs, "best_score_")
    assert hasattr(ours, "best_estimator_") == hasattr(theirs, "best_estimator_")
    if hasattr(theirs, "best_estimator_"):
        assert type(ours.best_estimator_) is type(theirs.best_estimator_)
    if getattr(theirs, "best_index_", None) == getattr(ours, "best_index_", None):  # no tie
        assert repr(getattr(ours, "best_params_", 0)) == repr(getattr(theirs, "best_params_", 0))
        assert repr(getattr(ours, "best_estimator_", 0)) == repr(
            getattr(theirs, "best_estimator_", 0)
        )
    else:
        assert hasattr(theirs, "best_score_")
    if hasattr(theirs, "best_score_"):
        np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=rtol, atol=atol)


def assert_same_results(ours, theirs, *, rtol=1e-4, atol=1e-6):
    assert set(ours) == set(theirs) | OWN
    for key, expected in theirs.items():
        found = ours[key]
        if key == "params":
            assert repr(found) == repr(expected)
        elif key.startswith("param_"):
            assert isinstance(found, np.ma.MaskedArray)
            assert found.dtype == expected.dtype, key
            np.testing.assert_array_equal(found.mask, expected.mask)
            assert repr(found.compressed().tolist()) == repr(expected.compressed().tolist())
        elif "time" in key:
            assert found.shape == expected.shape and found.dtype == expected.dtype
            assert (found >= 0).all()
        elif key.startswith("rank"):
            assert found.dtype == expected.dtype
            _assert_same_ranks(found, expected, theirs[key.replace("rank", "mean")], rtol, atol)
        else:
            assert found.dtype == expected.dtype, key
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=key)


def _assert_same_ranks(found, expected, mean, rtol, atol):
    """Ranks may differ only among means that are equal up to the tolerance."""
    for k in np.flatnonzero(found != expected):
        slack = 2 * (rtol * abs(mean[k]) + atol)
        better, as_good = mean > mean[k] + slack, mean >= mean[k] - slack
        assert better.sum() < found[k] <= as_good.sum()
