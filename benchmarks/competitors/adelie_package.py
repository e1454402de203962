"""adelie: coordinate descent on an active set, compiled ahead, for paths and groups."""

import os

import numpy as np
from scipy import sparse

from benchmarks.competitors.base import MAX_ITER, Competitor, Solution

FAMILIES = {"squared_error": "gaussian", "log_loss": "binomial", "poisson": "poisson"}


def _fit(f, tolerance):
    import adelie

    n_threads = int(os.environ.get("OMP_NUM_THREADS", 1))
    if f.is_sparse:
        X = adelie.matrix.sparse(sparse.csc_matrix(f.X), n_threads=n_threads)
    else:
        X = adelie.matrix.dense(f.X, n_threads=n_threads)
    y = f.codes if f.is_classification else f.y
    family = getattr(adelie.glm, FAMILIES[f.loss])
    state = adelie.grpnet(
        X,
        family(y.astype(float), weights=f.weight),
        alpha=f.l1_ratio,
        lmda_path=np.array([f.alpha]),
        intercept=f.fit_intercept,
        tol=tolerance,
        irls_tol=tolerance,
        max_iters=MAX_ITER,
        irls_max_iters=MAX_ITER,
        early_exit=False,
        n_threads=n_threads,
        progress_bar=False,
    )
    return Solution(state.betas.toarray()[-1], state.intercepts[-1])


COMPETITORS = [
    # It asks for numpy < 2, but does with newer ones: installed by hand, without dependencies.
    Competitor("adelie coordinate", "adelie", lambda f: f.loss in FAMILIES, _fit),
]
