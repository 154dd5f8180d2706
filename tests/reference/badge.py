"""BADGE as written: whole gradients, every distance, an exponential race for each draw."""

import numpy as np


def gradients(features, probs):
    """(n, k * d) outer products of p - onehot(argmax p) and the features."""
    out = []
    for p, h in zip(probs, features, strict=True):
        target = np.zeros(len(p))
        target[np.argmax(p)] = 1
        out.append(np.outer(np.asarray(p, dtype=np.float64) - target, h).ravel())
    return np.array(out)


def squared_distance(left, right):
    """Below single-precision rounding it is zero: duplicates are never drawn for their noise."""
    squared = np.sum((left - right) ** 2)
    return 0.0 if squared < 4e-6 * (np.sum(left**2) + np.sum(right**2)) else squared


def select(features, probs, labels, budget, rng):
    """Of independent exponential clocks with rates D^2, each rings first with probability
    proportional to its rate: the first to ring is a draw by D^2."""
    gradient = gradients(np.asarray(features, dtype=np.float64), probs)
    candidates = rng.permutation(np.flatnonzero(labels == -1))
    gaps = [[squared_distance(gradient[i], gradient[j]) for j in candidates] for i in candidates]
    norms = (gradient[candidates] ** 2).sum(axis=1)
    chosen = [int(norms.argmax())]
    while len(chosen) < min(budget, len(candidates)):
        waits = rng.standard_exponential(len(candidates), dtype=np.float32)
        rate = np.array([min(row[c] for c in chosen) for row in gaps])
        rate[chosen] = -1
        speed = rate / np.maximum(waits, 1e-20)
        chosen.append(int(np.argmax(speed)))
    return candidates[chosen]
