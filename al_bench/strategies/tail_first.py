"""Tail-first sampling (Wang et al., 2025)."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import entropy
from al_bench.state import Ints, State
from al_bench.strategies.balance import belief, random_argmax, rarest_first


class TailFirst:
    """Tail-first: the most uncertain row predicted as the least answered class (Wang et al., 2025).

    A picked row counts for the class it is predicted as. Predictions and entropy are those of the
    task model, of the prior, or of their product with entries raised to `floor` (`belief`: model,
    prior, product). A class that is predicted nowhere is passed over. O(n k + n log n).
    """

    def __init__(self, belief: str, floor: float) -> None:
        self.belief, self.floor = belief, floor

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        probs = belief(state, rows, self.belief, self.floor)
        classes = random_argmax(probs, rng)
        return rows[rarest_first(classes, entropy(probs), state.counts, budget, rng)]
