"""Codecision between a new row and one more answer about an old one."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import margin
from al_bench.label_models.belief import OutOfFoldBelief
from al_bench.state import Ints, State
from al_bench.strategies.asking import best_first
from al_bench.strategies.codecision import Codecision, needy_batch, single, soft_counts


class CodecisionAgain(Codecision):
    """Codecision where a row may be queried again: both are weighed on one scale (ours).

    A new row's score is that of `Codecision`. A labelled one's is `again` times how torn the belief
    still is between its two likeliest classes, times the same need of the classes it may be of: an
    answer that settles it is worth as much to the belief as a new one. They take a fraction `most`
    of a batch at most while there are new ones; a row is named once, unless nothing else is left.
    Where nothing is asked again it is Codecision. O(budget u k) for u rows left to ask.
    """

    def __init__(
        self,
        belief: OutOfFoldBelief,
        value: str,
        power: float,
        factor: int,
        again: float,
        most: float,
    ) -> None:
        super().__init__(belief, value, power, factor)
        if again < 0 or not 0 <= most <= 1:
            raise ValueError(
                f"CodecisionAgain got again={again}, most={most}; wanted 0 or more, and a fraction"
            )
        self.again, self.most = again, most

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if not state.reask or not len(state.labelled):
            return super().select(state, budget, rng)
        beliefs, counts = self.beliefs(state, rng), soft_counts(state)
        rows = rng.permutation(state.askable)
        old, new = rows[state.labels[rows] >= 0], rows[state.labels[rows] < 0]
        value = np.zeros(len(state.labels))
        value[old] = self.again * (1 - margin(single(beliefs[old])))
        value[new] = self.worth(state.probs[new])
        few = max(int(self.most * budget), budget - len(new))
        again = old[needy_batch(value[old], beliefs[old], counts, self.power, few)]
        if self.factor > 1:
            new = self.typical(state, new, beliefs, budget, rng)
        rows = np.concatenate([new, again])
        chosen = rows[needy_batch(value[rows], single(beliefs[rows]), counts, self.power, budget)]
        left = state.left - np.bincount(chosen, minlength=len(state.labels))
        more = best_first(chosen, value[chosen], left, budget - len(chosen), rng)
        return np.concatenate([chosen, more])
