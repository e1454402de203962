"""Learning from a bounded number of cells of neighbouring rows."""

from numbers import Real
from typing import Any

from nno_sklearn._distances import check_metric
from nno_sklearn.solvers.base import check_count
from nno_sklearn.streams.base import Stream
from nno_sklearn.streams.batch import Batch
from nno_sklearn.streams.cell_learner import CellLearner, CellState
from nno_sklearn.streams.objective import StreamObjective
from nno_sklearn.types import Metric


class CellStream(Stream):
    """Refits to a bounded number of cells; the default of ``partial_fit`` up to 2000 features.

    A cell is the mean row, mean target and weight of rows that are near each other. A row joins
    its nearest cell (:class:`sklearn.neighbors.NearestNeighbors`) or, if it is far, opens one; when
    there are more than ``n_cells``, near ones merge (Ward, 1963), and from then on only rows that
    are drawn from a dense batch do so, for all. The model is refitted on the cells, corrected for
    the second moments of all rows, which cells lack, and for the remaining error of the gradient.

    Parameters
    ----------
    n_cells : int, default=None
        Cells at most, at least 2. None takes 10 per coefficient, between 500 and 10,000.
    metric : str or callable, default="euclidean"
        Distance between rows, in units of the columns' spreads: one that
        :class:`sklearn.neighbors.NearestNeighbors` knows by name, or a callable.
    forgetting : float, default=None
        Half-life of a row's weight, in rows, for streams that drift. None: weights do not fade.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import CellStream, NNORegressor
    >>> model = NNORegressor(stream=CellStream(n_cells=100))
    >>> rng = np.random.default_rng(0)
    >>> for _ in range(3):
    ...     X = rng.normal(size=(1000, 2))
    ...     model = model.partial_fit(X, X @ [1.0, 2.0])
    >>> model.coef_.round(2), model.n_samples_seen_
    (array([1., 2.]), 3000)
    """

    requires = frozenset({"loss.gradient", "loss.curvature", "penalty.gradient|penalty.prox"})

    def __init__(
        self,
        n_cells: int | None = None,
        metric: Metric = "euclidean",
        forgetting: float | None = None,
    ) -> None:
        self.n_cells = n_cells
        self.metric = metric
        self.forgetting = forgetting

    def check_parameters(self) -> None:
        half_life = self.forgetting
        if self.n_cells is not None:
            check_count(self, "n_cells", 2)
        is_number = isinstance(half_life, Real) and not isinstance(half_life, bool)
        if half_life is not None and not (is_number and half_life > 0):
            raise ValueError(
                f"CellStream(forgetting={half_life!r}): it is the half-life of a row, in rows, so "
                "it must be a number greater than 0, or None to forget nothing."
            )
        check_metric(self.metric, "CellStream({})")

    def learn(
        self, state: Any, batch: Batch, objective: StreamObjective, *, max_iter: int, tol: float
    ) -> Any:
        learner = CellLearner(objective, **self.get_params(), max_iter=max_iter, tol=tol)
        return learner.learn(CellState.empty(batch) if state is None else state, batch)
