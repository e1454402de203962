"""Whether the gradient of a loss jumps, which explains why a fit does not converge."""

import numpy as np

from nno_sklearn.losses import Loss
from nno_sklearn.types import Array

#: Raw predictions that are tried around each target, and halvings of where the gradient changes
#: most: a gradient that does not jump then changes no more.
N_TRIED, N_HALVINGS = 64, 30
#: Change of a gradient that is none, as a share of the largest gradient.
ROUNDING = 1e-12


def gradient_jumps(loss: Loss, y: Array) -> bool:
    """Whether the gradient of a loss jumps near raw predictions of some targets.

    Parameters
    ----------
    loss : Loss
    y : ndarray of shape (n_samples, n_outputs)
        A few typical targets.
    """
    reach = 2.0 * (1.0 + np.abs(y).max())
    with np.errstate(all="ignore"):
        tried = [y + reach * t for t in np.linspace(-1.0, 1.0, N_TRIED)]
        gradients = np.stack([loss.gradient(y, eta) for eta in tried])
        changes = np.nan_to_num(np.abs(np.diff(gradients, axis=0)))
        most = changes.argmax(axis=0)[None]
        low, high = (np.take_along_axis(np.stack(tried), most + k, axis=0)[0] for k in (0, 1))
        first = change = np.take_along_axis(changes, most, axis=0)[0]
        for _ in range(N_HALVINGS):
            middle = 0.5 * (low + high)
            below, at, above = (loss.gradient(y, eta) for eta in (low, middle, high))
            is_below = np.abs(at - below) >= np.abs(above - at)
            change = np.where(is_below, np.abs(at - below), np.abs(above - at))
            low, high = np.where(is_below, low, middle), np.where(is_below, middle, high)
    rounding = ROUNDING * np.nan_to_num(np.abs(gradients)).max(initial=0.0)
    return bool(((change > 0.5 * first) & (first > rounding)).any())
