"""BASE in plain loops: the distance of each row to each class's boundary."""

import numpy as np


def distances(features, weight, bias):
    """(n, k) distances in feature space, for a linear head."""
    n, k = len(features), len(weight)
    out = np.full((n, k), np.inf)
    for i in range(n):
        scores = [float(weight[c] @ features[i] + bias[c]) for c in range(k)]
        a = int(np.argmax(scores))
        for c in range(k):
            if c != a:
                out[i, c] = (scores[a] - scores[c]) / np.linalg.norm(weight[a] - weight[c])
        out[i, a] = min(out[i, c] for c in range(k) if c != a)
    return out


def select(features, weight, bias, unlabelled, budget, order):
    """Rows chosen by the classes in this order: each its fraction of the nearest not yet taken."""
    away, chosen = distances(features, weight, bias), []
    for turn, c in enumerate(order):
        quota = budget // len(order) + (turn < budget % len(order))
        free = sorted((r for r in unlabelled if r not in chosen), key=lambda r: away[r, c])
        chosen += free[:quota]
    return chosen
