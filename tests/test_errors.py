"""Mistakes are answered: what is wrong, why, and what to do instead."""

import re
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from nno_sklearn import (
    GradientDescent,
    NearestNeighborSolver,
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    ProximalSolver,
)
from nno_sklearn.inspection import coefficients
from nno_sklearn.losses import Huber, LogLoss, SquaredError
from nno_sklearn.penalties import L1, L2, MCP, ElasticNet, GroupLasso

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
NUMBERS = RNG.normal(size=30)
LABELS = (NUMBERS > 0).astype(int)
ESTIMATORS = [NNORegressor, NNOClassifier]


def message(estimator, X=X, y=None, sample_weight=None, error=ValueError):
    """Error message of a fit that must fail."""
    if y is None:
        y = LABELS if isinstance(estimator, NNOClassifier) else NUMBERS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error) as caught:
            estimator.fit(X, y, sample_weight=sample_weight)
    assert not hasattr(estimator, "coef_")
    assert not hasattr(estimator, "n_features_in_")
    return str(caught.value)


def changed(array, value):
    array = np.array(array, dtype=float)
    array[(1,) * array.ndim] = value
    return array


@pytest.mark.parametrize("make", ESTIMATORS)
class TestHyperParameters:
    @pytest.mark.parametrize(
        ("params", "said"),
        [
            ({"alpha": -1}, "alpha=-1: it must be a number of at least 0, since a negative"),
            ({"alpha": np.nan}, "alpha=nan: it must be a number of at least 0"),
            ({"alpha": np.inf}, "alpha=inf: it must be a number of at least 0"),
            ({"alpha": "1"}, "alpha='1': it must be a number"),
            ({"alpha": "auto"}, "NNOSearchCV(model, alphas='auto'), or with alphas=[...], chooses"),
            ({"alpha": None}, "alpha=None: it must be a number"),
            ({"alpha": True}, "alpha=True: it must be a number"),
            ({"alpha": [1.0]}, "alpha=[1.0]: it must be a number"),
            ({"l1_ratio": -0.1}, "l1_ratio=-0.1: it must be a number between 0 and 1"),
            ({"l1_ratio": 1.5}, "l1_ratio=1.5: it must be a number between 0 and 1, since it"),
            ({"l1_ratio": np.nan}, "l1_ratio=nan"),
            ({"tol": -1e-9}, "tol=-1e-09: it must be a number of at least 0, since it bounds"),
            ({"tol": np.nan}, "tol=nan"),
            ({"max_iter": 0}, "max_iter=0: it counts iterations, so it must be a whole number"),
            ({"max_iter": 1.5}, "max_iter=1.5: it counts iterations"),
            ({"max_iter": -1}, "max_iter=-1"),
            ({"max_iter": True}, "max_iter=True"),
            ({"max_iter": None}, "max_iter=None"),
            ({"fit_intercept": "False"}, "fit_intercept='False': it is a switch, so it must be "
                                         "True or False."),
            ({"fit_intercept": None}, "fit_intercept=None"),
            ({"fit_intercept": 0.0}, "fit_intercept=0.0"),
            ({"fit_intercept": 1}, "fit_intercept=1"),
            ({"warm_start": "False"}, "warm_start='False': it is a switch"),
            ({"warm_start": np.array([True])}, "warm_start=array([ True])"),
            ({"verbose": "no"}, "verbose='no': it says how much to print, so it must be True, "),
            ({"verbose": -1}, "verbose=-1"),
            ({"verbose": 0.5}, "verbose=0.5"),
            ({"verbose": None}, "verbose=None"),
            ({"random_state": "seed"}, "'seed' cannot be used to seed"),
            ({"penalty": "l3"}, "penalty='l3' is not known. Use one of 'l2', 'l1', 'elasticnet', "
                                "'group_lasso', 'mcp', 'scad', 'slope', 'fused_lasso', None, "
                                "or a Penalty object."),
            ({"penalty": L1}, "L1 is a class: pass an object, L1()."),
            ({"solver": "newton"}, "solver='newton' is not known. Use one of 'auto', 'gd', "
                                   "'nearest_neighbor', 'proximal', or a Solver object."),
            ({"solver": None}, "solver=None is not known"),
            ({"solver": ProximalSolver}, "ProximalSolver is a class: pass an object, "
                                         "ProximalSolver()."),
            ({"loss": None}, "loss=None is not known. Use one of '"),
            ({"loss": 3}, "loss=3 is not known"),
            ({"loss": ["log_loss"]}, "loss=['log_loss'] is not known"),
            ({"penalty": np.ones(2)}, "is not known. Use one of 'l2'"),
        ],
    )  # fmt: skip
    def test_numbers_and_names(self, make, params, said):
        assert said in message(make(**params))

    def test_flags_of_numpy(self, make):
        flags = {"fit_intercept": np.False_, "warm_start": np.True_, "verbose": np.False_}
        assert not np.any(make(**flags).fit(X, LABELS).intercept_)

    def test_the_name_of_another_parameter(self, make):
        said = r"no parameter C: the strength of its penalty is alpha.* 1 / \(C \* n_samples\)"
        with pytest.raises(TypeError, match=said):
            make(C=1.0)
        with pytest.raises(ValueError, match=said):
            make().set_params(C=1.0)

        class OfItsOwn(make):
            def __init__(self, C=1.0):
                super().__init__(alpha=1 / C)
                self.C = C

        assert OfItsOwn(C=4.0).set_params(C=2.0).C == 2.0

    @pytest.mark.parametrize(
        ("solver", "said"),
        [
            (NearestNeighborSolver(n_landmarks=0),
             "NearestNeighborSolver(n_landmarks=0): n_landmarks is a count, so it must be a whole "
             "number of at least 1."),
            (NearestNeighborSolver(n_landmarks=2.5), "n_landmarks=2.5"),
            (NearestNeighborSolver(n_neighbors=-1), "n_neighbors is a count"),
            (NearestNeighborSolver(n_neighbors="all"), "n_neighbors='all'"),
            (NearestNeighborSolver(metric="euclid"),
             "metric='euclid'): scikit-learn's NearestNeighbors does not know this metric. Use one "
             "of ["),
            (NearestNeighborSolver(n_corrections=-1), "n_corrections=-1"),
            (NearestNeighborSolver(n_corrections=1.5), "n_corrections=1.5"),
            (GradientDescent(n_corrections=-1), "n_corrections=-1"),
            (NearestNeighborSolver(n_neighbors=None, metric="cosine"),
             "NearestNeighborSolver(metric='cosine'): metric has no effect without n_neighbors=1. "
             "Give that, too, or leave metric out."),
        ],
    )  # fmt: skip
    def test_parameters_of_solvers(self, make, solver, said):
        assert said in message(make(solver=solver))

    @pytest.mark.parametrize("l1_ratio", [-0.5, 2.0, np.nan])
    def test_parameters_of_penalties(self, make, l1_ratio):
        said = message(make(penalty=ElasticNet(l1_ratio)))
        assert f"l1_ratio={l1_ratio}" in said
        assert "between 0 and 1" in said

    @pytest.mark.parametrize(
        ("penalty", "remedy"),
        [
            ("l1", "Use penalty='elasticnet', or leave l1_ratio out."),
            (None, "Use penalty='elasticnet', or leave l1_ratio out."),
            (L2(), "Use penalty='elasticnet', or leave l1_ratio out."),
            (ElasticNet(0.3), "Set that of the object, penalty__l1_ratio=0.2, or leave l1_ratio"),
            (GroupLasso([[0, 1]]), "Set that of the object, penalty__l1_ratio=0.2, or leave"),
        ],
        ids=str,
    )
    def test_a_share_without_effect(self, make, penalty, remedy):
        y = LABELS if make is NNOClassifier else NUMBERS
        with pytest.warns(UserWarning, match="has no effect") as said:
            model = make(penalty=penalty, l1_ratio=0.2).fit(X, y)
        said = str(said[0].message)
        assert f"l1_ratio=0.2 has no effect with penalty={penalty!r}: it is the share" in said
        assert remedy in said
        np.testing.assert_array_equal(model.coef_, make(penalty=penalty).fit(X, y).coef_)

    @pytest.mark.parametrize("penalty", ["l2", L1(gamma=1, first=None, eps=0)], ids=str)
    def test_defaults_are_taken_silently(self, make, penalty):
        class OfItsOwn(make):
            def __init__(self, penalty="l2", l1_ratio=0.9):
                super().__init__(penalty=penalty, l1_ratio=l1_ratio)

        y = LABELS if make is NNOClassifier else NUMBERS
        for model in (make(penalty=penalty, l1_ratio=0.5), OfItsOwn(penalty)):
            assert clone(model).fit(X, y).converged_

    @pytest.mark.parametrize("search", [GridSearchCV, NNOSearchCV])
    def test_a_search_may_cross_what_has_no_effect(self, make, search):
        grid = {"penalty": ["l2", "elasticnet"], "l1_ratio": [0.5, 0.2]}
        y = LABELS if make is NNOClassifier else NUMBERS
        with pytest.warns(UserWarning, match="l1_ratio=0.2 has no effect with penalty"):
            found = search(make(), grid, cv=2).fit(X, y).cv_results_
        assert np.isfinite(found["mean_test_score"]).all()

    @pytest.mark.parametrize("penalty", ["l1", "elasticnet", L1()])
    def test_gd_needs_a_gradient(self, make, penalty):
        said = message(make(penalty=penalty, solver="gd"), X=object(), y=object())
        assert said == (
            f"solver='gd' needs a penalty with a gradient everywhere, but {penalty!r} provides "
            "only conjugate, curvature, prox, value. Solvers that accept it: 'auto', "
            "'nearest_neighbor', 'proximal'."
        )

    def test_parameters_come_before_data(self, make):
        assert "alpha=-1" in message(make(alpha=-1), X=object(), y=object())


