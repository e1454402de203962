"""What lying methods are made of."""

import numpy as np

FENCHEL = r"Altered.conjugate breaks Fenchel's inequality"


def constant(value):
    return lambda self, *arguments: value


def per_entry(value):
    return lambda self, y, eta: np.full_like(eta, value)
