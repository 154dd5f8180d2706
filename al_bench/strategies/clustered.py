"""Rows of clusters: the most typical, the nearest to the centre, or those of small margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, margin, one_of, unit
from al_bench.core.state import HIDDEN, Floats, Ints, State
from al_bench.strategies.common.distances import (
    assign,
    blocks,
    kmeans,
    pairwise,
    representatives,
    sklearn_kmeans,
    squared_distances,
    unit_rows,
)
from al_bench.strategies.common.ranking import filled_at_random, top

CLUSTERINGS = ("scikit_learn", "two_passes")
DENSITIES = ("unlabelled", "cluster")


@dataclass(frozen=True)
class TypiClust:
    """The densest row of each least-labelled, largest cluster (TypiClust: Hacohen et al., 2022).

    Makes as many k-means clusters as labels after this batch. They take turns, fewest labels first,
    then largest. O(n c d) a k-means pass plus O(size^2 d) a turn; O(n d) memory.

        >>> rows = TypiClust(neighbours=5).select(state, 10, rng)

    Parameters
    ----------
    neighbours : nearest rows that a density averages over, at most half of the rows
    most_clusters : clusters, at most
    least_size : clusters with fewer rows are skipped
    clustering : ``scikit_learn`` as the authors' code (`sklearn_kmeans`), or ``two_passes``: one
        run from our seeds, above 50 clusters two passes of mini-batches
    density : ``unlabelled`` as the authors' code: by mean squared distance to the cluster's nearest
        unlabelled rows, computed anew at each turn; ``cluster`` as the paper's formula: by mean
        distance to the cluster's nearest rows, labelled ones included
    """

    option = "typiclust"
    title = "TypiClust"
    version: ClassVar = 2  # 1: two_passes and cluster
    neighbours: int = 20
    most_clusters: int = 500
    least_size: int = 6
    clustering: str = "scikit_learn"
    density: str = "unlabelled"

    def __post_init__(self) -> None:
        at_least(self, 1, neighbours=self.neighbours, most_clusters=self.most_clusters)
        one_of(self, CLUSTERINGS, clustering=self.clustering)
        one_of(self, DENSITIES, density=self.density)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(np.flatnonzero(state.labels != HIDDEN))  # ties at random
        budget = min(budget, len(state.unlabelled))
        features, free = unit_rows(state.rows.features, rows), state.labels[rows] < 0
        count = min(len(state.labelled) + budget, self.most_clusters, len(rows))
        assigned = self._clusters(features, count, rng)
        turns = self._turns(assigned, free, rng)
        members = [np.flatnonzero(assigned == cluster) for cluster in turns[:budget]]
        if self.density == "cluster":
            queues = []
            for own in members:
                density = typicality(features[own], self.neighbours)
                ranked = own[np.argsort(-density, kind="stable")]
                queues.append(ranked[free[ranked]])
            picks = take_turns(queues, budget)
        else:
            unlabelled = [own[free[own]] for own in members]
            picks = densest_in_turn(features, unlabelled, budget, self.neighbours)
        return filled_at_random(rows[picks], state.unlabelled, budget, rng)

    def _clusters(self, features: Floats, count: int, rng: np.random.Generator) -> Ints:
        if not count:
            return np.empty(0, dtype=np.int64)
        if self.clustering == "scikit_learn":
            return sklearn_kmeans(features, count, rng)
        return kmeans(features, count, rng)[0]

    def _turns(self, assigned: Ints, free: np.ndarray, rng: np.random.Generator) -> Ints:
        """Cluster numbers by (fewest labelled, largest); small ones only if all are small."""
        sizes = np.bincount(assigned)
        labelled = np.bincount(assigned[~free], minlength=len(sizes))
        usable = sizes > labelled
        if np.any(usable & (sizes >= self.least_size)):
            usable &= sizes >= self.least_size
        turns = np.lexsort((rng.random(len(sizes)), -sizes, labelled))
        return turns[usable[turns]]


def densest_in_turn(features: Floats, members: list[Ints], budget: int, neighbours: int) -> Ints:
    """At most `budget` positions: clusters take turns, each giving its densest unlabelled row."""
    left, chosen = [own for own in members if len(own)], list[int]()
    while left and len(chosen) < budget:
        for turn, own in enumerate(left[: budget - len(chosen)]):
            best = int(typicality(features[own], neighbours, power=2).argmax())
            chosen.append(int(own[best]))
            left[turn] = np.delete(own, best)
        left = [own for own in left if len(own)]
    return np.array(chosen, dtype=np.int64)


def typicality(features: Floats, neighbours: int, power: int = 1) -> Floats:
    """(m,) one over the mean distance^power to the nearest `neighbours` rows, or half; rounded."""
    nearest = max(1, min(neighbours, len(features) // 2))
    if len(features) == 1:
        return np.ones(1)
    out = np.empty(len(features))
    for part in blocks(len(features), 1024):
        squared = squared_distances(features[part], features)
        squared[np.arange(len(squared)), np.arange(len(features))[part]] = np.inf
        near = np.partition(squared, nearest - 1, axis=1)[:, :nearest]
        out[part] = (np.sqrt(near) if power == 1 else near).mean(axis=1)
    return 1 / np.maximum(np.round(out, 5), 1e-12)


def take_turns(queues: list[Ints], budget: int) -> Ints:
    """At most `budget` rows: the first of every queue, then the second of every queue, ..."""
    if not queues:
        return np.empty(0, dtype=np.int64)
    place = np.concatenate([np.arange(len(queue)) for queue in queues])
    return np.concatenate(queues)[np.argsort(place, kind="stable")][:budget]


class Centroid:
    """The rows nearest to k-means centroids (Zhdanov, 2019; the start of DropQuery, 2024).

    Makes as many clusters of unlabelled unit-length features as the budget. It needs no label and
    no model, so it can be a start. O(u b d) time a k-means pass, O(u d) memory.

        >>> rows = Centroid().select(state, 10, rng)
    """

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        return rows[representatives(unit_rows(state.rows.features, rows), budget, rng)]


@dataclass(frozen=True)
class ClassGuided:
    """One row from each cluster of features joined with the prior's view (Kim et al., 2024).

    Each unit feature is joined with `weight` times the unit-length, prior-weighted mean of the
    class directions (the paper's are text embeddings, ours class means under the prior); the rows
    nearest to as many k-means centres as the budget are queried. O(n b d) a pass, memory O(n d).

        >>> rows = ClassGuided(weight=0.5).select(state, 10, rng)

    Parameters
    ----------
    weight : length of the prior's part, relative to the features' unit length
    """

    weight: float = 1.0

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        features = guided(unit_rows(state.rows.features, rows), state.rows.prior[rows], self.weight)
        return rows[representatives(features, budget, rng)]


def guided(features: Floats, prior: Floats, weight: float) -> Floats:
    """(n, d + k) features joined with `weight` times the unit-length prior mixture of directions: k
    coordinates preserve the mixtures' distances."""
    means = prior.T.astype(features.dtype) @ features
    directions = unit(means)
    values, vectors = np.linalg.eigh(directions @ directions.T)
    root = vectors * np.sqrt(np.maximum(values, 0))
    view = weight * unit((prior @ root).astype(features.dtype))
    return np.concatenate([features, view], axis=1)


@dataclass(frozen=True)
class ClusterMargin:
    """Smallest margins, diversified by clusters (Cluster-Margin: Citovsky et al., 2021).

    Rows of smallest margin are grouped by average-linkage clusters, as many as the budget; groups
    take turns, smallest first. O(s^2 d + s^2 log s) time, 8 s^2 bytes for a sample of s.

        >>> rows = ClusterMargin(factor=5).select(state, 10, rng)

    Parameters
    ----------
    factor : rows of smallest margin that are grouped, in multiples of the budget
    sample : random rows that are clustered, at most; the others join the nearest mean
    """

    factor: int = 10
    sample: int = 5000

    def __post_init__(self) -> None:
        at_least(self, 1, factor=self.factor)
        at_least(self, 2, sample=self.sample)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        budget = min(budget, len(rows))
        unsure = rows[top(-margin(state.probs[rows]), self.factor * budget, rng)]
        sample = rng.permutation(rows)[: self.sample]
        means = linkage_means(unit_rows(state.rows.features, sample), budget)
        assigned = assign(unit_rows(state.rows.features, unsure), means)
        mixed = rng.permutation(len(unsure))  # within a cluster, rows come in this order
        groups = [unsure[mixed[assigned[mixed] == c]] for c in rng.permutation(len(means))]
        return take_turns(sorted(filter(len, groups), key=len), budget)


def linkage_means(features: Floats, clusters: int) -> Floats:
    """(c, d) means of average-linkage clusters of the rows, in order of their first row."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if clusters >= len(features):
        return features
    distances = squareform(np.sqrt(pairwise(features)), checks=False)
    labels = fcluster(linkage(distances, method="average"), clusters, criterion="maxclust")
    _, first = np.unique(labels, return_index=True)
    return np.stack([features[labels == labels[i]].mean(axis=0) for i in np.sort(first)])
