"""Nearest neighbours: cells of rows around landmarks, and an archive of tried parameters."""

from nno_sklearn.neighbors.archive import Archive
from nno_sklearn.neighbors.cells import condense_rows

__all__ = ["Archive", "condense_rows"]
