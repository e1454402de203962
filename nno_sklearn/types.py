"""Names of types that annotations share."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: What the mathematics inside is done with.
Array: TypeAlias = NDArray[np.floating[Any]]
#: A number of the same kind.
Scalar: TypeAlias = float | np.floating[Any]
#: Rows: an array, a sparse matrix or sparse array, a data frame. They have no type in common.
Matrix: TypeAlias = Any
RandomState: TypeAlias = int | np.random.RandomState | None
#: A distance between rows, as in scikit-learn's NearestNeighbors.
Metric: TypeAlias = str | Callable[..., float]
