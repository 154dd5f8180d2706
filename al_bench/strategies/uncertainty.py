"""Uncertainty sampling: ask where the small model is least sure (Lewis and Gale, 1994)."""

from __future__ import annotations

import numpy as np

from al_bench.state import Floats, State
from al_bench.strategies.ranking import Ranking


def margin(probs: Floats) -> Floats:
    """(n,) largest minus second-largest probability of each row."""
    two = np.partition(probs, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


def entropy(probs: Floats) -> Floats:
    """(n,) entropy of each row in nats; zeros count as zero."""
    logs = np.maximum(probs, 1e-12)
    np.log(logs, out=logs)
    return np.asarray(-np.einsum("ij,ij->i", probs, logs))


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
