"""What the suite "search" searches."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline


@dataclass(frozen=True)
class Task:
    """Settings of a model to search, on the same splits for all competitors.

    Parameters
    ----------
    X, y : array-like
    before : transformer or None
        Preprocessing, fitted on the training rows of each split.
    model : NNO model
    settings : list of dict
        "alpha" of each, and maybe "l1_ratio" and "class_weight".
    splits : list of (train, test)
    scoring : str
    """

    X: object
    y: np.ndarray
    before: object
    model: object
    settings: list
    splits: list
    scoring: str

    def pipeline(self, model):
        """A model behind the preprocessing."""
        return model if self.before is None else make_pipeline(clone(self.before), model)

    def rows(self, index):
        """X and y of some rows."""
        X = self.X.iloc[index] if hasattr(self.X, "iloc") else self.X[index]
        return X, self.y[index]

    def grid(self, model, settings):
        """Parameters of a model as a param_grid of its pipeline, in the same order."""
        prefix = "" if self.before is None else f"{type(model).__name__.lower()}__"
        return [{prefix + name: [value] for name, value in one.items()} for one in settings]

    def small(self, n_samples):
        """Some rows, tested on themselves, and the two strongest settings."""
        X, y = self.rows(np.random.default_rng(0).permutation(len(self.y))[:n_samples])
        settings = sorted(self.settings, key=lambda setting: -setting["alpha"])[:2]
        every = np.arange(len(y))
        return replace(self, X=X, y=y, settings=settings, splits=[(every, every)])

    @property
    def n_train(self):
        """Training rows of a split; others have at most one more or less."""
        return len(self.splits[0][0])


def path_of(setting):
    """A setting without its strength."""
    return tuple(sorted((k, v) for k, v in setting.items() if k != "alpha"))


def paths_of(settings):
    """Positions of the settings of each path, strong to weak."""
    paths = {}
    for position, setting in enumerate(settings):
        paths.setdefault(path_of(setting), []).append(position)
    return [sorted(path, key=lambda k: -settings[k]["alpha"]) for path in paths.values()]
