"""What solvers have computed from a problem's rows, which any penalty can use again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from nno_sklearn.rows import RowCurvature


class KnownHessian(NamedTuple):
    """Second derivatives, and the rows' curvature that they belong to."""

    curvature: RowCurvature
    blocks: list


class Knowledge:
    """Results computed from the rows, by the options that they depend on.

    Parameters
    ----------
    wider : Knowledge, default=None
        Of the same rows, whose directions of recession are these ones' as well.

    Attributes
    ----------
    hessian : KnownHessian or None
        The last one on all columns.
    secants : dict
        Steps of the last run by gradients, by the shape of what moved.
    """

    def __init__(self, wider: Knowledge | None = None) -> None:
        self._wider = wider
        self.hessian: KnownHessian | None = None
        self.secants: dict[tuple[int, ...], Any] = {}
        self._landmarks: dict[int | None, Any] = {}
        self._working_hessians: dict[Hashable, Any] = {}
        self._recession: list[Any] | None = None
        self._row_space: Any = None
        self._tells_apart: bool | None = None

    def landmarks(self, n_landmarks: int | None, make: Callable[[], Any]) -> Any:
        """The landmarks that ``n_landmarks`` asks for; ``make`` draws them the first time."""
        if n_landmarks not in self._landmarks:
            self._landmarks[n_landmarks] = make()
        return self._landmarks[n_landmarks]

    def working_hessian(self, rows: Hashable, make: Callable[[], Any]) -> Any:
        """The Hessian on working sets whose curvature is that of ``rows``, None for all."""
        if rows not in self._working_hessians:
            self._working_hessians[rows] = make()
        return self._working_hessians[rows]

    def row_space(self, make: Callable[[], Any]) -> Any:
        """The problem in coordinates of its rows' space; ``make`` finds it the first time."""
        if self._row_space is None:
            self._row_space = make()
        return self._row_space

    def recession(self, make: Callable[[], list[Any]]) -> list[Any]:
        """Directions of recession, if any; ``make`` finds them the first time."""
        if self._wider is not None:
            return self._wider.recession(make)
        if self._recession is None:
            self._recession = make()
        return self._recession

    def tells_apart(self, find: Callable[[], bool]) -> bool:
        """Whether no column is a combination of others; ``find`` tells the first time."""
        if self._tells_apart is None:
            self._tells_apart = find()
        return self._tells_apart
