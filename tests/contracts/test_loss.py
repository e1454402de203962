"""Losses that lie are refused by name, in fits and by check_loss."""

import numpy as np
import pytest

from nno_sklearn import (
    Loss,
    NNOClassifier,
    NNORegressor,
    Penalty,
    check_loss,
    check_penalty,
    check_solver,
)
from nno_sklearn.losses import Huber, LogLoss, SquaredError
from nno_sklearn.penalties import L2
from nno_sklearn.solvers import GradientDescent
from tests.contracts.lies import FENCHEL, constant, per_entry
from tests.problems import LOSSES, X, Y
from tests.user_objects import (
    Cauchy,
    Exponential,
    PseudoHuber,
    altered,
    twice,
)

LABELS = (Y > 0.5).astype(int)


def loss_lie(base, match, *, methods=None, classify=False, **members):
    for name in methods or []:
        members[name] = twice(name, type(base))
    return pytest.param(altered(base, **members), match, classify, id=match[:60])


LOSS_LIES = [
    loss_lie(PseudoHuber(), FENCHEL, conjugate=per_entry(-np.inf)),
    loss_lie(PseudoHuber(), FENCHEL, conjugate=per_entry(0.0)),
    loss_lie(PseudoHuber(), FENCHEL, methods=["conjugate"]),
    loss_lie(Huber(), FENCHEL, conjugate=lambda self, y, u: 0.5 * u**2),
    loss_lie(
        PseudoHuber(),
        r"Altered.gradient is not the derivative of value: at y=.*, it gives .*, but differences",
        gradient=lambda self, y, eta: -PseudoHuber.gradient(self, y, eta),
    ),
    loss_lie(SquaredError(), r"Altered.gradient is not the derivative", methods=["gradient"]),
    loss_lie(
        SquaredError(),
        r"Altered.gradient \(inherited from SquaredError\) is not the derivative",
        methods=["value"],
    ),
    loss_lie(
        PseudoHuber(),
        r"Altered.curvature is not the derivative of gradient: at .* it gives -",
        curvature=lambda self, y, eta: -PseudoHuber.curvature(self, y, eta),
    ),
    loss_lie(Huber(0.1), r"Altered.curvature is not the derivative", methods=["curvature"]),
    loss_lie(LogLoss(), r"Altered.derivatives gives another gradient", methods=["derivatives"],
             classify=True),
    loss_lie(LogLoss(), r"Altered.derivatives returned a float", derivatives=constant(1.0),
             classify=True),
    loss_lie(Cauchy(), r"Altered.constant_curvature is True, but", constant_curvature=True),
    loss_lie(PseudoHuber(), r"Altered.largest_curvature is 0.5, but", largest_curvature=0.5),
    loss_lie(
        Cauchy(),
        r"Altered.is_quadratic is True, but value is no multiple",
        is_quadratic=True,
    ),
    loss_lie(PseudoHuber(), r"Altered.value returned NaN in 32 of 32", value=per_entry(np.nan)),
    loss_lie(PseudoHuber(), r"Altered.gradient returned NaN", gradient=per_entry(np.nan)),
    loss_lie(PseudoHuber(), r"Altered.value returned -inf", value=per_entry(-np.inf)),
    loss_lie(
        PseudoHuber(),
        r"Altered.value returned an array of shape \(\), but a float array of shape \(32, 1\)",
        value=lambda self, y, eta: PseudoHuber.value(self, y, eta).mean(),
    ),
    loss_lie(
        PseudoHuber(),
        r"Altered.gradient returned an array of shape \(32,\)",
        gradient=lambda self, y, eta: PseudoHuber.gradient(self, y, eta)[:, 0],
    ),
    loss_lie(PseudoHuber(), r"Altered.curvature returned an array of shape", curvature=constant(1)),
    loss_lie(PseudoHuber(), r"Altered.value returned a NoneType", value=constant(None)),
    loss_lie(PseudoHuber(), r"Altered.gradient returned a str", gradient=constant("steep")),
    loss_lie(PseudoHuber(), r"Altered.gradient returned a list", gradient=constant([[1], [2, 3]])),
    loss_lie(
        PseudoHuber(),
        r"Altered.value returned other values for rows alone",
        value=lambda self, y, eta: PseudoHuber.value(self, y, eta) / len(y),
    ),
    loss_lie(
        PseudoHuber(),
        r"Altered.predict returned an array of shape \(32,\)",
        predict=lambda self, eta: eta[:, 0],
    ),
    loss_lie(PseudoHuber(), r"Altered.link returned a NoneType", link=constant(None)),
    loss_lie(
        PseudoHuber(),
        r"Altered.link returned an array of shape \(2,\), but .* \(1,\) is expected",
        link=constant(np.zeros(2)),
    ),
    loss_lie(
        Exponential(),
        r"Altered.predict returned numbers from -.* probabilistic = True promises probabilities",
        predict=lambda self, eta: eta - 1,
        classify=True,
    ),
]  # fmt: skip


