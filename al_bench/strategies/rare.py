"""Searching a pool for the rows of one rare class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least, fraction, require
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.ranking import top


@dataclass(frozen=True)
class RareFirst:
    """The rows likeliest to be of one class, and some others while few of them are (ours).

    Likeliest first is relevance feedback (Lewis and Gale, 1994; Cormack and Grossman, 2014), by the
    foundation model before an answer of the class. The fewer of the last batch's answers are of the
    class, the more rows are drawn at random. O(n k + n log n).

        >>> rows = RareFirst(target=1).select(state, 10, rng)

    Parameters
    ----------
    target : number of the class
    explore : fraction of a batch that is random if no answer of the last batch was of the class
    """

    option = "rare"
    title = "likeliest first"
    start = "started by the foundation model"
    target: int = 0
    explore: float = 0.1

    def __post_init__(self) -> None:
        at_least(self, 0, target=self.target)
        fraction(self, explore=self.explore)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        wanted = f"the number of a class, 0..{state.n_classes - 1}"
        require(self.target < state.n_classes, self, wanted, target=self.target)
        rows = state.unlabelled
        budget = min(budget, len(rows))
        others = round(self.explore * (1 - self.hits(state, budget)) * budget)
        best = rows[top(self.scores(state)[rows], budget - others, rng)]
        rest = np.setdiff1d(rows, best)
        return np.concatenate([best, rng.choice(rest, others, replace=False)])

    def scores(self, state: State) -> Floats:
        """(n,) probability of the class, by the foundation model alone before it has a label."""
        known = state.counts[self.target] > 0
        probs = CalibratedPredictor(state).pool if known else state.rows.prior
        return np.asarray(probs[:, self.target])

    def hits(self, state: State, budget: int) -> float:
        """The fraction of the last `budget` answers that are of the class; 1 before any."""
        last = state.answers.classes[-budget:] if budget else state.answers.classes
        return float(np.mean(last == self.target)) if len(last) else 1.0
