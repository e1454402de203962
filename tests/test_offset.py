"""Offsets: raw predictions X w + b + o, with o known: in fits, searches and streams."""

import itertools

import numpy as np
import pytest
import sklearn
from scipy import optimize, sparse
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance, r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV, _data_checks
from nno_sklearn._data_checks import effective_rows
from nno_sklearn.losses import MultinomialLogLoss
from tests.estimators import CORNERED

RNG = np.random.default_rng(0)
N, P, ALPHA, TOL = 80, 4, 0.02, 1e-7
X = RNG.normal(size=(N, P)) * [1.0, 2.0, 0.5, 1.0] + [0.0, 1.0, 0.0, -1.0]
SIGNAL = X @ [0.6, -0.4, 0.0, 0.3]
OFFSET, OFFSETS = RNG.normal(size=N) + 0.5, RNG.normal(size=(N, 3))
EXPOSURE = RNG.uniform(0.5, 50.0, N)
COUNTS = RNG.poisson(EXPOSURE * np.exp(0.5 * SIGNAL - 1)).astype(float)
NUMBERS = SIGNAL + OFFSET + 0.3 * RNG.normal(size=N)
LABELS = (SIGNAL + OFFSET + RNG.logistic(size=N) > 0).astype(int)
KINDS = (SIGNAL[:, None] * [1, 0, -1] + OFFSETS + RNG.gumbel(size=(N, 3))).argmax(axis=1)
WEIGHT = RNG.integers(0, 3, N).astype(float)
CONTAINERS = {"dense": np.asarray, "csr": sparse.csr_array, "float32": np.float32}
#: Loss, targets and offset of a model with it; tests/test_nonsmooth.py has losses with corners.
CASES = {
    **{
        name: (NNORegressor, name, np.exp(0.2 * NUMBERS), OFFSET)
        for name in NNORegressor.named_losses
        if name not in ("log_loss", *CORNERED)
    },
    "shares": (NNORegressor, "log_loss", 1 / (1 + np.exp(-NUMBERS)), OFFSET),
    "several": (NNORegressor, "huber", np.column_stack([NUMBERS, COUNTS / 9, SIGNAL]), OFFSETS),
    **{
        name: (NNOClassifier, name, LABELS, OFFSET)
        for name in NNOClassifier.named_losses
        if name not in CORNERED
    },
    "multinomial": (NNOClassifier, "log_loss", KINDS, OFFSETS),
    "one against the rest": (NNOClassifier, "squared_hinge", KINDS, OFFSETS),
}
SOLVERS = {"l2": ("auto", "gd", "proximal", "nearest_neighbor"), "l1": ("auto", "proximal")}


def least_objective(model, y, offset, weight, is_l1):
    """The optimum of a fitted model's problem by scipy, from its definition alone."""
    loss, offset = model.loss_, offset.reshape(N, -1)
    y = np.eye(3)[y] if offset.shape[1] == 3 and y.ndim == 1 else y.reshape(N, -1).astype(float)
    k, weight = y.shape[1], weight / weight.sum()

    def objective(flat):
        above, below, b = np.split(flat.reshape(-1, k), [P, 2 * P])
        w = above - below
        eta = X @ w + b + offset
        value, residual = loss.value(y, eta), weight[:, None] * loss.gradient(y, eta)
        slope = X.T @ residual
        penalty = (above + below).sum() if is_l1 else 0.5 * (w**2).sum()
        own = [1.0, 1.0] if is_l1 else [w, -w]
        parts = [slope + ALPHA * own[0], -slope + ALPHA * own[1], residual.sum(axis=0)[None]]
        return weight @ value.sum(axis=1) + ALPHA * penalty, np.vstack(parts).ravel()

    bounds = [(0, None)] * (2 * P * k) + [(None, None)] * k
    options = {"maxiter": 20000, "maxfun": 10**6, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 50}
    start = np.zeros((2 * P + 1) * k)
    found = optimize.minimize(
        objective, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options
    )
    return found.fun


@pytest.mark.each_value
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("case", list(CASES))
def test_every_loss_penalty_and_solver_finds_the_optimum_with_an_offset(case, penalty):
    kind, loss, y, offset = CASES[case]
    best = None
    for container, solver in itertools.product(CONTAINERS, SOLVERS[penalty]):
        tol, rows = 1e-4 if container == "float32" else TOL, CONTAINERS[container](X)
        model = kind(loss, penalty=penalty, alpha=ALPHA, solver=solver, tol=tol, random_state=0)
        model.fit(rows, y, WEIGHT, offset=offset)
        if best is None:
            best = least_objective(model, y, offset, WEIGHT, penalty == "l1")
        assert model.objective_ == pytest.approx(best, rel=2 * tol)
        assert model.objective_ - best <= model.dual_gap_ + 1e-6 * best
    if kind is NNOClassifier:
        plain = model.decision_function(rows)
        np.testing.assert_allclose(model.decision_function(rows, offset=offset), plain + offset)


