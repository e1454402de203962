"""Difference quotients beside derivatives, and how far they may lie apart.

No test asks for convexity or for derivatives everywhere: a difference quotient lies between the
least and the largest derivative on its interval, with or without kinks there.
"""

import numpy as np

#: Length of a difference quotient's interval to each side, and where its derivatives are asked.
STEP, TIMES = 0.02, np.linspace(-1.0, 1.0, 5)
#: Share of the largest of all rows that does not count in one of them.
NEGLIGIBLE = 1e-6
#: How far gradients are pulled into a conjugate's domain: they may be rounded out of it.
INSIDE = 1 - 1e-7


def span(samples, share=0.1, near=1e-6):
    """Lowest and highest of samples along axis 0, with slack for what lies between the samples."""
    low, high = samples.min(axis=0), samples.max(axis=0)
    slack = share * (high - low) + near * np.abs(samples).max(axis=0)
    return low - slack, high + slack


def rounding_of(parts, result):
    """Rounding errors of a result, of the precision of its type, that was made of such parts."""
    return 1e4 * np.finfo(float).eps * parts if result.dtype == float else 1e-5 * parts


def largest(array):
    """The largest finite size of an entry, 0 without any."""
    return np.abs(array[np.isfinite(array)]).max(initial=0.0)


def worst(excess):
    """Index of the largest entry; NaN counts as none."""
    return int(np.argmax(np.nan_to_num(excess, nan=-np.inf)))
