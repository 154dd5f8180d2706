"""PriorAL: pseudo-labels where the foundation model is trusted, queries elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.belief.split import balanced_entropy, fm_guesses, noise_set
from al_bench.core.arrays import entropy
from al_bench.core.state import Ints, State
from al_bench.strategies.common.ranking import top


@dataclass(frozen=True)
class PriorAL:
    """Entropy of the task model within PriorAL's noise set (Zhang et al., 2026). O(n k).

    The noise set D_N is the fraction of unlabelled rows of highest imbalance-aware entropy.

        >>> rows = PriorAL(weight="inverse").select(state, 10, rng)

    Parameters
    ----------
    rho : fraction of the unlabelled rows in the noise set, at least the budget; the paper's is not
        known; keep it equal to that of `ConfidentSplit`
    weight : of an entropy, by class: as_published, none, inverse or precision (`class_weights`)
    product : whether the entropy is that of task model times prior, or of the task model alone
    floor : lower bound of probabilities
    """

    option = "prioral"
    title = "PriorAL"
    parts = (("supervision", "prioral_split"),)
    rho: float = 0.5
    weight: str = "as_published"
    product: bool = True
    floor: float = 1e-4

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        guesses = fm_guesses(state.rows.prior, rng)
        scores = balanced_entropy(state, guesses, self.weight, self.product, self.floor)
        noisy = state.unlabelled[noise_set(scores, self.rho, budget, rng)]
        return noisy[top(entropy(state.probs[noisy]), budget, rng)]
