"""Codecision: ask where a class that needs labels is believed and the small model is torn."""

from __future__ import annotations

import numpy as np

from al_bench.belief import OutOfFoldBelief
from al_bench.state import Floats, Ints, State
from al_bench.strategies.uncertainty import margin


def soft_counts(state: State) -> Floats:
    """(k,) labels of each class as the training rule took them; answers before any training."""
    if state.taught is None:
        return state.counts.astype(float)
    human = state.labels[state.taught.rows] >= 0
    return np.asarray(state.taught.targets[human].sum(axis=0), dtype=float)


def needy_batch(
    value: Floats, beliefs: Floats, counts: Floats, power: float, budget: int
) -> Ints:
    """Positions picked greedily by ``value * sum_k f_k (1 + n_k)^-power``, n += f after each.

    value: (u,) what a row is worth apart from its class; beliefs: (u, k). O(budget u k).
    """
    counts, left = counts.copy(), value.copy()
    picked = np.empty(min(budget, len(value)), dtype=np.int64)
    for i in range(len(picked)):
        need = ((1 + counts) ** -power).astype(beliefs.dtype)
        best = int(np.argmax(left * (beliefs @ need)))
        picked[i], left[best] = best, -np.inf
        counts += beliefs[best]
    return picked


class Codecision:
    def __init__(self, belief: OutOfFoldBelief, power: float) -> None:
        self.belief, self.power = belief, power

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)
        beliefs = state.taught.beliefs if state.taught is not None else None
        if beliefs is None:
            beliefs = self.belief.believe(state, rng).pool
        f = np.asarray(beliefs[rows], dtype=np.float32)
        if len(state.labelled):
            value = 1 - margin(state.probs[rows]); power=self.power
        else:
            value, power = np.ones(len(rows)), 1.0
        picked = needy_batch(value, f, soft_counts(state), power, budget)
        return rows[picked]
