"""Data in collections of Dask: parts of their rows, which stay where they are.

This folder alone knows of them.
"""

from nno_sklearn._containers.folds import kept, weights_of_fold
from nno_sklearn._containers.pieces import check_no_table, is_lazy, refuse_lazy
from nno_sklearn._containers.predictions import by_parts, scored_by_parts, told_by_parts
from nno_sklearn._containers.training import prepared

__all__ = [
    "by_parts",
    "check_no_table",
    "is_lazy",
    "kept",
    "prepared",
    "refuse_lazy",
    "scored_by_parts",
    "told_by_parts",
    "weights_of_fold",
]
