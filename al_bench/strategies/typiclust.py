"""TypiClust: typical rows of clusters without a label."""

from __future__ import annotations

import numpy as np

from al_bench.state import HIDDEN, Floats, Ints, State
from al_bench.strategies.common.clusters import kmeans
from al_bench.strategies.common.distances import blocks, squared_distances, unit_rows


class TypiClust:
    """The densest row of each least-labelled, largest cluster (TypiClust: Hacohen et al., 2022).

    As many k-means clusters as labels after this batch, at most `most_clusters`; those of fewer
    than `least_size` rows are passed over. Clusters take turns, fewest labels first, then largest.
    Typicality is one over the mean distance to the `neighbours` nearest rows of the cluster (at
    most half of it), labelled ones included. O(n c d) a k-means pass plus O(size^2 d) a visited
    cluster; O(n d) memory.
    """

    def __init__(self, neighbours: int, most_clusters: int, least_size: int) -> None:
        if neighbours < 1 or most_clusters < 1:
            raise ValueError(
                f"TypiClust got neighbours={neighbours}, most_clusters={most_clusters}; "
                "wanted at least 1 of each"
            )
        self.neighbours, self.most_clusters = neighbours, most_clusters
        self.least_size = least_size

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(np.flatnonzero(state.labels != HIDDEN))  # the first of equals wins
        budget = min(budget, len(state.unlabelled))
        features, free = unit_rows(state.rows.features, rows), state.labels[rows] < 0
        count = min(len(state.labelled) + budget, self.most_clusters, len(rows))
        assigned = kmeans(features, count, rng)[0] if count else np.empty(0, dtype=np.int64)
        queues = []
        for cluster in self._turns(assigned, free, rng)[:budget]:
            members = np.flatnonzero(assigned == cluster)
            order = np.argsort(-typicality(features[members], self.neighbours), kind="stable")
            ranked = members[order]
            queues.append(rows[ranked[free[ranked]]])
        chosen = take_turns(queues, budget)
        rest = rng.permutation(np.setdiff1d(state.unlabelled, chosen))
        return np.concatenate([chosen, rest[: budget - len(chosen)]])

    def _turns(self, assigned: Ints, free: np.ndarray, rng: np.random.Generator) -> Ints:
        """Cluster numbers by (fewest labelled, largest); small ones only if all are small."""
        sizes = np.bincount(assigned)
        labelled = np.bincount(assigned[~free], minlength=len(sizes))
        usable = sizes > labelled
        if np.any(usable & (sizes >= self.least_size)):
            usable &= sizes >= self.least_size
        turns = np.lexsort((rng.random(len(sizes)), -sizes, labelled))
        return turns[usable[turns]]


def typicality(features: Floats, neighbours: int) -> Floats:
    """(m,) one over the mean distance to the nearest `neighbours` other rows, or half of them.

    Distances are rounded: two rows are often each other's nearest, and then they are equal."""
    nearest = max(1, min(neighbours, len(features) // 2))
    if len(features) == 1:
        return np.ones(1)
    out = np.empty(len(features))
    for part in blocks(len(features), 1024):
        squared = squared_distances(features[part], features)
        squared[np.arange(len(squared)), np.arange(len(features))[part]] = np.inf
        near = np.partition(squared, nearest - 1, axis=1)[:, :nearest]
        out[part] = np.sqrt(near).mean(axis=1)
    return 1 / np.maximum(np.round(out, 5), 1e-12)


def take_turns(queues: list[Ints], budget: int) -> Ints:
    """At most `budget` rows: the first of every queue, then the second of those that have one..."""
    if not queues:
        return np.empty(0, dtype=np.int64)
    place = np.concatenate([np.arange(len(queue)) for queue in queues])
    return np.concatenate(queues)[np.argsort(place, kind="stable")][:budget]
