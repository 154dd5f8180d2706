"""Core-set selection: no row stays far from all labelled rows, in features or in predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import fraction
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import (
    Distance,
    Nearest,
    settle,
    squared_distances,
    squared_norms,
)

FIRST_LOOK = 256  # centres that all rows are compared with; later ones only where necessary


class CoreSet:
    """K-centre greedy on unit-length features (Sener and Savarese, 2018).

    Repeatedly queries the row farthest from all labelled and chosen rows. Without a label the first
    row is random; duplicates of centres come last, at random. O(l u d) time for the labelled rows
    and at most O(b u d) for the picks, most of which is skipped by bounds; O(u) memory plus one
    block.

        >>> rows = CoreSet().select(state, 10, rng)
    """

    option = "coreset"

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        budget = min(budget, len(rows))
        features = state.rows.features
        nearest = Nearest(rows, on_sphere(features), np.full(len(rows), 4.0, features.dtype))
        nearest.add(rng.permutation(state.labelled))
        nearest.refresh(np.arange(len(rows)), min(FIRST_LOOK, len(nearest.centres)))
        return rows[farthest(nearest, budget)]


def farthest(nearest: Nearest, budget: int) -> Ints:
    """(budget,) positions, each the farthest from all centres and from the positions before."""
    chosen, alike = np.empty(budget, dtype=np.int64), np.ones_like(nearest.bounds)
    for i in range(budget):
        chosen[i] = nearest.argmax(alike)
        nearest.take(int(chosen[i]))
    return chosen


def on_sphere(features: Floats) -> Distance:
    """Squared distances between unit-length rows of `features`; zero rows stay zero."""
    norms = np.sqrt(squared_norms(features))
    lengths = (norms > 0).astype(features.dtype)
    scales = lengths / np.where(norms > 0, norms, 1)

    def distance(left: Ints, right: Ints) -> Floats:
        dots = features[left] @ (features[right] * scales[right][:, None]).T
        dots *= scales[left][:, None]
        return settle(dots, lengths[left], lengths[right])

    return distance


@dataclass(frozen=True)
class PCoreSet:
    """K-centre greedy among class probabilities (PCoreSet: Kang et al., 2025).

    Repeatedly queries the row whose probabilities are farthest from those of all labelled and
    chosen rows. Without a label the first row is random. At most O(l u k + b u k) time; O(u k)
    memory.

        >>> rows = PCoreSet(weight=0.2).select(state, 10, rng)

    Parameters
    ----------
    weight : of the prior's probabilities, 0 to 1; the model's weigh the rest. The authors' student
        has a second head that imitates the foundation model, with weight one half; here the prior
        takes its place
    """

    option = "pcoreset"

    weight: float = 0.5

    def __post_init__(self) -> None:
        fraction(self, weight=self.weight)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        budget = min(budget, len(rows))
        points = (1 - self.weight) * state.probs.astype(np.float64)
        points += self.weight * state.rows.prior

        def distance(left: Ints, right: Ints) -> Floats:
            return squared_distances(points[left], points[right])

        nearest = Nearest(rows, distance, np.full(len(rows), 2.0))
        nearest.add(state.labelled)
        return rows[farthest(nearest, budget)]
