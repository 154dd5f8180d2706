"""One row per cluster: of features, of features joined with the prior, or of small margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least, margin, unit
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import assign, pairwise, representatives, unit_rows
from al_bench.strategies.common.ranking import top
from al_bench.strategies.typiclust import take_turns


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
    class directions. K-means makes as many clusters as the budget, and the row nearest to each
    centre is queried. The paper's class directions are text embeddings; without these, ours are the
    prior-weighted mean features of each class. O(n b d) a k-means pass, memory O(n d).

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

    Rows of smallest margin are grouped by average-linkage clusters of unit-length features, as many
    as the budget. Groups take turns, smallest first, each giving a random row (as in the paper).
    O(s^2 d + s^2 log s) time, 8 s^2 bytes for a sample of s.

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
