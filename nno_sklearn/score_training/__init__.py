"""Training on a score, which has no derivatives: a search in coefficient space."""

from nno_sklearn.score_training.minimize import nno_minimize
from nno_sklearn.score_training.training import BoundTraining, ScoreTraining

__all__ = ["BoundTraining", "ScoreTraining", "nno_minimize"]
