"""What rows tell of directions along which no loss rises for ever: whether there is an optimum."""

import numpy as np


def differences(rows, one, other, n_outputs):
    """What takes a direction, output by output within each column, to what it adds to the raw
    predictions of the outputs ``one`` less those of ``other``, row by row."""
    units = np.eye(n_outputs)
    between = units[one] - units[other]
    return np.einsum("ij,ik->ijk", rows, between).reshape(len(rows), -1)


class Recession:
    """What :class:`~nno_sklearn.rows.local.LocalRows` answer about directions of recession."""

    def move_sizes(self, slope, shift, floor=0.0):
        size = np.abs(slope.array + shift)
        moving = size[(size > 0) & (size >= floor)]
        return float(moving.min(initial=np.inf)), float(moving.max(initial=0.0))

    def recedes(self, slope, shift, floor, reach, near):
        raw = slope.array + shift
        if not self.is_separate:  # a shift of all outputs changes nothing: the largest is 0
            raw = raw - raw.max(axis=1, keepdims=True)
        raw = np.where(np.abs(raw) >= floor, raw, 0.0)
        if (outward := self.loss.outward(np.asarray(self.y))) is not None:
            moves = outward * raw
            return np.atleast_1d((moves < 0).any()), np.atleast_1d((moves > 0).any())
        if self.is_separate:
            steps = near * np.sign(raw)
        else:
            size = np.where(raw == 0, np.inf, np.abs(raw)).min(axis=1, keepdims=True)
            steps = raw * (near / size)
        rises, falls = self._slopes(reach * raw, raw), self._slopes(steps, steps) < 0
        if not self.is_separate:
            rises, falls = (each.sum(axis=1, keepdims=True) for each in (rises, falls))
        return (rises > 0).any(axis=0), falls.any(axis=0)

    def _slopes(self, eta, raw):
        """Derivatives of the losses at raw predictions ``eta`` along ``raw``."""
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = self.loss.gradient(self._targets_beside(eta), eta)
            return np.where(raw == 0, 0.0, gradient * raw)

    def doubtful(self, raw, b, limit):
        doubts = np.asarray(np.abs(self.loss_gradient(raw, b)) > limit)
        which = doubts.any(axis=1)
        return self._dense(which), doubts[which]

    def _dense(self, which):
        found = np.flatnonzero(np.asarray(which))
        part = self.design.rows(found)
        none, ones = np.ones(len(found)), np.ones((len(found), 1))
        blocks = [*part.weighted_blocks(none, part.centre, ones)]
        unit = np.append(self.inverse_scale, float(self.fit_intercept))
        return np.vstack([np.empty((0, len(unit))), *blocks]) * unit

    def recession(self, reach, near):
        rows = self._dense(np.ones(len(self), dtype=bool))
        if (outward := self.loss.outward(np.asarray(self.y))) is not None:
            row, end = np.nonzero(outward)
            moved = np.hstack([rows[row, :-1], np.eye(outward.shape[1])[end]])
            return [(-outward[row, end][:, None] * moved, np.ones(len(row), dtype=bool))]
        if not self.is_separate:
            own = np.asarray(self.y).argmax(axis=1)
            row, other = np.nonzero(own[:, None] != np.arange(self.n_outputs))
            pairs = differences(rows[row], other, own[row], self.n_outputs)
            return [(pairs, np.ones(len(pairs), dtype=bool))]
        with np.errstate(over="ignore", invalid="ignore"):
            far_above, above, below, far_below = (
                self.loss.gradient(np.asarray(self.y), np.full(self.y.shape, eta))
                for eta in (reach, near, -near, -reach)
            )
        holds_above, holds_below = far_above > 0, far_below < 0
        falls = np.where(holds_above, below > 0, above < 0) & ~(holds_above & holds_below)
        return [
            (np.vstack([rows[high], -rows[low]]), np.append(fall[high], fall[low]))
            for high, low, fall in zip(holds_above.T, holds_below.T, falls.T, strict=True)
        ]
