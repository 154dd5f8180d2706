"""Searching a pool for the rows of one rare class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least, require
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.ranking import top


@dataclass(frozen=True)
class RareFirst:
    """The rows likeliest to be of one class: relevance feedback (Lewis and Gale, 1994; Cormack and
    Grossman, 2014), by the foundation model before an answer of the class (ours).

    O(n k + n log n).

        >>> rows = RareFirst(target=1).select(state, 10, rng)

    Parameters
    ----------
    target : number of the class
    """

    option = "rare"

    target: int = 0

    def __post_init__(self) -> None:
        at_least(self, 0, target=self.target)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        wanted = f"the number of a class, 0..{state.n_classes - 1}"
        require(self.target < state.n_classes, self, wanted, target=self.target)
        rows = state.unlabelled
        return np.asarray(rows[top(self.scores(state)[rows], min(budget, len(rows)), rng)])

    def scores(self, state: State) -> Floats:
        """(n,) probability of the class, by the foundation model alone before it has a label."""
        known = state.counts[self.target] > 0
        probs = CalibratedPredictor(state).pool if known else state.rows.prior
        return np.asarray(probs[:, self.target])
