"""DropQuery as written: row by row, pass by pass, with dropout on its features."""

import numpy as np

from tests.reference.centroid import representatives


def select(features, labels, weight, bias, budget, rng, cluster, passes, rate, factor):
    rows = np.flatnonzero(labels == -1)
    budget = min(budget, len(rows))
    if not np.any(labels >= 0):
        return representatives(features, rows, budget, rng, cluster)
    keep = [rng.random((len(rows), features.shape[1]), dtype=np.float32) for _ in range(passes)]
    changes = []
    for at, i in enumerate(rows):
        whole = np.argmax(features[i] @ weight.T + bias)
        seen = [features[i] * (mask[at] >= rate) / (1 - rate) for mask in keep]
        changes.append(sum(np.argmax(h @ weight.T + bias) != whole for h in seen))
    bar = passes // 2
    while bar > 0 and sum(c > bar for c in changes) < factor * budget:
        bar -= 1
    candidates = np.array([i for i, c in zip(rows, changes, strict=True) if c > bar], dtype=int)
    if len(candidates) < budget:
        rest = rng.permutation([i for i in rows if i not in candidates])
        return np.concatenate([candidates, rest[: budget - len(candidates)]])
    return representatives(features, candidates, budget, rng, cluster)