@pytest.mark.parametrize("make", ESTIMATORS)
class TestRows:
    @pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
    def test_gaps_and_infinities(self, make, layout):
        assert "Input X contains NaN" in message(make(), layout(changed(X, np.nan)))
        assert "Input X contains infinity" in message(make(), layout(changed(X, np.inf)))

    def test_shapes(self, make):
        assert "Expected 2D array, got 1D array instead" in message(make(), X[:, 0])
        assert "dim" in message(make(), X[None])
        assert "inconsistent numbers of samples: [30, 20]" in message(make(), y=LABELS[:20])
        assert "0 sample(s)" in message(make(), X[:0], LABELS[:0])
        assert "0 feature(s)" in message(make(), X[:, :0])

    def test_types(self, make):
        assert "could not convert string to float" in message(
            make(), np.char.add(X.astype(str), "?")
        )
        assert "Complex data not supported" in message(make(), X + 1j)

    @pytest.mark.parametrize(
        ("weight", "said"),
        [
            (np.zeros(30), "every weight is zero, so no row is left to fit. Give at least one row"),
            (-np.ones(30), "sample_weight has a negative entry (-1), but a weight counts "
                           "repetitions of a row. Use weights >= 0."),
            (np.ones((30, 2)), "sample_weight has shape (30, 2), but one number per row is needed"),
            (np.ones(29), "inconsistent numbers of samples: [30, 29]"),
            (changed(np.ones(30), np.nan), "sample_weight contains NaN"),
            (changed(np.ones(30), np.inf), "sample_weight contains infinity"),
            (0.0, "every weight is zero"),
            (["a"] * 30, "could not convert string to float"),
        ],
    )  # fmt: skip
    def test_weights(self, make, weight, said):
        assert said in message(make(), sample_weight=weight)

    def test_one_weight_for_all_rows(self, make):
        same, plain = (make().fit(X, LABELS, weight) for weight in (2.0, None))
        np.testing.assert_allclose(same.coef_, plain.coef_, rtol=1e-12)

    @pytest.mark.parametrize("weight", [1e-320, 1e300])
    def test_extreme_weights_count_like_ones(self, make, weight):
        y = LABELS if make is NNOClassifier else NUMBERS
        model = make(alpha=0.1, tol=1e-10).fit(X, y, np.full(30, weight))
        np.testing.assert_allclose(model.coef_, make(alpha=0.1, tol=1e-10).fit(X, y).coef_, 1e-4)


