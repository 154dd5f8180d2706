"""DropQuery as written: row by row, pass by pass, with dropout on its features."""

import numpy as np

from tests.reference.centroid import nearest_to_centres, representatives


def select(features, labels, weight, bias, budget, rng, cluster, passes, rate, factor, space):
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
    if space == "unit":
        return representatives(features, candidates, budget, rng, cluster)
    seen = batch_normalised(features, features[labels >= 0], rate)
    return nearest_to_centres(seen, candidates, budget, rng, cluster)


def batch_normalised(features, taught, rate):
    """Number by number: minus the mean, over the deviation of the taught rows under dropout."""
    out = np.zeros(features.shape)
    for j in range(features.shape[1]):
        values = [float(h[j]) for h in taught]
        dropped = [(0.0, rate), *((v / (1 - rate), (1 - rate) / len(values)) for v in values)]
        mean = sum(value * weight for value, weight in dropped)
        variance = sum((value - mean) ** 2 * weight for value, weight in dropped)
        out[:, j] = (features[:, j] - mean) / np.sqrt(variance + 1e-5)
    return out
