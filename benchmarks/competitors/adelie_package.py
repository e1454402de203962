"""adelie: coordinate descent on an active set, compiled ahead, for paths and groups."""

import os

import numpy as np
from scipy import sparse

from benchmarks.competitors.base import MAX_ITER, Competitor, Solution

FAMILIES = {"squared_error": "gaussian", "log_loss": "binomial", "poisson": "poisson"}


def _to(tolerance):
    """Options that end a fit at a tolerance alone."""
    return {
        "tol": tolerance,
        "irls_tol": tolerance,
        "max_iters": MAX_ITER,
        "irls_max_iters": MAX_ITER,
        "early_exit": False,
        "progress_bar": False,
    }


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
        groups=np.arange(0, f.X.shape[1], f.group_size),
        # By default it is the root of a group's size, for squares too.
        penalty=np.ones(f.X.shape[1] // f.group_size) if f.penalty == "group_net" else None,
        alpha=f.l1_ratio,
        lmda_path=np.array([f.alpha]),
        intercept=f.fit_intercept,
        **_to(tolerance),
        n_threads=n_threads,
    )
    return Solution(state.betas.toarray()[-1], state.intercepts[-1])


def _fit_rows(f, tolerance):
    """A multinomial model whose features are in use for all classes or none.

    Its loss is divided by the number of classes.
    """
    import adelie

    labels = np.eye(f.codes.max() + 1)[f.codes]
    state = adelie.grpnet(
        adelie.matrix.dense(np.asfortranarray(f.X)),
        adelie.glm.multinomial(labels),
        penalty=np.ones(f.X.shape[1]),
        lmda_path=np.array([f.alpha / labels.shape[1]]),
        intercept=f.fit_intercept,
        **_to(tolerance),
    )
    coef = state.betas.toarray()[-1].reshape(f.X.shape[1], -1)
    return Solution(coef.T, np.asarray(state.intercepts[-1]))


COMPETITORS = [
    # It asks for numpy < 2, but does with newer ones: installed by hand, without dependencies.
    Competitor("adelie coordinate", "adelie", lambda f: f.loss in FAMILIES, _fit),
    Competitor(
        "adelie groups",
        "adelie",
        lambda f: f.loss == "squared_error",
        _fit,
        penalties=("group_lasso", "group_net"),
    ),
    Competitor(
        "adelie rows",
        "adelie",
        lambda f: f.loss == "multinomial" and not f.is_sparse and f.weight is None,
        _fit_rows,
        penalties=("rows",),
    ),
]
