"""Class-guided clustering as written: the whole mixed direction stands beside the feature.

`cluster(points, count)` runs k-means and gives cluster numbers and centres."""

import numpy as np


def unit(vector):
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def joined(features, prior, rows, weight):
    """(u, 2d) unit feature, and `weight` times the unit mean of the classes' directions."""
    points = [unit(np.float64(features[row])) for row in rows]
    q = [np.float64(prior[row]) for row in rows]
    directions, out = [], []
    for c in range(prior.shape[1]):
        total = sum(one[c] * h for one, h in zip(q, points, strict=True))
        directions.append(unit(total))
    for one, h in zip(q, points, strict=True):
        mixed = sum(
            fraction * direction for fraction, direction in zip(one, directions, strict=True)
        )
        out.append(np.concatenate([h, weight * unit(mixed)]))
    return np.array(out)


def select(features, prior, labels, budget, rng, cluster, weight):
    """Of every cluster the row nearest to its centre, at random among equals; then random rows."""
    rows = [int(i) for i in rng.permutation(np.flatnonzero(labels == -1))]
    points = joined(features, prior, rows, weight)
    if budget >= len(rows):
        return [rows[i] for i in rng.permutation(len(rows))]
    assigned, centres = cluster(points, budget)
    order, chosen = [int(i) for i in rng.permutation(len(rows))], []
    for c, centre in enumerate(centres):
        gaps = {i: np.sum((points[i] - centre) ** 2) for i in order if assigned[i] == c}
        if gaps:
            chosen.append(next(i for i in gaps if gaps[i] <= min(gaps.values()) * 1.00001))
    rest = [i for i in order if i not in chosen]
    return [rows[i] for i in (chosen + rest)[:budget]]
