"""What predicting without the columns scores: the majority class, or the mean."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import cross_val_score

from nno_sklearn.cli.scoring import standard_error

_NULL_MODELS = {
    "classification": ("majority class", DummyClassifier(strategy="prior")),
    "regression": ("mean", DummyRegressor()),
}


@dataclass(frozen=True)
class NullModel:
    """A model that knows the target only, and its scores on the folds."""

    name: str
    scores: np.ndarray

    def remark(self, who, scores):
        """Say so where a model is no better, by more than one standard error.

        Parameters
        ----------
        who : str
            Model that is judged.
        scores : ndarray of shape (n_folds,)
            Its scores on the same folds.
        """
        gain = scores - self.scores
        if gain.mean() <= standard_error(gain):
            yield (
                f"{who} is not better than the {self.name} by more than one standard error: "
                "by this score, the columns may tell nothing of the target"
            )


def score_null_model(task, y, folds, scorer):
    """Cross-validate the null model of a task on the folds of the others.

    Parameters
    ----------
    task : {"classification", "regression"}
    y : ndarray of shape (n_samples,)
    folds : splitter
        With a fixed random_state.
    scorer : callable

    Returns
    -------
    NullModel
    """
    name, model = _NULL_MODELS[task]
    X = np.zeros((len(y), 1))
    with warnings.catch_warnings():
        # Where a score is not defined without any prediction of a class, 0 or nan says enough.
        warnings.simplefilter("ignore")
        return NullModel(name, cross_val_score(model, X, y, cv=folds, scoring=scorer))