class TestTargets:
    @pytest.mark.parametrize(
        ("loss", "y", "said"),
        [
            ("poisson", changed(np.ones(30), -2), r"y >= 0, but the smallest is -2: negative "
             r"counts have no Poisson deviance. .*loss='squared_error' or 'huber'"),
            ("poisson", np.zeros(30), r"at least one target y > 0 in each output, but all are 0"),
            ("poisson", np.column_stack([np.ones(30), np.zeros(30)]), "at least one target y > 0"),
            ("gamma", changed(np.ones(30), 0), r"y > 0, but the smallest is 0: .*loss='poisson'"),
            ("gamma", changed(np.ones(30), -1), "y > 0, but the smallest is -1"),
            ("squared_error", changed(NUMBERS, np.nan), "Input y contains NaN"),
            ("squared_error", changed(NUMBERS, np.inf), "Input y contains infinity"),
            ("squared_error", np.array(["a"] * 30), "could not convert string to float"),
            (Huber(0), NUMBERS, r"Huber\(delta=0\): delta must be greater than 0.*Use for"),
            (Huber(np.nan), NUMBERS, r"Huber\(delta=nan\): delta must be greater than 0"),
            ("squared_hinge", LABELS,
             "'squared_hinge' is not known. Use one of 'squared_error', 'huber'"),
            (SquaredError, NUMBERS, r"SquaredError is a class: pass an object, SquaredError\(\)"),
        ],
    )  # fmt: skip
    def test_regression(self, loss, y, said):
        assert re.search(said, message(NNORegressor(loss), y=y))

    def test_only_rows_that_count_are_judged(self):
        y, weight = np.where(LABELS == 1, 2.0, -1.0), LABELS.astype(float)
        NNORegressor("poisson").fit(X, y, weight)
        assert "all are 0" in message(
            NNORegressor("poisson"), y=np.maximum(y, 0), sample_weight=1 - weight
        )

    @pytest.mark.parametrize(
        ("y", "said"),
        [
            (np.zeros(30), "y has only one class with a positive weight"),
            (NUMBERS, "Unknown label type: continuous"),
            (changed(LABELS, np.nan), "NaN"),
            (np.column_stack([LABELS, 2 - LABELS]), "y has 2 columns, so each is to tell by 0 or"),
        ],
    )
    def test_classification(self, y, said):
        assert said in message(NNOClassifier(), y=y)

    def test_one_class_left_by_weights(self):
        said = message(NNOClassifier(), sample_weight=LABELS)
        assert "only one class with a positive weight, [1]" in said
        assert "Check the labels, sample_weight and class_weight." in said

    @pytest.mark.parametrize(
        ("class_weight", "said"),
        [
            ("even", "class_weight='even' is not known. Use None, 'balanced', or a dict"),
            (3, "class_weight=3 is not known"),
            ([1, 2], "class_weight=[1, 2] is not known"),
            ({0: 1, 1: -1}, "but it multiplies sample weights. Use finite factors >= 0."),
            ({0: 1, 1: 0}, "only one class with a positive weight, [0]"),
            ({0: 1, 1: np.nan}, "class_weight="),
            ({0: 1, 1: np.inf}, "class_weight="),
            ({0: 1, 1: "a"}, "class_weight="),
        ],
    )
    def test_class_weight(self, class_weight, said):
        assert said in message(NNOClassifier(class_weight=class_weight))

    def test_class_weight_0_of_three(self):
        said = message(NNOClassifier(class_weight={0: 0, 1: 1, 2: 1}), y=np.arange(30) % 3)
        assert "class_weight gives the weight 0 to [0]: leave out the rows of that class" in said

    def test_loss_of_the_other_kind(self):
        assert "'huber' is not known. Use one of 'log_loss'" in message(NNOClassifier("huber"))
        assert "LogLoss is a class: pass an object, LogLoss()." in message(NNOClassifier(LogLoss))


