"""The column of a table that holds the offset of raw predictions, or the exposure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.cli.columns import recognise
from nno_sklearn.cli.kinds import Numbers


@dataclass(frozen=True)
class OffsetColumn:
    """A column of offsets, or of exposures, whose logarithms are the offsets.

    Parameters
    ----------
    name : str
    is_exposure : bool
    kind : Numbers
        How its texts become numbers.
    """

    name: str
    is_exposure: bool
    kind: Numbers = Numbers()

    @property
    def option(self) -> str:
        """The option that named it."""
        return f"--{'exposure' if self.is_exposure else 'offset'} {self.name}"

    def recognised(self, column: Any, decimal: str) -> OffsetColumn:
        """The same with the kind of the column's values; a ValueError where they are no numbers."""
        kind = recognise(column, decimal)
        if not kind.is_measured:
            raise ValueError(f"{self.option} needs a column of numbers, which it is not")
        return replace(self, kind=kind)

    def of(self, frame: Any) -> NDArray[np.float64]:
        """The offsets of the rows of a table.

        Parameters
        ----------
        frame : DataFrame
            As it was read, its rows numbered from 0.

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        ValueError
            Where the column is missing, or a value is none that an offset can have.
        """
        if self.name not in frame:
            raise ValueError(f"no column '{self.name}', of which the model takes the offset")
        values = self.kind.parse(frame[self.name]).to_numpy(dtype=float)
        useless = ~np.isfinite(values) | (self.is_exposure & ~(values > 0))
        if useless.any():
            first = frame.index[useless.argmax()]
            wanted = "a number greater than 0" if self.is_exposure else "a finite number"
            raise ValueError(
                f"{self.option}: row {first + 1} has '{frame[self.name].loc[first]}', but each row "
                f"needs {wanted}; take such rows out of the file"
            )
        return np.log(values) if self.is_exposure else values
