"""Cluster-Margin: unsure rows, taken from many clusters, small ones first."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import margin
from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.clusters import assign
from al_bench.strategies.common.distances import pairwise, unit_rows
from al_bench.strategies.common.ranking import top
from al_bench.strategies.typiclust import take_turns


class ClusterMargin:
    """Smallest margins, one cluster after the other (Cluster-Margin: Citovsky et al., 2021).

    The `factor` times budget rows of smallest margin are grouped by average-linkage clusters of
    unit-length features, as many as the budget; clusters take turns from the smallest group on,
    each giving a random row (as in the paper). Clusters come from at most `sample` random rows, and
    other rows join the nearest mean. O(s^2 d + s^2 log s) time, 8 s^2 bytes for a sample of s.
    """

    def __init__(self, factor: int, sample: int) -> None:
        if factor < 1 or sample < 2:
            raise ValueError(
                f"ClusterMargin got factor={factor}, sample={sample}; "
                "wanted a factor of at least 1 and a sample of at least 2"
            )
        self.factor, self.sample = factor, sample

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
