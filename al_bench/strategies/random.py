"""Random sampling: the baseline that every strategy has to beat."""

from __future__ import annotations

import numpy as np

from al_bench.core.state import Ints, State


class Random:
    """Uniform sampling without replacement (passive learning).

    >>> rows = Random().select(state, 10, rng)
    """

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        size = min(budget, len(state.unlabelled))
        return rng.choice(state.unlabelled, size=size, replace=False)
