"""Comparison of difference quotients with derivatives.

No test needs convexity or differentiability everywhere: a difference quotient lies between the
least and the largest derivative on its interval, also where the function is nonsmooth there.
"""

import numpy as np

#: Half length of a difference quotient's interval, and the points at which derivatives are taken.
STEP, TIMES = 0.02, np.linspace(-1.0, 1.0, 5)
#: Difference, relative to the largest of all rows, that is ignored in a row.
NEGLIGIBLE = 1e-6
#: Factor that moves gradients into a conjugate's domain, which rounding may have left.
INSIDE = 1 - 1e-7


def span(samples, share=0.1, near=1e-6):
    """Lowest and highest of samples along axis 0, with slack for values between the samples."""
    low, high = samples.min(axis=0), samples.max(axis=0)
    slack = share * (high - low) + near * np.abs(samples).max(axis=0)
    return low - slack, high + slack


def rounding_of(parts, result):
    """Rounding error of a sum of terms of the size ``parts``, in the precision of ``result``."""
    return 1e4 * np.finfo(float).eps * parts if result.dtype == float else 1e-5 * parts


def largest(array):
    """The largest finite absolute entry, 0 if there is none."""
    return np.abs(array[np.isfinite(array)]).max(initial=0.0)


def worst(excess):
    """Index of the largest entry; NaN counts as -inf."""
    return int(np.argmax(np.nan_to_num(excess, nan=-np.inf)))
