"""Classes that no call of partial_fit has announced open outputs of their own."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from nno_sklearn import EarlyStopping, NNOClassifier
from nno_sklearn.losses import LogLoss, MultinomialLogLoss, SquaredHinge
from nno_sklearn.streams import STREAMS
from nno_sklearn.streams.adaptive import AdaptiveGradient
from nno_sklearn.streams.widening import Widening

STREAM_NAMES = [name for name in STREAMS if name != "auto"]
RNG = np.random.default_rng(0)


def rows(n, classes, seed):
    """Rows of Gaussian classes, and their labels among ``classes``."""
    rng = np.random.default_rng(seed)
    centres = {"a": [2, 0, 0], "b": [-2, 0, 0], "c": [0, 2.5, 0], "bb": [0, 0, 2.5]}
    y = rng.choice(classes, n)
    return np.array([centres[label] for label in y]) + rng.normal(size=(n, 3)), y


#: Two classes, a third, and one between them in the order of the alphabet.
BATCHES = [
    *(rows(400, ["a", "b"], k) for k in range(4)),
    *(rows(400, ["a", "b", "c"], k) for k in range(4, 8)),
    *(rows(400, ["a", "b", "bb", "c"], k) for k in range(8, 12)),
]
X_NEW, Y_NEW = rows(3000, ["a", "b", "bb", "c"], 99)


def learnt(model, classes):
    for k, (X, y) in enumerate(BATCHES):
        model.partial_fit(X, y, classes if k == 0 else None)
    return model


@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge"])
@pytest.mark.parametrize("name", STREAM_NAMES)
def test_they_are_learnt_as_if_they_had_been_announced(name, loss):
    model = NNOClassifier(loss, stream=name, alpha=1e-3)
    later = learnt(model, ["a", "b"])
    told = learnt(NNOClassifier(loss, stream=name, alpha=1e-3), ["a", "b", "bb", "c"])
    assert list(later.classes_) == list(told.classes_) == ["a", "b", "bb", "c"]
    assert later.coef_.shape == (4, 3) and later.n_samples_seen_ == 4800
    assert later.score(X_NEW, Y_NEW) > told.score(X_NEW, Y_NEW) - 0.01 > 0.84
    if loss == "log_loss":
        losses = [log_loss(Y_NEW, one.predict_proba(X_NEW)) for one in (later, told)]
        assert losses[0] < 1.1 * losses[1]
    assert all(np.isfinite(record.objective) for record in later.history_[1:])


def test_cells_come_near_the_fit_to_all_rows():
    later = learnt(NNOClassifier(stream="cells", alpha=1e-3), ["a", "b"])
    X, y = (np.concatenate(part) for part in zip(*BATCHES, strict=True))
    whole = NNOClassifier(alpha=1e-3).fit(X, y)
    np.testing.assert_allclose(later.coef_, whole.coef_, atol=0.05)
    losses = [log_loss(y, one.predict_proba(X)) for one in (later, whole)]
    assert losses[0] < 1.001 * losses[1]
    np.testing.assert_allclose(later.condensed_targets_.sum(axis=1), 1.0)
    assert later.condensed_weights_.sum() == pytest.approx(4800)


@pytest.mark.parametrize(
    ("loss", "before"), [(MultinomialLogLoss(), LogLoss()), (SquaredHinge(), SquaredHinge())]
)
def test_two_outputs_predict_what_one_did(loss, before):
    wide = Widening.between(np.array(["b", "d"]), np.array(["a", "b", "d"]), before, loss)
    raw = RNG.normal(size=(5, 1))
    outputs = wide.coefficients(raw)
    assert outputs.shape == (5, 3) and not outputs[:, 0].any()
    y = np.array([[0.0], [1.0], [1.0], [0.0], [1.0]])
    if wide.is_coupled:
        np.testing.assert_allclose(softmax(outputs[:, 1:], axis=1)[:, [1]], before.predict(raw))
        slope = loss.gradient(wide.targets(y)[:, 1:], outputs[:, 1:])
    else:
        np.testing.assert_array_equal(outputs[:, [2]], raw)
        slope = loss.gradient(wide.targets(y), outputs)[:, 1:]
    np.testing.assert_allclose(slope, wide.gradients(before.gradient(y, raw))[:, 1:])
    np.testing.assert_array_equal(wide.targets(np.array([3.0]), whole=10.0), [0.0, 7.0, 3.0])


def test_they_may_be_named_in_a_later_call_and_with_balanced_weights():
    model = NNOClassifier(class_weight="balanced", alpha=1e-3)
    X, y = BATCHES[0]
    model.partial_fit(X, y, ["a", "b"]).partial_fit(X, y, ["a", "b", "c"])
    assert list(model.classes_) == ["a", "b", "c"] and "c" not in model.predict(X_NEW)
    model.partial_fit(X, y, ["a", "b"])  # as in the first call of a loop
    assert list(model.classes_) == ["a", "b", "c"]
    assert model.partial_fit(*BATCHES[4]).score(*BATCHES[5]) > 0.85


def test_early_stopping_forgets_the_best_model_of_fewer_classes():
    stop = EarlyStopping(lambda model, X, y: -len(model.classes_), patience=2)
    model = learnt(NNOClassifier(alpha=1e-3).set_callbacks(stop), ["a", "b"])
    assert model.coef_.shape == (4, 3)


def test_what_cannot_be_carried_over_is_told():
    class Forgetful(AdaptiveGradient):
        def learn(self, state, batch, objective, *, max_iter, tol):
            found = super().learn(None, batch, objective, max_iter=max_iter, tol=tol)
            return Plain(found.coef, found.intercept)

    class Plain:
        def __init__(self, coef, intercept):
            self.coef, self.intercept = coef, intercept

    model = NNOClassifier(stream=Forgetful()).partial_fit(*BATCHES[0], ["a", "b"])
    with pytest.raises(ValueError, match="Forgetful cannot open outputs for them. Name all labels"):
        model.partial_fit(*BATCHES[4])
    assert list(model.classes_) == ["a", "b"]
    model = NNOClassifier().partial_fit(*BATCHES[0], ["a", "b"]).set_params(loss="squared_hinge")
    with pytest.raises(ValueError, match="The stream began with .*LogLoss.*, but now it is"):
        model.partial_fit(*BATCHES[4])
