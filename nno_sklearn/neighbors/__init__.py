"""Nearest neighbours: condensed training sets, and a memory of cells for streams."""

from nno_sklearn.neighbors.condense import condense
from nno_sklearn.neighbors.distances import check_metric
from nno_sklearn.neighbors.memory import CellMemory, Scaling

__all__ = ["CellMemory", "Scaling", "check_metric", "condense"]
