"""A shard: some parts of the rows, where they are, and what was made of them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from nno_sklearn.losses import Loss
from nno_sklearn.rows.local import LocalRows
from nno_sklearn.rows.merging import MERGES, SUM, Merge
from nno_sklearn.rows.moments import moments
from nno_sklearn.rows.raw import StoredRaw
from nno_sklearn.rows.recipes import Missing, Ref, Request, Step
from nno_sklearn.rows.replies import Geometry, PassCounter
from nno_sklearn.rows.second_derivatives import LocalCurvature
from nno_sklearn.rows.targets import RowTargets
from nno_sklearn.types import Array, Matrix


class Share(NamedTuple):
    """A part's number, and its shares of the weight and of the rows that have any."""

    number: int
    of_weight: float
    of_rows: float


class Part:
    """Rows with targets, and weights that sum to 1.

    Parameters
    ----------
    number : int
        Parts are joined in the order of their numbers, and draw with seeds of their own.
    X : ndarray or sparse CSR/CSC of shape (n_rows, n_features), float32 or float64
    targets : ndarray of shape (n_rows, n_outputs), or RowTargets
    weight : ndarray of shape (n_rows,)
    offset : ndarray of shape (n_rows, n_outputs), default=None
    mass : float, default=1.0
        Sum of the weights as the user gave them.
    about : object, default=None
        What a model learnt of its data in making the part.
    """

    def __init__(
        self,
        number: int,
        X: Matrix,
        targets: Array | RowTargets,
        weight: Array,
        offset: Array | None = None,
        mass: float = 1.0,
        about: Any = None,
    ) -> None:
        self.number, self.X, self.targets, self.offset = number, X, targets, offset
        self.weight, self.mass, self.about = weight / weight.sum(), mass, about
        self.n_counting = int(np.count_nonzero(weight))
        self.passes = PassCounter(1)

    def __len__(self) -> int:
        return self.X.shape[0]

    def __sizeof__(self) -> int:
        """Bytes: Dask moves small things about, and keeps account of large ones."""
        X = self.X
        size = X.data.nbytes + X.indices.nbytes if sparse.issparse(X) else X.nbytes
        return size + 8 * len(self) * 3

    def share(self, whole: tuple[float, int]) -> Share:
        """What it is of the whole: the sum of all weights, and the number of rows that have any."""
        return Share(self.number, self.mass / whole[0], self.n_counting / whole[1])

    def column_moments(self, centred: bool) -> tuple[Array, Array]:
        """Weighted means and spreads of the columns; one pass."""
        self.passes.read(self.X.nnz if sparse.issparse(self.X) else self.X.size)
        return moments(self.X, self.weight, centred)

    def home(self, said: Any) -> Any:
        """An answer as arrays of numpy, which it is."""
        return said

    def rows(
        self,
        loss: Loss,
        fit_intercept: bool,
        geometry: Geometry,
    ) -> LocalRows:
        """These rows, in the geometry of all."""
        return LocalRows(
            self.X,
            self.targets,
            self.weight,
            loss,
            offset=self.offset,
            fit_intercept=fit_intercept,
            geometry=geometry,
            passes=self.passes,
        )


class Shard:
    """Parts of the rows that lie together. Their data never change: there may be several copies of
    a shard, each with what it has made itself.

    Parameters
    ----------
    parts : sequence of Part
    n_threads : int, default=1
        In which parts answer.
    """

    def __init__(self, parts: Sequence[Part], n_threads: int = 1) -> None:
        self.parts, self._n_threads = list(parts), n_threads
        self._made: list[dict[int, Any]] = [{} for _ in self.parts]

    def __sizeof__(self) -> int:
        return sum(part.__sizeof__() for part in self.parts)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_made": [{} for _ in self.parts]}

    def answer(self, request: Request) -> Any:
        """The joined answers of the parts, and how many entries of X were read; None where there
        are no parts, and :class:`Missing` where something is."""
        if not self.parts:
            return None
        pairs = list(zip(self.parts, self._made, strict=True))
        if self._n_threads == 1 or len(pairs) == 1:
            answers = [answer(part, made, request) for part, made in pairs]
        else:
            with ThreadPoolExecutor(self._n_threads) as pool:
                answers = list(pool.map(lambda pair: answer(pair[0], pair[1], request), pairs))
        return joined(request.method, answers)


def answer(part: Part, made: dict[int, Any], request: Request, *, keeps_rows: bool = True) -> Any:
    """A part's share of the answer, and how many entries of X it read.

    Parameters
    ----------
    part : Part
    made : dict
        By key, what was made for earlier requests; it is changed.
    request : Request
    keeps_rows : bool, default=True
        Whether what holds rows is kept, too; where not, only what is made of them.
    """
    before, share = part.passes.total, part.share(request.whole)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        values = _made_for(request, part, made)
        if isinstance(values, Missing):
            return values
        target = part if request.on is None else values[request.on.key]
        if isinstance(request.method, str):
            given = [_value(arg, values) for arg in request.args]
            said = _said(target, request.method, given, request.options)
        else:
            said = request.method(target, share, *(_value(arg, values) for arg in request.args))
        said = part.home(said)
    for key in request.released:
        _release(values.get(key, made.get(key)))
    made.update({k: v for k, v in values.items() if keeps_rows or _is_made_of_rows(v)})
    for key in request.forgotten:
        made.pop(key, None)
    of = share.of_rows if request.options.get("evenly") else share.of_weight
    return merge_of(request.method).share(said, of), part.passes.total - before


def _release(value):
    if isinstance(value, StoredRaw):
        value.residual = None


def _is_made_of_rows(value):
    """Whether this is computed from rows, and does not hold them."""
    return isinstance(value, StoredRaw | LocalCurvature)


def _made_for(request: Request, part: Part, made: dict[int, Any]) -> dict[int, Any] | Missing:
    """What a request refers to, by key: made before, or made now by its steps."""
    steps = {step.key: step for step in request.steps}
    needed = request.needs
    for key in sorted(steps, reverse=True):  # a step needs earlier ones only
        if key in needed and key not in made:
            needed |= steps[key].needs
    missing = needed - made.keys() - steps.keys()
    if missing:
        return Missing(frozenset(missing))
    values = {key: made[key] for key in needed if key in made}
    for key in sorted(needed - values.keys()):
        values[key] = _take(steps[key], part, values)
    return values


def _take(step: Step, part: Part, values: dict[int, Any]) -> Any:
    target = part if step.on is None else values[step.on.key]
    return _said(target, step.method, [_value(arg, values) for arg in step.args], {})


def _value(arg, values):
    return values[arg.key] if isinstance(arg, Ref) else arg


def _said(target, method, args, options):
    """What a method returns, or an attribute is."""
    said = getattr(target, method)
    return said(*args, **options) if callable(said) else said


def merge_of(method: Any) -> Merge:
    """How answers to a request are joined: a function may say it itself, as ``merge``."""
    return MERGES.get(method, SUM) if isinstance(method, str) else method.merge


def joined(method: Any, answers: Sequence[Any]) -> Any:
    """One answer, with its count of entries, of those of parts or shards that have rows."""
    lacking = [one for one in answers if isinstance(one, Missing)]
    if lacking:
        return Missing(frozenset().union(*(one.keys for one in lacking)))
    answers = [one for one in answers if one is not None]
    if len(answers) <= 1:
        return answers[0] if answers else None
    said, read = zip(*answers, strict=True)
    return merge_of(method).join(said), sum(read)
