"""The history of a stream: a record for each batch, of a bounded number of them."""

from typing import Any

import numpy as np

from nno_sklearn.solvers.result import Record
from nno_sklearn.streams.batch import Batch
from nno_sklearn.streams.objective import StreamObjective

#: Records at most; then each two that follow each other become one.
MOST_RECORDS = 500


def record_of(
    batch: Batch, objective: StreamObjective, before: Any, after: Any, *, n_samples: int
) -> Record:
    """The record of a batch, whose rows are new to the model before it.

    Their loss there, plus the penalty, estimates the objective without bias (prequential
    evaluation; Dawid, 1984).

    Parameters
    ----------
    batch : Batch
    objective : StreamObjective
    before, after : object
        States of the stream, with ``coef`` and ``intercept``; ``before`` is None for the first
        batch.
    n_samples : int
        Rows so far.
    """
    value, moved = np.nan, np.nan
    if before is not None and before.coef.shape == after.coef.shape:
        raw_prediction = batch.X @ before.coef + before.intercept
        if batch.offset is not None:
            raw_prediction += batch.offset
        y, weight = objective.reweighted(batch.y, batch.weight)
        with np.errstate(over="ignore"):
            losses = weight @ objective.loss.value(y, raw_prediction) / weight.sum()
        value = losses.sum() + objective.alpha * objective.penalty.value(before.coef)
        change = after.coef - before.coef
        moved = max(change.max(), -change.min())
    return Record(
        objective=float(value),
        optimality=np.nan,
        dual_gap=np.inf,
        step_size=float(moved),
        n_nonzeros=int(np.count_nonzero(after.coef)),
        n_passes=1.0,
        seconds=0.0,
        n_samples=n_samples,
    )


def shortened(history: list[Record]) -> list[Record]:
    """A history of at most :data:`MOST_RECORDS`: where it is longer, pairs become one record.

    Its objective is the mean over the rows of both, all else that of the later one.
    """
    if len(history) <= MOST_RECORDS:
        return history
    starts = [0, *(record.n_samples for record in history[:-1])]
    merged = []
    for k in range(0, len(history) - 1, 2):
        one, two = history[k : k + 2]
        shares = np.array([one.n_samples - starts[k], two.n_samples - one.n_samples], dtype=float)
        shares[np.isnan([one.objective, two.objective])] = 0.0
        values = np.nan_to_num([one.objective, two.objective])
        mean = float(shares @ values / shares.sum()) if shares.sum() > 0 else np.nan
        merged.append(two._replace(objective=mean))
    return merged + history[len(history) - len(history) % 2 :]