class TestLyingLosses:
    @pytest.mark.parametrize(("loss", "match", "classify"), LOSS_LIES)
    def test_are_refused(self, loss, match, classify):
        model = NNOClassifier(loss, alpha=0.1) if classify else NNORegressor(loss, alpha=0.1)
        target = LABELS if classify else Y
        with pytest.raises(ValueError, match=match) as caught:
            model.fit(X, target)
        assert str(caught.value).count(". ") >= 1  # and what to do instead
        if model.loss.provides >= {"gradient"}:
            with pytest.raises(ValueError, match=match):
                model.partial_fit(X, target, **({"classes": [0, 1]} if classify else {}))
        with pytest.raises(ValueError, match=match):
            check_loss(loss)

    def test_text(self):
        with pytest.raises(ValueError) as caught:
            check_loss(altered(PseudoHuber(), gradient=per_entry(np.nan)))
        assert str(caught.value) == (
            "Altered.gradient returned NaN in 32 of 32 entries, at arguments that are finite. "
            "Avoid inf - inf, 0 * inf and logarithms of negative numbers."
        )

    def test_predictions_of_new_rows(self):
        late = altered(PseudoHuber(), predict=lambda self, eta: eta[:32])
        model = NNORegressor(late).fit(X, Y)
        with pytest.raises(ValueError, match=r"Altered.predict returned an array of shape \(32, 1"):
            model.predict(X)

    def test_extreme_predictions(self):
        def naive(self, eta):
            with np.errstate(all="ignore"):
                return np.exp(eta) / (1 + np.exp(eta))

        loss = altered(LogLoss(), predict=naive)
        NNOClassifier(loss).fit(X, LABELS)
        with pytest.raises(ValueError, match=r"Altered\.predict returned NaN"):
            check_loss(loss)

    def test_arguments_stay(self):
        def in_place(self, y, eta):
            eta -= y
            return 0.5 * eta**2

        rude = altered(SquaredError(), value=in_place, gradient=SquaredError.gradient)
        with pytest.raises(ValueError, match=r"Altered\.value changes its arguments in place"):
            check_loss(rude)

    def test_a_class_is_no_object(self):
        for check, cls in (
            (check_loss, Huber),
            (check_penalty, L2),
            (check_solver, GradientDescent),
        ):
            with pytest.raises(ValueError, match="Pass an object, not a class"):
                check(cls)

    def test_what_is_missing(self):
        with pytest.raises(ValueError, match="Loss has no value. Write that method"):
            check_loss(Loss())
        with pytest.raises(ValueError, match="Penalty has no value"):
            check_penalty(Penalty())

    def test_parameters_that_are_not_kept(self):
        class Rounding(PseudoHuber):
            def __init__(self, delta=1.0):
                self.delta = np.array([delta])

        with pytest.raises(ValueError, match="Rounding cannot be cloned"):
            check_loss(Rounding())

    def test_labels_are_asked_for(self):
        with pytest.raises(ValueError, match=r"loss=SquaredHinge\(\) needs labels 0 and 1"):
            NNORegressor(LOSSES["squared_hinge"]).fit(X, Y)
        with pytest.raises(ValueError, match="y goes from -3 to 1"):
            LOSSES["multinomial"].check_target(np.array([[-3.0, 1.0]]))
