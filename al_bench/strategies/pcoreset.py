"""PCoreSet: leave no prediction far from those of the labelled rows."""

from __future__ import annotations

import numpy as np

from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.distances import Nearest, squared_distances


class PCoreSet:
    """K-centre greedy among class probabilities (PCoreSet: Kang et al., 2025).

    Repeats: query the row whose probabilities are farthest from those of all labelled and chosen
    ones. Probabilities are the model's, and by `weight` those of the prior: the authors' student
    has a second head that imitates the foundation model and counts one half, and here the
    foundation model speaks for itself. With nothing labelled the first row is random. O(l u k + b u
    k) time at most; O(u k) memory.
    """

    def __init__(self, weight: float) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f"PCoreSet got weight={weight}; wanted 0 to 1")
        self.weight = weight

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # so that the first of equals is a random one
        budget = min(budget, len(rows))
        points = (1 - self.weight) * state.probs.astype(np.float64)
        points += self.weight * state.rows.prior

        def distance(left: Ints, right: Ints) -> Floats:
            return squared_distances(points[left], points[right])

        nearest = Nearest(rows, distance, np.full(len(rows), 2.0))
        nearest.add(state.labelled)
        chosen, alike = np.empty(budget, dtype=np.int64), np.ones_like(nearest.bounds)
        for i in range(budget):
            chosen[i] = nearest.argmax(alike)
            nearest.take(int(chosen[i]))
        return rows[chosen]
