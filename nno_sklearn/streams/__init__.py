"""Learning from a stream of rows, batch by batch: what ``partial_fit`` does."""

from nno_sklearn.streams.adaptive import AdaptiveGradient, FollowTheLeader
from nno_sklearn.streams.auto import AutoStream
from nno_sklearn.streams.base import Learnt, Stream
from nno_sklearn.streams.batch import Batch
from nno_sklearn.streams.cells import CellStream
from nno_sklearn.streams.objective import StreamObjective
from nno_sklearn.streams.pipeline import StreamPipeline
from nno_sklearn.streams.sparse import SparseLeader

STREAMS = {
    "auto": AutoStream,
    "cells": CellStream,
    "adagrad": AdaptiveGradient,
    "ftrl": FollowTheLeader,
    "sparse": SparseLeader,
}

__all__ = [
    "STREAMS",
    "AdaptiveGradient",
    "AutoStream",
    "Batch",
    "CellStream",
    "FollowTheLeader",
    "Learnt",
    "SparseLeader",
    "Stream",
    "StreamObjective",
    "StreamPipeline",
]
