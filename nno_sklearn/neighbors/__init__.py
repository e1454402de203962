"""Nearest neighbours: cells of rows and a memory of cells for streams."""

from nno_sklearn.neighbors.cells import condense_rows
from nno_sklearn.neighbors.condense import condense
from nno_sklearn.neighbors.distances import check_metric
from nno_sklearn.neighbors.memory import CellMemory, Scaling

__all__ = ["CellMemory", "Scaling", "check_metric", "condense", "condense_rows"]
