"""Rows: everything that is as long as the data, behind one interface."""

from nno_sklearn.rows.base import Rows
from nno_sklearn.rows.cells import condense_rows
from nno_sklearn.rows.cholesky import invert
from nno_sklearn.rows.exchange import Exchange
from nno_sklearn.rows.interior import Interior
from nno_sklearn.rows.local import LocalRows
from nno_sklearn.rows.places import Here
from nno_sklearn.rows.products import exact_product
from nno_sklearn.rows.replies import (
    Geometry,
    PassCounter,
    Raw,
    RowCurvature,
    RowSums,
    SlopeSums,
)
from nno_sklearn.rows.shard import Part, Shard
from nno_sklearn.rows.sharded import ShardedRows
from nno_sklearn.rows.slopes import Slopes
from nno_sklearn.rows.targets import Labels, RowTargets, reweighted, targets_of

__all__ = [
    "Exchange",
    "Geometry",
    "Here",
    "Interior",
    "Labels",
    "LocalRows",
    "Part",
    "PassCounter",
    "Raw",
    "RowCurvature",
    "RowSums",
    "RowTargets",
    "Rows",
    "Shard",
    "ShardedRows",
    "SlopeSums",
    "Slopes",
    "condense_rows",
    "exact_product",
    "invert",
    "reweighted",
    "targets_of",
]