def test_exposure_is_the_weighted_rate_of_scikit_learn():
    scale = EXPOSURE.mean()  # the weights' mean is 1 in our form, the exposure's in theirs
    model = NNORegressor("poisson", alpha=ALPHA, tol=1e-10).fit(X, COUNTS, offset=np.log(EXPOSURE))
    rates = PoissonRegressor(alpha=ALPHA / scale, tol=1e-12, max_iter=10**4)
    rates.fit(X, COUNTS / EXPOSURE, sample_weight=EXPOSURE)
    np.testing.assert_allclose(model.coef_, rates.coef_, rtol=1e-6)
    assert model.intercept_ == pytest.approx(rates.intercept_, rel=1e-6)
    np.testing.assert_allclose(model.predict(X), rates.predict(X), rtol=1e-6)
    counts = model.predict(X, offset=np.log(EXPOSURE))
    np.testing.assert_allclose(counts, EXPOSURE * model.predict(X))


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_large_offset_of_squared_error_is_taken_from_the_targets(fit_intercept):
    given = {"penalty": "l1", "alpha": 0.05, "tol": 1e-9, "fit_intercept": fit_intercept}
    far = 1e4 * OFFSETS + 1e5
    many = NUMBERS[:, None] * [1.0, 2.0, -1.0]
    large = np.tile(X, (30, 1))  # more rows than second moments need
    for rows, y, offset in [(X, many, far), (large, np.tile(many, (30, 1)), np.tile(far, (30, 1)))]:
        model = NNORegressor(**given).fit(rows, y + offset, offset=offset)
        plain = NNORegressor(**given).fit(rows, y)
        np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-7)
        np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=1e-7)
        assert model.objective_ == pytest.approx(plain.objective_, rel=1e-7)


def test_an_offset_may_tell_the_targets_exactly():
    model = NNORegressor().fit(X, OFFSET + 3.0, offset=OFFSET)
    assert model.converged_
    np.testing.assert_allclose(model.coef_, 0.0, atol=1e-12)
    assert model.intercept_ == pytest.approx(3.0)


def test_labels_of_several_outputs_share_an_offset_of_one_column():
    table = np.column_stack([LABELS, 1 - LABELS])
    both = NNOClassifier(tol=1e-9).fit(X, table, offset=OFFSET)
    one = NNOClassifier(tol=1e-9).fit(X, LABELS, offset=OFFSET)
    np.testing.assert_allclose(both.coef_[0], one.coef_[0], atol=1e-6)
    given = {"offset": OFFSET}
    shares = both.predict_proba(X, **given)[:, 0]
    np.testing.assert_allclose(shares, one.predict_proba(X, **given)[:, 1], atol=1e-6)
    assert one.score(X, LABELS, **given) == (one.predict(X, **given) == LABELS).mean()
    np.testing.assert_allclose(
        one.predict_log_proba(X, **given), np.log(one.predict_proba(X, **given))
    )


def test_a_weight_is_a_repetition_of_row_and_offset():
    index = np.repeat(np.arange(N), WEIGHT.astype(int))
    given = {"alpha": ALPHA, "tol": 1e-10}
    weighted = NNORegressor("poisson", **given).fit(X, COUNTS, WEIGHT, offset=OFFSET)
    repeated = NNORegressor("poisson", **given).fit(X[index], COUNTS[index], offset=OFFSET[index])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7)


def test_rows_without_weight_keep_no_offset_of_their_own(monkeypatch):
    monkeypatch.setattr(_data_checks, "SMALL_COPY", 0)
    offset = np.where(WEIGHT > 0, OFFSET, 1e300)
    rows = effective_rows(X, WEIGHT, COUNTS, offset[:, None])
    assert len(rows[0]) == N and rows[3].max() < 10
    model = NNORegressor("poisson", tol=1e-9).fit(X, COUNTS, WEIGHT, offset=offset)
    known = WEIGHT > 0
    plain = NNORegressor("poisson", tol=1e-9)
    plain.fit(X[known], COUNTS[known], WEIGHT[known], offset=OFFSET[known])
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6)


