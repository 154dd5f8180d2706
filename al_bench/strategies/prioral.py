"""PriorAL: a foundation model's labels where they are trusted, queries where they are not."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import entropy
from al_bench.label_models.split import balanced_entropy, fm_guesses, noise_set
from al_bench.state import Ints, State
from al_bench.strategies.common.ranking import top


class PriorAL:
    """Entropy of the task model within PriorAL's noise set (Zhang et al., 2026).

    The noise set D_N is the fraction `rho` of the unlabelled rows whose imbalance-aware entropy is
    highest, at least `budget` rows. weight: as_published, none, inverse or precision; product:
    entropy of task model times prior rather than of the task model alone; probabilities under
    `floor` are raised to it in the product. O(n k).
    """

    def __init__(self, rho: float, weight: str, product: bool, floor: float) -> None:
        self.rho, self.weight, self.product, self.floor = rho, weight, product, floor

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        guesses = fm_guesses(state.rows.prior, rng)
        scores = balanced_entropy(state, guesses, self.weight, self.product, self.floor)
        noisy = state.unlabelled[noise_set(scores, self.rho, budget, rng)]
        return noisy[top(entropy(state.probs[noisy]), budget, rng)]
