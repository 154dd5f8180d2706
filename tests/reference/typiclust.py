"""TypiClust as written: one cluster a turn, its most typical row that is not labelled.

density: "cluster" (the paper's formula) or "unlabelled" (the authors' code: squared distances among
what is left of the cluster)."""

import numpy as np

from tests.reference.centroid import unit


def select(features, labels, budget, rng, cluster, neighbours, most_clusters, least_size, density):
    points = unit(features)
    rows = rng.permutation(np.flatnonzero(labels >= -1))
    free = [int(i) for i in rows if labels[i] == -1]
    budget = min(budget, len(free))
    count = min(int(np.sum(labels >= 0)) + budget, most_clusters, len(rows))
    assigned = cluster(rows, count)
    members = [
        [int(i) for i, own in zip(rows, assigned, strict=True) if own == c]
        for c in range(max(assigned) + 1)
    ]
    luck = rng.random(len(members))
    usable = [c for c in range(len(members)) if any(i in free for i in members[c])]
    usable = [c for c in usable if len(members[c]) >= least_size] or usable
    labelled = [sum(labels[i] >= 0 for i in own) for own in members]
    usable.sort(key=lambda c: (labelled[c], -len(members[c]), luck[c]))
    chosen, turn = [], 0
    while len(chosen) < budget and any(i in free for c in usable for i in members[c]):
        own = members[usable[turn % len(usable)]]
        turn += 1
        left = [i for i in own if i in free]
        if left:
            if density == "unlabelled":
                best = max(left, key=lambda i: nearness(points, i, left, neighbours))
            else:
                best = max(left, key=lambda i: typicality(points, i, own, neighbours))
            chosen.append(best)
            free.remove(best)
    rest = rng.permutation(sorted(free))
    return np.concatenate([chosen, rest[: budget - len(chosen)]]).astype(int)


def typicality(points, i, own, neighbours):
    if len(own) == 1:
        return 1.0
    count = max(1, min(neighbours, len(own) // 2))
    gaps = sorted(np.linalg.norm(points[i] - points[j]) for j in own if j != i)
    return 1 / max(round(float(np.mean(gaps[:count])), 5), 1e-12)


def nearness(points, i, left, neighbours):
    if len(left) == 1:
        return 1.0
    count = max(1, min(neighbours, len(left) // 2))
    gaps = sorted(np.sum((points[i] - points[j]) ** 2) for j in left if j != i)
    return 1 / max(round(float(np.mean(gaps[:count])), 5), 1e-12)
