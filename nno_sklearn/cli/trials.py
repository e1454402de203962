"""Short fits that predict which solvers would take too long."""

import heapq
import time
import warnings
from dataclasses import dataclass, field
from math import inf, isfinite, log

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

#: A solver is too slow that takes so many times as long as the fastest, and so many seconds.
TOO_SLOW, WORTH_SAVING = 100, 1.0
#: A solver is judged once it has taken so many times as long as the fastest.
PATIENCE = 10
#: Iterations of the first trial, and the factor by which they grow.
FIRST, GROWTH = 4, 4


def find_too_slow(models, X, y):
    """Predict which models would take 100 times as long to fit as the fastest.

    Each is fitted with few iterations, then with more; the one whose last trial was shortest goes
    next, so that slow ones do not hold up the fast ones. Who is not done after ten times as long
    as the fastest is judged by how far it has come: of solvers that converge linearly, each
    iteration gains as many decimal places of the optimality as the last one did, and none goes
    beyond its ``max_iter``. Solvers that speed up near the optimum are done sooner than that,
    hence the ten and the hundred.

    Parameters
    ----------
    models : dict of str to NNOClassifier or NNORegressor
        Not fitted.
    X : array or sparse matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)

    Returns
    -------
    dict of str to str
        What was predicted of those that are too slow.
    """
    trials = [_Trial(0.0, k, name, model) for k, (name, model) in enumerate(models.items())]
    fastest, too_slow = (inf, ""), {}
    while trials:
        trial = heapq.heappop(trials)
        if trial.seconds > PATIENCE * fastest[0]:
            predicted = trial.predict()
            if predicted > max(TOO_SLOW * fastest[0], WORTH_SAVING):
                too_slow[trial.name] = (
                    f"a fit would take about {predicted:.2g} s by a trial of "
                    f"{trial.n_iter} iterations, that of {fastest[1]} took {fastest[0]:.2g} s"
                )
            continue
        try:
            trial.run(X, y)
        except ValueError:  # the solver does not fit the problem, which the comparison tells
            continue
        if trial.fitted.converged_:
            fastest = min(fastest, (trial.seconds, trial.name))
        elif trial.fitted.n_iter_ == trial.n_iter < trial.model.max_iter:
            heapq.heappush(trials, trial)
    return too_slow


@dataclass(order=True)
class _Trial:
    """The last trial of a model; the order is that of the seconds it took."""

    seconds: float
    position: int
    name: str = field(compare=False)
    model: object = field(compare=False)
    n_iter: int = field(default=0, compare=False)
    fitted: object = field(default=None, compare=False)

    def run(self, X, y):
        """Fit with more iterations than before."""
        self.n_iter = min(GROWTH * self.n_iter or FIRST, self.model.max_iter)
        self.fitted = clone(self.model).set_params(max_iter=self.n_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            began = time.perf_counter()
            self.fitted.fit(X, y)
            self.seconds = time.perf_counter() - began

    def predict(self):
        """Seconds that a whole fit would take."""
        most = self.model.max_iter / self.n_iter
        known = [r.optimality for r in self.fitted.history_ if isfinite(r.optimality)]
        start, end = max(known, default=1.0), min(known, default=1.0)
        if end >= start or self.model.tol <= 0:
            return most * self.seconds
        return min(most, log(start / self.model.tol) / log(start / end)) * self.seconds
