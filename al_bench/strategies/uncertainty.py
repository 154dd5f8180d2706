"""Uncertainty sampling: query where the task model is least sure (Lewis and Gale, 1994)."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import entropy, margin
from al_bench.state import Floats, State
from al_bench.strategies.common.ranking import Ranking


class Confidence(Ranking):
    """Least confidence: smallest largest-probability (Lewis and Gale, 1994)."""

    def score(self, state: State) -> Floats:
        return np.asarray(-state.probs[state.unlabelled].max(axis=1))


class Margin(Ranking):
    """Smallest margin between the two likeliest classes (Scheffer et al., 2001)."""

    def score(self, state: State) -> Floats:
        return -margin(state.probs[state.unlabelled])


class Entropy(Ranking):
    """Largest predictive entropy (Shannon, 1948; Settles, 2009)."""

    def score(self, state: State) -> Floats:
        return entropy(state.probs[state.unlabelled])
