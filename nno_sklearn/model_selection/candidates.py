"""The settings that a search tries."""

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler

from nno_sklearn._data_checks import is_count
from nno_sklearn.model_selection.alphas import N_ALPHAS, strengths_of
from nno_sklearn.model_selection.chain import final_step, is_ours, is_pipeline
from nno_sklearn.model_selection.tasks import groups_of


def candidates_of(search, data):
    """All settings of a search, with strengths scaled to the data.

    Parameters
    ----------
    search : NNOSearchCV
    data : Data
        All rows; used only to scale the strengths.

    Returns
    -------
    list of dict
    """
    settings = _settings(search)
    if not settings:
        raise ValueError("The grid is empty: there are no candidates.")
    if search.alphas is None:
        return settings
    estimator = search.estimator
    name = final_step(estimator).strength_in.parameter if is_ours(estimator) else "alpha"
    name = f"{estimator.steps[-1][0]}__{name}" if is_pipeline(estimator) else name
    if any(name in setting for setting in settings):
        raise ValueError(f"{name} is in the grid and alphas={search.alphas!r} too: give one.")
    grids = _strengths(estimator, settings, search.alphas, data)
    return [
        {**setting, name: float(alpha)}
        for setting, alphas in zip(settings, grids, strict=True)
        for alpha in alphas
    ]


def _settings(search):
    if search.param_distributions is None:
        return list(ParameterGrid({} if search.param_grid is None else search.param_grid))
    return list(
        ParameterSampler(
            search.param_distributions, search.n_iter, random_state=search.random_state
        )
    )


def _strengths(estimator, settings, alphas, data):
    """The strengths to combine with each setting."""
    groups = groups_of(estimator, settings)
    if not all(group.is_ours for group in groups):
        raise ValueError(
            f"alphas={alphas!r} needs an NNO model, at the end of a pipeline or alone; name the "
            "parameters of other models in param_grid."
        )
    count = N_ALPHAS if isinstance(alphas, str) and alphas == "auto" else alphas
    if is_count(count, 1):
        grids = {}
        for group in groups:
            found = strengths_of(group, count, data)
            grids.update(zip(group.candidates, found, strict=True))
        return [grids[number] for number in range(len(settings))]
    given = np.asarray(alphas)
    if given.ndim != 1 or given.dtype.kind not in "iuf" or not given.size:
        raise ValueError(
            f"alphas={alphas!r}: use 'auto', a number of strengths, or a list of them."
        )
    return [given] * len(settings)
