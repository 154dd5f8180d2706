"""ALFA-Mix as written: mix with every class mean, predict again, widen the step and repeat."""

import numpy as np

from tests.reference.centroid import representatives


def flips(h, anchor, weight, bias, step):
    """Whether mixing h with the anchor at the closed-form ratio changes the predicted class."""
    scores = h @ weight.T + bias
    probs = np.exp(scores - scores.max())
    probs /= probs.sum()
    best = int(np.argmax(scores))
    gradient = (probs - np.eye(len(bias))[best]) @ weight
    gap = anchor - h
    ratio = step * np.linalg.norm(gap) * gradient / (np.linalg.norm(gradient) * gap)
    mixed = (1 - ratio) * h + ratio * anchor
    return int(np.argmax(mixed @ weight.T + bias)) != best


def select(features, labels, weight, bias, budget, rng, cluster, step):
    features = np.asarray(features, dtype=np.float64)
    rows = np.flatnonzero(labels == -1)
    budget = min(budget, len(rows))
    if not np.any(labels >= 0):
        return representatives(features, rows, budget, rng, cluster)
    anchors = [features[labels == c].mean(axis=0) for c in np.unique(labels[labels >= 0])]
    size, candidates = 0.0, []
    while size + step < 1 - 1e-9 and len(candidates) < budget:
        size += step
        candidates = [
            i for i in rows if any(flips(features[i], a, weight, bias, size) for a in anchors)
        ]
    if len(candidates) < budget:
        rest = rng.permutation(np.setdiff1d(rows, candidates))
        return np.concatenate([candidates, rest[: budget - len(candidates)]]).astype(int)
    return representatives(features, np.array(candidates), budget, rng, cluster)
