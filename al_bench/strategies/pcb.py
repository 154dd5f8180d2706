"""PCB: class balance by pseudo-labels inside any strategy's candidates (Bang et al., 2024)."""

from __future__ import annotations

from math import ceil

import numpy as np

from al_bench.state import Ints, State, Strategy
from al_bench.strategies.balance import random_argmax, rarest_first, unanswered


class PCB:
    """PCB: balance the prior's classes among a strategy's candidates (Bang et al., 2024).

    `inner` names a `fraction` of the unlabelled rows (at least the budget; it hears no answers);
    among them the class with fewest answers and picks takes a random row with its pseudo-label. A
    class without candidates is passed over, and what was really taken counts. The cost is that of
    the inner strategy asked for that many rows.
    """

    def __init__(self, inner: Strategy, fraction: float) -> None:
        if not 0 < fraction <= 1:
            raise ValueError(f"PCB has fraction={fraction}; wanted 0 < fraction <= 1")
        self.inner, self.fraction = inner, fraction

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        amount = max(budget, ceil(self.fraction * len(state.unlabelled)))
        rows = unanswered(self.inner, state, amount, rng)
        said = random_argmax(state.rows.prior[rows], rng)
        return rows[rarest_first(said, rng.random(len(rows)), state.counts, budget, rng)]
