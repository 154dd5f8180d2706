"""Class-guided clustering, the first half of CB+SQ (Kim et al., 2024)."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import unit
from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.clusters import representatives
from al_bench.strategies.common.distances import unit_rows


class ClassGuided:
    """One row from each cluster of features joined with the prior's view (Kim et al., 2024).

    Each unit feature is followed by `weight` times the unit mean of the class directions, weighted
    by the prior; k-means makes as many clusters as the budget and the row nearest to each centre is
    queried. The paper's class directions are text embeddings; a benchmark row has none, so ours are
    the prior-weighted mean features. O(n b d) a k-means pass, memory O(n d).
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # so that the first of equals is a random one
        features = guided(unit_rows(state.rows.features, rows), state.rows.prior[rows], self.weight)
        return rows[representatives(features, budget, rng)]


def guided(features: Floats, prior: Floats, weight: float) -> Floats:
    """(n, d + k) the features beside `weight` times their prior's unit mixture of directions.

    The mixtures lie in the span of k directions, so k coordinates (by a root of the directions'
    inner products) keep all their distances.
    """
    means = prior.T.astype(features.dtype) @ features
    directions = unit(means)
    values, vectors = np.linalg.eigh(directions @ directions.T)
    root = vectors * np.sqrt(np.maximum(values, 0))
    view = weight * unit((prior @ root).astype(features.dtype))
    return np.concatenate([features, view], axis=1)
