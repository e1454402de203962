"""Short fits that predict which solvers would take too long."""

import heapq
import time
import warnings
from dataclasses import dataclass, field
from math import inf, log

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

#: A solver is too slow if it takes this many times as long as the fastest, and this many seconds.
TOO_SLOW, WORTH_SAVING = 100, 1.0
#: A solver is extrapolated once it has taken this many times as long as the fastest.
PATIENCE = 10
#: Iterations of the first trial, and the factor by which they grow.
FIRST, GROWTH = 4, 4


def find_too_slow(models, X, y, **given):
    """Predict which models would take 100 times as long to fit as the fastest.

    Each is fitted with few iterations, then with more; the one whose last trial was shortest is
    next, so that slow ones do not delay fast ones. One that has not converged after ten times the
    fastest's time is extrapolated from its last trial: with linear convergence, later iterations
    gain as many decimal places of the optimality as those of its second half, up to ``max_iter``.
    Solvers that converge faster near the optimum end sooner, hence the margins of 10 and 100.

    Parameters
    ----------
    models : dict of str to NNOClassifier or NNORegressor
        Not fitted.
    X : array or sparse matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    **given
        Other arguments of their ``fit``: an offset.

    Returns
    -------
    dict of str to str
        The prediction for each model that is too slow.
    """
    trials = [_Trial(0.0, k, name, model) for k, (name, model) in enumerate(models.items())]
    fastest, too_slow = (inf, ""), {}
    while trials:
        trial = heapq.heappop(trials)
        if trial.seconds > PATIENCE * fastest[0]:
            predicted = trial.predict()
            if predicted > max(TOO_SLOW * fastest[0], WORTH_SAVING):
                too_slow[trial.name] = (
                    f"A trial of {trial.n_iter} iterations predicts {predicted:.0f} s for a fit, "
                    f"and {fastest[1]} took {fastest[0]:.3g} s"
                )
            continue
        try:
            trial.run(X, y, given)
        except ValueError:  # the solver does not suit the problem: the comparison reports it
            continue
        if trial.fitted.converged_:
            fastest = min(fastest, (trial.seconds, trial.name))
        elif trial.fitted.n_iter_ == trial.n_iter < trial.model.max_iter:
            heapq.heappush(trials, trial)
    return too_slow


@dataclass(order=True)
class _Trial:
    """The last trial of a model; ordered by the seconds it took."""

    seconds: float
    position: int
    name: str = field(compare=False)
    model: object = field(compare=False)
    n_iter: int = field(default=0, compare=False)
    fitted: object = field(default=None, compare=False)

    def run(self, X, y, given):
        """Fit with more iterations than before."""
        self.n_iter = min(GROWTH * self.n_iter or FIRST, self.model.max_iter)
        self.fitted = clone(self.model).set_params(max_iter=self.n_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            began = time.perf_counter()
            self.fitted.fit(X, y, **given)
            self.seconds = time.perf_counter() - began

    def predict(self):
        """Seconds of a whole fit, extrapolated from the trial's second half."""
        history, limit = self.fitted.history_, self.model.max_iter
        half = len(history) // 2
        n_iter, seconds = len(history) - half, history[-1].seconds - history[half - 1].seconds
        before, now = (_best(history[:end]) for end in (half, len(history)))
        n_missing = limit - len(history)
        if self.model.tol > 0 and now < before:
            n_missing = min(n_missing, n_iter * log(now / self.model.tol) / log(before / now))
        return self.seconds + seconds / n_iter * n_missing


def _best(records):
    return min(record.optimality for record in records)
