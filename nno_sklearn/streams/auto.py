"""The automatic choice of a stream's algorithm."""

from nno_sklearn.problem.cost import fits_matrix
from nno_sklearn.streams.adaptive import AdaptiveGradient, FollowTheLeader
from nno_sklearn.streams.base import Stream
from nno_sklearn.streams.cells import CellStream


class AutoStream(Stream):
    """Cells up to 2000 features, and for penalties that tie coefficients together or forbid 0;
    beyond, where cells would fill the memory, small steps.

    The steps are AdaGrad's, or FTRL-proximal's for a penalty without a gradient. The fitted
    ``stream_`` is the one chosen.
    """

    requires = frozenset({"loss.gradient", "penalty.gradient|penalty.prox"})

    def select(self, objective, n_features):
        penalty = objective.penalty
        steps = AdaptiveGradient() if "gradient" in penalty.provides else FollowTheLeader()
        is_heeded = not steps.objection(penalty, (n_features, 1))
        return steps if is_heeded and not fits_matrix(n_features) else CellStream()

    def learn(self, state, batch, objective, **options):
        chosen = self.select(objective, batch.X.shape[1])
        return chosen.learn(state, batch, objective, **options)
