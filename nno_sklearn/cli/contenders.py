"""Cross-validation of several solvers on one problem."""

import time
import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from nno_sklearn.cli.arguments import ESTIMATORS
from nno_sklearn.cli.baseline import make_baseline
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.trials import find_too_slow


def _gives(method):
    return lambda contender: hasattr(contender.estimator_, method)


class Contender(BaseEstimator):
    """Estimator made for its number of rows, whose fit is timed and checked for convergence.

    Parameters
    ----------
    make : callable
        Takes the number of rows and returns an estimator.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator that ``make`` returned.
    seconds_ : float
        Time of its fit, without that of the preprocessing.
    converged_ : bool
        Whether there was no ConvergenceWarning.
    """

    def __init__(self, make):
        self.make = make

    def fit(self, X, y):
        """Make and fit the estimator; warnings other than ConvergenceWarning are shown."""
        self.estimator_ = self.make(X.shape[0])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            start = time.perf_counter()
            self.estimator_.fit(X, y)
            self.seconds_ = time.perf_counter() - start
        self.converged_ = True
        for warning in caught:
            if issubclass(warning.category, ConvergenceWarning):
                self.converged_ = False
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        return self

    def __sklearn_tags__(self):
        return get_tags(self.make(1))

    @property
    def classes_(self):
        """Class labels of the fitted estimator."""
        return self.estimator_.classes_

    def predict(self, X):
        """Predict with the fitted estimator."""
        return self.estimator_.predict(X)

    @available_if(_gives("decision_function"))
    def decision_function(self, X):
        """Raw predictions, where the fitted estimator gives them."""
        return self.estimator_.decision_function(X)

    @available_if(_gives("predict_proba"))
    def predict_proba(self, X):
        """Probabilities, where the fitted estimator gives them."""
        return self.estimator_.predict_proba(X)


@dataclass
class Result:
    """Cross-validation of one contender; ``refusal`` is the reason where there is none."""

    name: str
    scores: np.ndarray | None = None
    fits: list[Contender] | None = None
    refusal: str | None = None

    def mean(self, attribute):
        """Mean of an attribute over the fitted estimators; nan where they have none."""
        return np.mean([getattr(fit.estimator_, attribute, np.nan) for fit in self.fits])

    @property
    def seconds(self):
        """Mean time of a fit."""
        return np.mean([fit.seconds_ for fit in self.fits])

    @property
    def gap(self):
        """Largest certified relative gap; nan where a fit has no certificate."""
        return np.max([_certified_gap(fit.estimator_) for fit in self.fits])

    @property
    def n_nonzeros(self):
        """Mean number of coefficients that are not 0."""
        return np.mean([np.count_nonzero(fit.estimator_.coef_) for fit in self.fits])

    @property
    def n_converged(self):
        """Number of folds in which the fit converged."""
        return sum(fit.converged_ for fit in self.fits)


def make_contenders(task, solvers, baseline, **problem):
    """Make a contender for each solver and, with ``baseline``, one for scikit-learn.

    Parameters
    ----------
    task : {"classification", "regression"}
    solvers : sequence of str
    baseline : bool
    **problem
        The other parameters of the estimators.

    Returns
    -------
    dict of str to Contender
    """
    contenders = {
        solver: Contender(partial(_make, ESTIMATORS[task], solver=solver, **problem))
        for solver in solvers
    }
    if baseline:
        # Made for one row, only to find its name and whether there is one.
        reference = make_baseline(1, **problem)
        if reference is not None:
            name = type(reference).__name__
            contenders[name] = Contender(partial(make_baseline, **problem))
    return contenders


def leave_out_slow(data, preprocessor, contenders, folds):
    """Find the solvers that would take 100 times as long as the fastest, by trials on one fold.

    Parameters
    ----------
    data : DataSet
    preprocessor : transformer
    contenders : dict of str to Contender
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
        X = clone(preprocessor).fit_transform(getattr(data.X, "iloc", data.X)[train])
    except ValueError as error:
        raise UserError(str(error)) from error
    models = {name: contender.make(len(train)) for name, contender in contenders.items()}
    return [
        Result(name, refusal=f"{why}; --solver {name} alone runs it")
        for name, why in find_too_slow(models, X, data.y[train]).items()
    ]


def compete(data, preprocessor, contenders, folds, score, track):
    """Cross-validate each contender on the same folds.

    Parameters
    ----------
    data : DataSet
    preprocessor : transformer
        Fitted on the training rows of each fold.
    contenders : dict of str to Contender
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
    for name, contender in track(contenders.items()):
        pipeline = make_pipeline(preprocessor, contender)
        try:
            found = cross_validate(
                pipeline,
                data.X,
                data.y,
                cv=folds,
                scoring=score.scorer,
                return_estimator=True,
                error_score="raise",
            )
        except ValueError as error:  # raised by estimators and scores that do not suit the data
            results.append(Result(name, refusal=score.explain(error)))
            continue
        fits = [fitted[-1] for fitted in found["estimator"]]
        results.append(Result(name, found["test_score"], fits))
    return results


def _make(Estimator, n_samples, **params):
    return Estimator(**params)


def _certified_gap(estimator):
    """Relative duality gap, if the dual is finite; else nan."""
    certified = np.isfinite(getattr(estimator, "dual_gap_", np.inf))
    return getattr(estimator, "optimality_", np.nan) if certified else np.nan
