"""Cross-validation of several solvers on one problem."""

import time
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn._offset import with_offset
from nno_sklearn.cli.arguments import ESTIMATORS
from nno_sklearn.cli.baseline import OF_RESIDUALS, POWERS, WithOffset, make_baseline
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.trials import find_too_slow


@dataclass(frozen=True)
class TimedFit:
    """A fitted estimator, the seconds of its fit, and whether it gave no ConvergenceWarning."""

    estimator: Any
    seconds: float
    converged: bool

    @classmethod
    def of(cls, estimator, X, y, **given):
        """Fit an estimator; warnings other than ConvergenceWarning are shown.

        Parameters
        ----------
        estimator : estimator
        X : array or sparse matrix of shape (n_samples, n_features)
        y : ndarray of shape (n_samples,)
        **given
            Other arguments of its ``fit``: an offset.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            start = time.perf_counter()
            estimator.fit(X, y, **given)
            seconds = time.perf_counter() - start
        others = [one for one in caught if not issubclass(one.category, ConvergenceWarning)]
        for one in others:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        return cls(estimator, seconds, len(others) == len(caught))


@dataclass
class Result:
    """Cross-validation of one contender; ``refusal`` is the reason where there is none."""

    name: str
    scores: np.ndarray | None = None
    fits: list[TimedFit] | None = None
    refusal: str | None = None

    def mean(self, attribute):
        """Mean of an attribute over the fitted estimators; nan where they have none."""
        return np.mean([getattr(fit.estimator, attribute, np.nan) for fit in self.fits])

    @property
    def seconds(self):
        """Mean time of a fit."""
        return np.mean([fit.seconds for fit in self.fits])

    @property
    def gap(self):
        """Largest certified relative gap; nan where a fit has no certificate."""
        return np.max([_certified_gap(fit.estimator) for fit in self.fits])

    @property
    def n_nonzeros(self):
        """Mean number of coefficients that are not 0."""
        return np.mean([np.count_nonzero(fit.estimator.coef_) for fit in self.fits])

    @property
    def n_converged(self):
        """Number of folds in which the fit converged."""
        return sum(fit.converged for fit in self.fits)


def make_contenders(task, solvers, **problem):
    """Make a contender of each solver.

    Parameters
    ----------
    task : {"classification", "regression"}
    solvers : sequence of str
    **problem
        The other parameters of the estimators.

    Returns
    -------
    dict of str to callable
        Each takes the number of rows of a fit, and returns an estimator.
    """
    Estimator = ESTIMATORS[task]
    return {solver: partial(_make, Estimator, solver=solver, **problem) for solver in solvers}


def find_baseline(has_offset, **problem):
    """Find scikit-learn's estimator with the same objective.

    Parameters
    ----------
    has_offset : bool
        Whether the rows have an offset.
    **problem
        Parameters of the estimators.

    Returns
    -------
    contenders : dict of str to callable
        The estimator by its name, or none.
    remarks : list of str
        Why there is none.
    """
    if not all(
        one is None or isinstance(one, str) for one in (problem["loss"], problem["penalty"])
    ):
        return {}, ["baseline: left out: it is found by names of loss and penalty, without --set"]
    # Made for one row, only to find its name and whether there is one.
    reference = make_baseline(1, **problem)
    if reference is None:
        return {}, ["baseline: scikit-learn has no estimator with this objective"]
    name, loss = type(reference).__name__, problem["loss"]
    if not has_offset:
        return {name: partial(make_baseline, **problem)}, []
    if loss in (*OF_RESIDUALS, *POWERS):
        return {name: partial(_make, WithOffset, problem=problem)}, []
    why = f"it takes no offset, which no other targets and weights replace in {loss}"
    return {}, [f"baseline: {name} is left out: {why}"]


def leave_out_slow(data, preprocessor, contenders, folds):
    """Find the solvers that would take 100 times as long as the fastest, by trials on one fold.

    Parameters
    ----------
    data : DataSet
    preprocessor : transformer
    contenders : dict of str to callable
        By solver; a single one is not tried.
    folds : splitter

    Returns
    -------
    list of Result
        One, with a refusal, for each slow solver.

    Raises
    ------
    UserError
        Where the data cannot be split or preprocessed.
    """
    if len(contenders) < 2:
        return []
    try:
        train, _ = next(folds.split(data.X, data.y))
        X, y, given = data.part(train)
        X = clone(preprocessor).fit_transform(X)
    except ValueError as error:
        raise UserError(str(error)) from error
    models = {name: make(len(train)) for name, make in contenders.items()}
    return [
        Result(name, refusal=f"{why}; --solver {name} alone runs it")
        for name, why in find_too_slow(models, X, y, **given).items()
    ]


def compete(data, preprocessor, contenders, folds, score, track):
    """Cross-validate each contender on the same folds.

    Parameters
    ----------
    data : DataSet
    preprocessor : transformer
        Fitted on the training rows of each fold.
    contenders : dict of str to callable
    folds : splitter
        With a fixed random_state.
    score : Score
    track : callable
        Iterates over a sequence and shows progress.

    Returns
    -------
    list of Result
    """
    results = []
    for name, make in track(contenders.items()):
        try:
            found = [
                _cross_validate(data, preprocessor, make, fold, score)
                for fold in folds.split(data.X, data.y)
            ]
        except ValueError as error:  # raised by estimators and scores that do not suit the data
            results.append(Result(name, refusal=score.explain(error)))
            continue
        fits, scores = zip(*found, strict=True)
        results.append(Result(name, np.array(scores), list(fits)))
    return results


def _cross_validate(data, preprocessor, make, fold, score):
    """The fit of a contender to the training rows of a fold, and its score on the others."""
    (X, y, given), (X_held_out, y_held_out, told) = map(data.part, fold)
    prepared = clone(preprocessor).fit(X, y)
    fit = TimedFit.of(make(len(y)), prepared.transform(X), y, **given)
    model = with_offset(fit.estimator, **told) if told else fit.estimator
    return fit, score.scorer(model, prepared.transform(X_held_out), y_held_out)


def _make(Estimator, n_samples, **params):
    return Estimator(**params)


def _certified_gap(estimator):
    """Relative duality gap, if the dual is finite; else nan."""
    certified = np.isfinite(getattr(estimator, "dual_gap_", np.inf))
    return getattr(estimator, "optimality_", np.nan) if certified else np.nan
