"""The Axes that a display draws on."""

from typing import Any

import numpy as np


def one_axes(ax: Any) -> Any:
    """Take the Axes that a user gives, or make a figure with one."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax


def two_axes(ax, for_what, **share):
    """Take the Axes that a user gives, or make a figure.

    Parameters
    ----------
    ax : sequence of 2 matplotlib Axes, or None
    for_what : str
        What each of the two is for, used in an error.
    **share
        Passed to ``plt.subplots`` where a figure is made.

    Returns
    -------
    ndarray of 2 Axes

    Raises
    ------
    ValueError
        Where ``ax`` does not hold two Axes.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", **share)
    axes = np.asarray(ax).ravel()
    if len(axes) != 2:
        raise ValueError(
            f"ax must be two Axes, for {for_what}, but it is {len(axes)}. Use for instance "
            "plt.subplots(1, 2)[1]."
        )
    return axes
