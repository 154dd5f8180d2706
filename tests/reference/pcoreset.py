"""PCoreSet as written: every distance between predictions, every pick."""

import numpy as np


def select(probs, prior, labels, budget, rng, weight):
    """Candidates stand in a random order, so the first of equally far rows is a random one."""
    points = (1 - weight) * np.float64(probs) + weight * np.float64(prior)
    left = [int(i) for i in rng.permutation(np.flatnonzero(labels == -1))]
    known = [int(i) for i in np.flatnonzero(labels >= 0)]
    chosen = []
    while left and len(chosen) < budget:
        far = []
        for i in left:
            gaps = [gap(points[i], points[j]) for j in [*known, *chosen]]
            far.append(min(gaps, default=2.0))
        chosen.append(left.pop(int(np.argmax(far))))
    return chosen


def gap(left, right):
    """Squared; predictions that are the same within rounding are at distance zero."""
    squared = np.sum((left - right) ** 2)
    return squared if squared >= 4e-6 * (np.sum(left**2) + np.sum(right**2)) else 0.0
