"""Generalised coverage as written: the mean of the largest kernel, for every candidate.

Two rows that cover just each other gain the same: of gains equal but for rounding, the first."""

import numpy as np

from tests.reference.centroid import unit


def select(features, labels, budget, rng, width, doubts):
    """doubts: (n,) weight of each row."""
    points = unit(features)
    rows = [int(i) for i in rng.permutation(np.flatnonzero(labels == -1))]
    queried = [int(i) for i in np.flatnonzero(labels >= 0)]

    kernel = [[np.exp(-np.sum((a - b) ** 2) / width**2) for b in points] for a in points]

    def coverage(centres):
        return sum(doubts[i] * max((kernel[i][c] for c in centres), default=0.0) for i in rows)

    chosen = []
    while len(chosen) < min(budget, len(rows)):
        now = coverage([*queried, *chosen])
        gains = {i: coverage([*queried, *chosen, i]) - now for i in rows if i not in chosen}
        equals = [i for i in gains if gains[i] >= max(gains.values()) * (1 - 1e-5)]
        chosen.append(equals[0])
    return np.array(chosen)


def uncertainty(probs, temperature):
    out = []
    for p in probs:
        tempered = np.maximum(np.asarray(p, dtype=np.float64), 1e-30) ** (1 / temperature)
        low, high = np.sort(tempered / tempered.sum())[-2:]
        out.append(1 - (high - low))
    return np.array(out)


def smallest_gap(features, labels):
    points = unit(features)[labels >= 0]
    gaps = [np.linalg.norm(a - b) for i, a in enumerate(points) for b in points[:i]]
    return min((gap for gap in gaps if gap > 3e-3), default=1.0)
