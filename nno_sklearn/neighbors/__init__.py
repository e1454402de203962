"""Nearest neighbours of rows: condensed training sets, and the cells of streams."""

from nno_sklearn.neighbors.condense import condense
from nno_sklearn.neighbors.memory import CellMemory, Scaling

__all__ = ["CellMemory", "Scaling", "condense"]
