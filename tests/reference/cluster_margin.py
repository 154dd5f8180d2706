"""Cluster-Margin as written: average linkage by merging the nearest pair until few are left."""

import numpy as np

from tests.reference.centroid import unit


def average_linkage(points, clusters):
    groups = [[i] for i in range(len(points))]
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    while len(groups) > clusters:
        pairs = [(a, b) for b in range(len(groups)) for a in range(b)]
        a, b = min(pairs, key=lambda ab: np.mean(gaps[np.ix_(groups[ab[0]], groups[ab[1]])]))
        groups[a] += groups.pop(b)
    return sorted(groups, key=min)


def select(features, probs, labels, budget, rng, factor, top):
    """top(scores, count, rng) ranks, with ties at random; its order is not looked at."""
    rows = np.flatnonzero(labels == -1)
    budget = min(budget, len(rows))
    two = np.sort(probs[rows], axis=1)[:, -2:]
    unsure = rows[top(two[:, 0] - two[:, 1], factor * budget, rng)]
    sample, points = rng.permutation(rows), unit(features)
    groups = average_linkage(points[sample], budget)
    means = [np.mean([points[sample[i]] for i in own], axis=0) for own in groups]
    nearest = [int(np.argmin([np.sum((points[i] - m) ** 2) for m in means])) for i in unsure]
    mixed = rng.permutation(len(unsure))
    queues = [[unsure[i] for i in mixed if nearest[i] == c] for c in rng.permutation(len(means))]
    queues = sorted((queue for queue in queues if queue), key=len)
    chosen = []
    while len(chosen) < budget:
        for queue in queues:
            if queue and len(chosen) < budget:
                chosen.append(queue.pop(0))
    return np.array(chosen)
