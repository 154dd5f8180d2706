"""Random sampling as written: draw from what is left, one row after the other."""

import numpy as np


def select(labels, budget, rng):
    urn = [int(i) for i in np.flatnonzero(labels == -1)]
    return np.array([urn.pop(int(rng.integers(len(urn)))) for _ in range(min(budget, len(urn)))])
