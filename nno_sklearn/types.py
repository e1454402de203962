"""Type aliases for annotations."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Arrays of floats, as all computations use.
Array: TypeAlias = NDArray[np.floating[Any]]
#: A float.
Scalar: TypeAlias = float | np.floating[Any]
#: Rows: an array, a sparse matrix or array, or a data frame, which have no common type.
Matrix: TypeAlias = Any
RandomState: TypeAlias = int | np.random.RandomState | None
#: A distance between rows, as in scikit-learn's NearestNeighbors.
Metric: TypeAlias = str | Callable[..., float]
