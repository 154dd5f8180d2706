"""Centroid sampling: one typical row of each of as many clusters as rows are queried."""

from __future__ import annotations

import numpy as np

from al_bench.state import Ints, State
from al_bench.strategies.common.clusters import representatives
from al_bench.strategies.common.distances import unit_rows


class Centroid:
    """The rows nearest to k-means centroids (Zhdanov, 2019; the start of DropQuery, 2024).

    As many clusters of unlabelled unit-length features as the budget; needs no label and no model,
    so it also serves as a start. O(u b d) time a k-means pass, O(u d) memory.
    """

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        return rows[representatives(unit_rows(state.rows.features, rows), budget, rng)]
