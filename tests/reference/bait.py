"""BAIT as written: the trace of every candidate batch, with an inverse for each."""

import numpy as np


def binary(p, h):
    sure = np.max(p)
    return sure * (1 - sure) * np.outer(h, h)


def isotropic(p, h):
    """The eigenvalues of the classes' part, but for the zero one, replaced by their mean."""
    values = np.linalg.eigvalsh(np.diag(p) - np.outer(p, p))
    return np.mean(np.sort(values)[1:]) * np.outer(h, h)


def exact(p, h):
    return np.kron(np.diag(p) - np.outer(p, p), np.outer(h, h))


def select(features, probs, labels, budget, rng, information, ridge, oversample):
    rows = [int(i) for i in rng.permutation(np.flatnonzero(labels == -1))]
    if budget >= len(rows):
        return np.array(rows)
    features, probs = np.float64(features), np.float64(probs)
    fisher = [information(p, h) for p, h in zip(probs, features, strict=True)]
    taught = np.flatnonzero(labels >= 0)
    target = sum(fisher[i] for i in rows) / len(rows)
    total = sum((fisher[i] for i in taught), ridge * np.eye(len(target)))

    def error(batch):
        return np.trace(np.linalg.inv(total + sum(fisher[i] for i in batch)) @ target)

    chosen = []
    for _ in range(min(int(oversample * budget), len(rows))):
        rest = [i for i in rows if i not in chosen]
        chosen.append(min(rest, key=lambda i: error([*chosen, i])))
    while len(chosen) > budget:
        chosen.remove(min(chosen, key=lambda i: error([j for j in chosen if j != i])))
    return np.array(chosen)
