"""The score of a prediction without features: the majority class, or the mean."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import cross_val_score

from nno_sklearn.cli.scoring import standard_error
from nno_sklearn.model_selection import NNOSearchCV

_NULL_MODELS = {
    "classification": ("majority class", DummyClassifier(strategy="prior")),
    "regression": ("mean", DummyRegressor()),
}


@dataclass(frozen=True)
class NullModel:
    """The model of the target alone, and its scores on the folds."""

    name: str
    scores: np.ndarray

    def remark(self, who, scores):
        """Remark that a model is not better by more than one standard error.

        Parameters
        ----------
        who : str
            The model that is compared.
        scores : ndarray of shape (n_folds,)
            Its scores on the same folds.
        """
        gain = scores - self.scores
        if gain.mean() <= standard_error(gain):
            yield (
                f"{who} is not better than the {self.name} by more than one standard error: "
                "by this score, the columns may tell nothing of the target"
            )


def score_null_model(task, model, data, folds, scorer):
    """Cross-validate the null model on the folds of the others.

    Parameters
    ----------
    task : {"classification", "regression"}
    model : NNOClassifier or NNORegressor
        Where rows have an offset, the null model is a constant beside it that minimises the loss
        of this model.
    data : DataSet
    folds : splitter
        With a fixed random_state.
    scorer : callable

    Returns
    -------
    NullModel
    """
    if data.offset is not None:
        return _score_offset_alone(model, data.y, data.offset, folds, scorer)
    name, null_model = _NULL_MODELS[task]
    X = np.zeros((len(data.y), 1))
    with warnings.catch_warnings():
        # A score may be undefined where a class is never predicted: 0 or nan serves.
        warnings.simplefilter("ignore")
        return NullModel(name, cross_val_score(null_model, X, data.y, cv=folds, scoring=scorer))


def _score_offset_alone(model, y, offset, folds, scorer):
    constant = clone(model).set_params(penalty=None)
    search = NNOSearchCV(constant, {"alpha": [0.0]}, scoring=scorer, cv=folds, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        found = search.fit(np.zeros((len(y), 1)), y, offset=offset).cv_results_
    scores = [found[f"split{k}_test_score"][0] for k in range(search.n_splits_)]
    return NullModel("offset and a constant", np.array(scores))
