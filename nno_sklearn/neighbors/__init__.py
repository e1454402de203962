"""Nearest neighbours: cells of rows around landmarks, and a memory of cells for streams."""

from nno_sklearn.neighbors.cells import condense_rows
from nno_sklearn.neighbors.condense import condense
from nno_sklearn.neighbors.memory import CellMemory, Scaling

__all__ = ["CellMemory", "Scaling", "condense", "condense_rows"]
