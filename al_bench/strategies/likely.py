"""Most-likely-positive sampling: the greedy search for rare classes."""

from __future__ import annotations

from al_bench.state import Floats, State
from al_bench.strategies.balance import rare_classes
from al_bench.strategies.common.ranking import Ranking


class MostLikelyPositive(Ranking):
    """The rows most probably of a rare class (as a baseline of Zhang et al., 2022).

    Rare are the classes under the average count of answers (`rare`: labels) or under the average
    prior mass of the pool (prior); the score is the model's probability of being in any of them.
    """

    def __init__(self, rare: str) -> None:
        self.rare = rare

    def score(self, state: State) -> Floats:
        """O(n k)."""
        rare = rare_classes(state, self.rare)
        score: Floats = state.probs[state.unlabelled][:, rare].sum(axis=1)
        return score