@pytest.mark.parametrize("make", ESTIMATORS)
def test_new_data_are_checked(make):
    model = make().fit(X, LABELS)
    for bad, said in ((X[:, :2], "is expecting 3 features"), (changed(X, np.nan), "contains NaN")):
        with pytest.raises(ValueError, match=said):
            model.predict(bad)


@pytest.mark.parametrize(
    ("given", "name", "said"),
    [
        (
            {"penalty": "mcp"},
            "penalty__gamma",
            r"penalty='mcp' is no object.*penalty=MCP\(\), or in",
        ),
        ({"penalty": None}, "penalty__gamma", "penalty=None is no object.*are to be set, or in a"),
        ({"loss": "quantile"}, "loss__quantile", r"to be set, loss=Quantile\(\)"),
        ({"solver": "gd"}, "solver__n_corrections", r"to be set, solver=GradientDescent\(\)"),
    ],
)
def test_a_name_has_no_parameters(given, name, said):
    model = NNORegressor(**given)
    with pytest.raises(ValueError, match=f"^{name}: .*{said}"):
        model.set_params(**{name: 2})
    model.set_params(penalty=MCP(), penalty__gamma=2)
    assert model.penalty.gamma == 2


def test_an_offset_of_ordered_classes_is_one_number():
    with pytest.raises(ValueError, match="1 raw prediction for each row: pass one number for each"):
        NNOClassifier("ordinal").fit(X, np.digitize(NUMBERS, [-1, 1]), offset=np.ones((30, 3)))


def test_standard_errors_of_adaptive_weights_are_not_known():
    model = NNORegressor(penalty=L2(weights="adaptive")).fit(X, NUMBERS)
    with pytest.raises(
        ValueError, match=r"L2\(weights='adaptive'\) are not known: its weights vary"
    ):
        coefficients(model, X=X, y=NUMBERS)
