"""Nearest rows to centroids, cluster by cluster. `cluster(rows, count)` runs k-means on rows of the
pool and gives their cluster numbers and the centres."""

import numpy as np


def unit(features):
    features = np.asarray(features, dtype=np.float64)
    return np.array([h / np.linalg.norm(h) if np.any(h) else h for h in features])


def representatives(features, rows, budget, rng, cluster):
    """The same of features at unit length."""
    return nearest_to_centres(unit(features), rows, budget, rng, cluster)


def nearest_to_centres(points, rows, budget, rng, cluster):
    """Of every cluster the row nearest to its centre, at random among equals; then random rows."""
    if budget >= len(rows):
        return rows[rng.permutation(len(rows))]
    chosen = []
    assigned, centres = cluster(rows, budget)
    order = rng.permutation(len(rows))
    for c in range(len(centres)):
        members = [rows[at] for at in order if assigned[at] == c]
        gaps = [np.sum((points[i] - centres[c]) ** 2) for i in members]
        if members:
            near = [i for i, gap in zip(members, gaps, strict=True) if gap <= min(gaps) * 1.00001]
            chosen.append(near[0])
    rest = [rows[at] for at in order if rows[at] not in chosen]
    return np.array([*chosen, *rest[: budget - len(chosen)]])


def select(features, labels, budget, rng, cluster):
    return representatives(features, np.flatnonzero(labels == -1), budget, rng, cluster)
