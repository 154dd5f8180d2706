"""BAIT as written: the trace of every candidate batch, with an inverse for each."""

import numpy as np


def information(p, h, classes):
    """Of one row in its likeliest classes: (diag p - p p') times the features' outer product."""
    kept = sorted(range(len(p)), key=lambda c: -p[c])[:classes]
    p = np.array([p[c] if c in kept else 0.0 for c in range(len(p))])
    p = p / p.sum()
    return np.kron(np.diag(p) - np.outer(p, p), np.outer(h, h))


def select(features, probs, labels, budget, rng, classes, ridge, weighting, oversample):
    rows = [int(i) for i in rng.permutation(np.flatnonzero(labels == -1))]
    if budget >= len(rows):
        return np.array(rows)
    features, probs = np.float64(features), np.float64(probs)
    fisher = [information(p, h, classes) for p, h in zip(probs, features, strict=True)]
    taught = [int(i) for i in np.flatnonzero(labels >= 0)]
    old = new = 1.0
    if weighting == "published":
        old, new = 1 / (len(taught) + budget), budget / (len(taught) + budget)
    target = sum(fisher[i] for i in [*rows, *taught]) / (len(rows) + len(taught))
    total = sum((old * fisher[i] for i in taught), ridge * np.eye(len(target)))

    def error(batch):
        inside = total + sum(new * fisher[i] for i in batch)
        return np.trace(np.linalg.inv(inside) @ target)

    chosen = []
    for _ in range(min(int(oversample * budget), len(rows))):
        rest = [i for i in rows if i not in chosen]
        chosen.append(min(rest, key=lambda i: error([*chosen, i])))
    while len(chosen) > budget:
        chosen.remove(min(chosen, key=lambda i: error([j for j in chosen if j != i])))
    return np.array(chosen)
