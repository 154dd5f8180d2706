"""ProbCover as written: a directed graph of balls, edges removed as their ends are covered."""

import numpy as np

from tests.reference.centroid import unit


def radius(points, assigned, purity):
    """The largest tried radius at which the fraction of pure open balls is still large enough."""
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    tried = [gaps[i, j] for i in range(len(points)) for j in range(i) if assigned[i] != assigned[j]]
    best = min(tried, default=np.inf)
    for r in sorted(tried):
        pure = [all(assigned[gaps[i] < r] == assigned[i]) for i in range(len(points))]
        if np.mean(pure) >= purity - 1e-9:
            best = r
    return best


def select(features, labels, budget, rng, cluster, n_classes, purity):
    points = unit(features)
    rows = rng.permutation(np.flatnonzero(labels == -1))
    assigned = cluster(rows, n_classes)[0]
    # between this distance and the next one nothing changes: the middle is safe from rounding
    reach = radius(points[rows], assigned, purity) - 1e-6
    edges = {
        int(i): {int(j) for j in rows if np.linalg.norm(points[i] - points[j]) < reach}
        for i in rows
    }
    covered = {
        int(j)
        for i in np.flatnonzero(labels >= 0)
        for j in rows
        if np.linalg.norm(points[i] - points[j]) < reach
    }
    chosen = []
    while len(chosen) < min(budget, len(rows)):
        gain = {i: len(ends - covered) for i, ends in edges.items()}
        best = max(gain, key=lambda i: gain[i])
        if gain[best] == 0:
            break
        chosen.append(best)
        covered |= edges[best]
    rest = [int(i) for i in rows if i not in chosen]
    return np.array(chosen + rest)[: min(budget, len(rows))]
