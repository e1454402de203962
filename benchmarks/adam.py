"""Adam as heads are trained by it: what the heads suite's next words stand beside."""

import numpy as np

#: Decay of the means of gradients and of their squares, and what keeps from dividing by 0.
MEAN, SQUARE, FLOOR = 0.9, 0.999, 1e-8


class Adam:
    """Multinomial log-loss with an l2 penalty by Adam (Kingma & Ba, 2015), in the precision of X.

    Parameters
    ----------
    rate : float
        Learning rate at the start; it falls to 0 like a cosine.
    alpha : float
        Strength of the penalty.
    n_epochs, batch_size : int
        Passes over the rows, each in an order of its own, and rows behind a step.
    """

    def __init__(self, rate, alpha, n_epochs=12, batch_size=256):
        self.rate, self.alpha = rate, alpha
        self.n_epochs, self.batch_size = n_epochs, batch_size

    def fit(self, X, y):
        """Fit to X of shape (n, p), codes y from 0 on."""
        rng, n, kind = np.random.default_rng(0), len(y), X.dtype.type
        starts = range(0, n, self.batch_size)
        total = self.n_epochs * len(starts)
        self.coef_ = np.zeros((y.max() + 1, X.shape[1]), kind)
        self.intercept_ = np.zeros(len(self.coef_), kind)
        parameters = [self.coef_, self.intercept_]
        moments = [(np.zeros_like(one), np.zeros_like(one)) for one in parameters]
        self.n_iter_ = 0
        for _ in range(self.n_epochs):
            order = rng.permutation(n)
            for first in starts:
                rate = self.rate * 0.5 * (1.0 + np.cos(np.pi * self.n_iter_ / total))
                self.n_iter_ += 1
                gradients = self._gradients(X, y, order[first : first + self.batch_size])
                self._step(parameters, gradients, moments, rate)
        return self

    def _gradients(self, X, y, rows):
        Z = X[rows]
        error = Z @ self.coef_.T
        error += self.intercept_
        error -= error.max(axis=1, keepdims=True)
        np.exp(error, out=error)
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(rows)), y[rows]] -= 1
        error /= X.dtype.type(len(rows))
        gradient = error.T @ Z
        gradient += X.dtype.type(self.alpha) * self.coef_
        return gradient, error.sum(axis=0)

    def _step(self, parameters, gradients, moments, rate):
        kind = self.coef_.dtype.type
        forget, unbias = 1 - MEAN**self.n_iter_, kind(1 - SQUARE**self.n_iter_)
        for values, gradient, (mean, square) in zip(parameters, gradients, moments, strict=True):
            mean *= kind(MEAN)
            mean += kind(1 - MEAN) * gradient
            square *= kind(SQUARE)
            gradient *= gradient
            square += kind(1 - SQUARE) * gradient
            size = np.sqrt(square / unbias)
            size += kind(FLOOR)
            values -= kind(rate / forget) * mean / size
