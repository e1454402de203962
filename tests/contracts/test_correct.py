"""Correct losses, penalties and solvers are never refused, whoever wrote them."""

import numpy as np
import pytest

from nno_sklearn import (
    NNOClassifier,
    NNORegressor,
    check_loss,
    check_penalty,
    check_solver,
)
from nno_sklearn.contracts import check_loss_on, check_penalty_on
from nno_sklearn.solvers import SOLVERS
from tests.problems import EVERY_PENALTY, LOSSES, X, Y
from tests.user_objects import (
    CORRECT_PENALTIES,
    LABEL_LOSSES,
    NUMBER_LOSSES,
    AsymmetricSquaredError,
    Exponential,
    Groups,
    SmoothedGroups,
    SteepestDescent,
    Tempered,
    Tweedie,
    WeightedL1,
)

LABELS = (Y > 0.5).astype(int)


class TestOwnClasses:
    @pytest.mark.parametrize("name", LOSSES)
    def test_losses(self, name):
        check_loss(LOSSES[name])

    @pytest.mark.parametrize("name", EVERY_PENALTY)
    def test_penalties(self, name):
        check_penalty(EVERY_PENALTY[name])

    @pytest.mark.parametrize("name", SOLVERS)
    def test_solvers(self, name):
        check_solver(SOLVERS[name]())


def numbers():
    """Targets of many scales and places, constant ones and single ones among them."""
    noise = np.random.default_rng(1).standard_t(2, size=(200, 1))
    yield from (s * noise + m for s in (1e-9, 1e-3, 1, 1e6) for m in (0, 1e3))
    yield from (np.full((50, 1), 3.7), np.zeros((5, 1)), np.array([[2.5]]))
    yield np.hstack([noise, 1000 * noise[::-1]])


class TestCorrectOnes:
    """No false alarm: correct objects pass."""

    @pytest.mark.parametrize("loss", NUMBER_LOSSES, ids=repr)
    def test_losses_of_numbers(self, loss):
        check_loss(loss)
        for y in numbers():
            if (
                "Float32SquaredError" not in repr(loss) or np.abs(y).max() < 100
            ):  # it has 7 digits only
                check_loss_on(loss, y)

    @pytest.mark.parametrize("loss", LABEL_LOSSES, ids=repr)
    def test_losses_of_labels(self, loss):
        for y in (LABELS[:, None].astype(float), np.eye(3)[np.digitize(Y, [0, 1])]):
            check_loss_on(loss, y)
            check_loss(loss, y)

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e6])
    def test_log_link(self, scale):
        check_loss_on(Tweedie(), scale * np.random.default_rng(0).gamma(0.5, size=(50, 1)))

    def test_coupled_outputs(self):
        check_loss_on(Tempered(), np.eye(3)[np.digitize(Y, [0, 1])])
        check_loss(Tempered())

    @pytest.mark.parametrize("penalty", CORRECT_PENALTIES, ids=repr)
    def test_penalties(self, penalty):
        check_penalty(penalty)
        for shape in ((1, 1), (3, 1), (7, 4), (500, 1), (5000, 2)):
            check_penalty_on(penalty, shape)

    def test_a_weight_for_each_feature(self):
        penalty = WeightedL1(np.linspace(0, 3, 9))
        check_penalty_on(penalty, (9, 2))
        check_penalty(penalty, n_features=9)

    def test_groups_have_no_step_for_each_coefficient(self):
        check_penalty_on(Groups(), (7, 3))
        with pytest.raises(ValueError, match=r"Groups.prox .* with a step for each coefficient"):
            check_penalty(Groups())

    def test_solvers(self):
        check_solver(SteepestDescent())

    @pytest.mark.parametrize("loss", NUMBER_LOSSES, ids=repr)
    def test_fits_are_not_refused(self, loss):
        model = NNORegressor(loss, alpha=0.1, max_iter=3, tol=1.0).fit(X, Y)
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize("penalty", CORRECT_PENALTIES, ids=repr)
    def test_fits_with_penalties_are_not_refused(self, penalty):
        NNORegressor(penalty=penalty, alpha=0.1, max_iter=3, tol=1.0).fit(X, Y)

    def test_classifiers_are_not_refused(self):
        model = NNOClassifier(Exponential(), alpha=0.1, solver=SteepestDescent()).fit(X, LABELS)
        assert model.predict_proba(X).shape == (120, 2)
        groups = NNOClassifier(penalty=SmoothedGroups(), alpha=0.01, solver="gd")
        assert groups.fit(X, np.digitize(Y, [0, 1])).converged_


def test_expectiles_made_of_squares_are_right():
    """The case that was certified and wrong: second moments do not determine this loss."""
    model = NNORegressor(AsymmetricSquaredError(), alpha=1e-3, tol=1e-8).fit(X, Y)
    residual = Y - model.predict(X)
    factor = np.where(residual > 0, 0.8, 0.2)
    assert model.converged_
    assert abs((factor * residual).mean()) < 1e-8
    value = (factor * residual**2).mean() + 0.5e-3 * (model.coef_**2).sum()
    assert model.objective_ == pytest.approx(value, rel=1e-12)
