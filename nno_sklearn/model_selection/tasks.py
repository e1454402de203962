"""Tasks for workers: chains of settings times splits."""

import warnings
from copy import copy
from dataclasses import dataclass
from numbers import Real

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from nno_sklearn.model_selection.chain import (
    Chain,
    final_step,
    is_ours,
    is_pipeline,
    split_names,
    with_setting,
)
from nno_sklearn.model_selection.settings import coordinates, nearest_first
from nno_sklearn.session import key_of


@dataclass
class Group:
    """Candidates that differ only in the parameters of one NNO model.

    Each candidate with another model is a group of its own.
    """

    estimator: object
    #: Numbers of the candidates, and each one's parameters of the model.
    candidates: np.ndarray
    settings: list

    @property
    def strengths(self):
        """Strength of each candidate's penalty; nan where the model is no NNO model."""
        if not self.is_ours:
            return np.full(len(self.settings), np.nan)
        return np.array(list(_strengths(final_step(self.estimator), self.settings)))

    @property
    def is_ours(self):
        """Whether the model is an NNO model, whose candidates share rows and starts."""
        return is_ours(self.estimator)

    def of(self, candidates):
        """The group reduced to ``candidates``; it may be empty."""
        chosen = np.isin(self.candidates, candidates)
        settings = [setting for setting, use in zip(self.settings, chosen, strict=True) if use]
        return Group(self.estimator, self.candidates[chosen], settings)

    def in_order(self):
        """The same candidates in the order to solve them, and each one's nearest earlier ones."""
        order, starts = nearest_first(coordinates(self.settings), self.strengths)
        settings = [self.settings[k] for k in order]
        position = np.argsort(order)
        starts = [position[near] for near in starts]
        return Group(self.estimator, self.candidates[order], settings), starts


def groups_of(estimator, candidates):
    """Group the candidates that can share rows and starts.

    Returns
    -------
    list of Group
    """
    parts = [_split_setting(estimator, candidate) for candidate in candidates]
    by_others = {}
    for number, (others, _) in enumerate(parts):
        by_others.setdefault(key_of(others), []).append(number)
    groups = []
    for numbers in by_others.values():
        base = with_setting(estimator, parts[numbers[0]][0])
        alike = Group(base, np.array(numbers), [parts[k][1] for k in numbers])
        if alike.is_ours:
            groups.append(alike)
        else:
            groups += [
                Group(with_setting(estimator, candidates[k]), np.array([k]), [{}]) for k in numbers
            ]
    return groups


def _strengths(model, settings):
    """Strength of a model's penalty in each setting; nan if it is no number (the fit will fail)."""
    model, given = copy(model), model.get_params(deep=False)
    for setting in settings:
        for name in given:
            setattr(model, name, setting.get(name, given[name]))
        strength = model.strength(1.0)
        yield float(strength) if isinstance(strength, Real) else np.nan


def _split_setting(estimator, setting):
    """A setting's parameters of the steps before the model, and of the model, without prefix."""
    return split_names(estimator, setting) if is_pipeline(estimator) else ({}, setting)


def tasks_of(groups, splits, n_jobs):
    """Tasks for workers: (split number, group in the order to solve, starts)."""
    pieces = -(-effective_n_jobs(n_jobs) // (len(groups) * len(splits)))
    walks = [part.in_order() for group in groups for part in _cut(group, pieces)]
    return [(split, *walk) for split in splits for walk in walks]


def evaluate(tasks, splits, scoring, search, data, report, whole):
    """Run tasks in parallel.

    Parameters
    ----------
    tasks : list
        See :func:`tasks_of`.
    splits : list of IndexSplit or RangeSplit
        All splits of the search.
    scoring : Scoring
    search : NNOSearchCV
        Gives ``n_jobs``, ``pre_dispatch``, ``error_score`` and ``return_train_score``.
    data : Data
    report : callable
        Called after each fit, unless fits run in other processes.
    whole : SearchTask
        The parent of each fit's task.

    Returns
    -------
    fits : dict of (candidate, split number) to Fit
    saved_seconds : float
        Time of preprocessing that candidates shared.
    """
    report = report if effective_n_jobs(search.n_jobs) == 1 else None
    # Build all before the first is pickled: a new part of ``whole`` changes what is pickled.
    chains = [
        Chain(
            walk.estimator,
            walk.settings,
            starts,
            search.error_score,
            report,
            [
                whole.part("candidate-split-evaluation", int(k) * len(splits) + int(split))
                for k in walk.candidates
            ],
        )
        for split, walk, starts in tasks
    ]
    with warnings.catch_warnings():  # threads may leave changed filters behind
        found = Parallel(n_jobs=search.n_jobs, pre_dispatch=search.pre_dispatch)(
            delayed(chain.run)(splits[split], scoring, search.return_train_score, *data)
            for chain, (split, _, _) in zip(chains, tasks, strict=True)
        )
    fits, saved_seconds = {}, 0.0
    for (split, walk, _), (of_chain, preparing_seconds) in zip(tasks, found, strict=True):
        fits.update(zip(((k, split) for k in walk.candidates), of_chain, strict=True))
        saved_seconds += preparing_seconds * (len(of_chain) - 1)
    return fits, saved_seconds


def _cut(group, pieces):
    """Split a group into pieces of neighbouring settings, for workers that would be idle."""
    if pieces == 1 or len(group.settings) == 1:
        return [group]
    walk, _ = group.in_order()
    pieces = min(pieces, len(walk.settings))
    return [group.of(some) for some in np.array_split(walk.candidates, pieces)]