@pytest.mark.parametrize(
    "offset, complaint",
    [
        (OFFSET[:-1], "offset has 79 entries, but X has 80 rows"),
        (np.where(np.arange(N) == 3, np.nan, OFFSET), "Input offset contains NaN"),
        (np.zeros((N, 2)), r"offset has 2 columns, but the model has 1 raw pred.*shape \(80, 1\)"),
        (np.zeros((N, 1, 1)), r"offset has shape \(80, 1, 1\).*one number per row"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(offset, complaint):
    model = NNORegressor().fit(X, NUMBERS)
    with pytest.raises(ValueError, match=complaint):
        NNORegressor().fit(X, NUMBERS, offset=offset)
    with pytest.raises(ValueError, match=complaint):
        model.predict(X, offset=offset)


def test_classes_need_an_offset_each():
    with pytest.raises(ValueError, match="pass one for each class, an array of shape \\(80, 3\\)"):
        NNOClassifier().fit(X, KINDS, offset=OFFSET)


def test_training_on_a_score_refuses_offsets():
    with pytest.raises(ValueError, match="training on a score knows no offsets. Use a loss"):
        NNOClassifier("f1").fit(X, LABELS, offset=OFFSET)


@pytest.mark.parametrize("stream, penalty", [("adagrad", "l2"), ("ftrl", "l1")])
def test_streams_add_the_offset(stream, penalty):
    given = {"stream": stream, "penalty": penalty, "alpha": ALPHA}
    model, plain = NNORegressor(**given), NNORegressor(**given)
    for rows in np.array_split(np.arange(N), 4):
        model.partial_fit(X[rows], NUMBERS[rows], offset=OFFSET[rows])
        plain.partial_fit(X[rows], NUMBERS[rows] - OFFSET[rows])
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-9)
    assert model.intercept_ == pytest.approx(plain.intercept_)


def test_streams_whose_memory_keeps_no_offset_refuse_it():
    with pytest.raises(ValueError, match="CellStream here.* without offsets.*'adagrad'"):
        NNORegressor().partial_fit(X, NUMBERS, offset=OFFSET)
    with pytest.raises(ValueError, match="CellStream here.* without offsets.*'adagrad'"):
        NNOClassifier().partial_fit(X, LABELS, classes=[0, 1], offset=OFFSET)


class TestSearches:
    ALPHAS, CV = (0.01, 1.0), KFold(3)
    LOG = np.log(EXPOSURE)

    def by_hand(self, measure, scaled=True):
        """Mean score of each alpha, the held-out rows predicted with their offsets."""
        scores = np.zeros((2, 3))
        for i, alpha in enumerate(self.ALPHAS):
            for k, (train, test) in enumerate(self.CV.split(X)):
                scaler = StandardScaler(with_mean=scaled, with_std=scaled).fit(X[train])
                model = NNORegressor("poisson", alpha=alpha, tol=1e-9)
                model.fit(scaler.transform(X[train]), COUNTS[train], offset=self.LOG[train])
                predicted = model.predict(scaler.transform(X[test]), offset=self.LOG[test])
                scores[i, k] = measure(COUNTS[test], predicted)
        return scores.mean(axis=1)

    def found(self, search):
        order = np.argsort(search.cv_results_["strength"])
        return {k: v[order] for k, v in search.cv_results_.items() if k.startswith("mean_test")}

    @pytest.mark.parametrize(
        "scoring", [None, "neg_mean_poisson_deviance", ["r2", "neg_median_absolute_error"]]
    )
    def test_held_out_rows_are_scored_with_their_offset(self, scoring):
        model = make_pipeline(StandardScaler(), NNORegressor("poisson", tol=1e-9))
        search = NNOSearchCV(model, alphas=self.ALPHAS, cv=self.CV, scoring=scoring, refit=False)
        found = self.found(search.fit(X, COUNTS, nnoregressor__offset=self.LOG))
        if scoring == "neg_mean_poisson_deviance":
            expected = self.by_hand(lambda y, mean: -mean_poisson_deviance(y, mean))
            np.testing.assert_allclose(found["mean_test_score"], expected, rtol=1e-6)
        else:
            name = "score" if scoring is None else "r2"
            expected = self.by_hand(r2_score)
            np.testing.assert_allclose(found[f"mean_test_{name}"], expected, rtol=1e-6)

    @pytest.mark.parametrize("kind", [GridSearchCV, NNOSearchCV])
    def test_offsets_are_routed_as_metadata(self, kind):
        with sklearn.config_context(enable_metadata_routing=True):
            model = NNORegressor("poisson", tol=1e-9).set_fit_request(offset=True)
            model.set_score_request(offset=True).set_predict_request(offset=True)
            # scikit-learn 1.6 loses the arguments of a pipeline's score in GridSearchCV.
            scaled, name = kind is NNOSearchCV, "alpha"
            if scaled:
                model, name = make_pipeline(StandardScaler(), model), "nnoregressor__alpha"
            search = kind(model, {name: list(self.ALPHAS)}, cv=self.CV)
            search.fit(X, COUNTS, offset=self.LOG)
            found = search.cv_results_["mean_test_score"]
            np.testing.assert_allclose(found, self.by_hand(r2_score, scaled), rtol=1e-6)
            if not scaled:
                best = search.best_estimator_.predict(X, offset=self.LOG)
                assert search.score(X, COUNTS, offset=self.LOG) == r2_score(COUNTS, best)


def test_the_joint_loss_is_the_one_tested():
    model = NNOClassifier().fit(X, KINDS, offset=OFFSETS)
    assert isinstance(model.loss_, MultinomialLogLoss)
