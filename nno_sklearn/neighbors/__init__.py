"""Nearest neighbours: cells of rows around landmarks."""

from nno_sklearn.neighbors.cells import condense_rows

__all__ = ["condense_rows"]
