"""Codecision: query where a class in need of labels may be and the task model is torn."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import margin
from al_bench.label_models.belief import OutOfFoldBelief
from al_bench.state import Floats, Ints, State

VALUES = ("margin", "none")


def soft_counts(state: State) -> Floats:
    """(k,) labels of each class as the training rule took them; the answers before any training."""
    if state.training is None:
        return state.counts.astype(float)
    human = state.labels[state.training.rows] >= 0
    return np.asarray(state.training.targets[human].sum(axis=0), dtype=float)


def needy_batch(value: Floats, beliefs: Floats, counts: Floats, power: float, budget: int) -> Ints:
    """Positions picked greedily by ``value * sum_k f_k (1 + n_k)^-power``, n += f after each.

    value: (u,) what a row is worth apart from its class; beliefs: (u, k) probabilities f; counts:
    (k,) labels n to begin with. Of equal rows the first is taken. O(budget u k) time, O(u) memory.
    """
    counts, left = counts.astype(float), value.astype(np.float32)
    picked = np.empty(min(budget, len(value)), dtype=np.int64)
    for i in range(len(picked)):
        need = ((1 + counts) ** -power).astype(beliefs.dtype)
        scores = left * (beliefs @ need)
        best = int(np.argmax(scores))
        picked[i], left[best] = best, -1.0
        counts += beliefs[best]
    return picked


class Codecision:
    """Need-weighted margin on the belief of foundation model and task model (ours).

    A row's score is its value, ``1 - margin of p`` (value=margin) or one (none, and always before
    the first label), times the need ``sum_k f_k (1 + n_k)^-power`` of the classes it is believed
    to be of; n counts labels as the training rule took them, and each pick adds its belief. The
    belief is the training rule's where it leaves one, its own otherwise. O(budget u k).
    """

    def __init__(self, belief: OutOfFoldBelief, value: str, power: float) -> None:
        if value not in VALUES:
            raise ValueError(f"Codecision got value={value!r}; wanted one of {', '.join(VALUES)}")
        self.belief, self.value, self.power = belief, value, power

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # equal rows are taken in this order
        believed = np.asarray(self.beliefs(state, rng)[rows], dtype=np.float32)
        value: Floats = np.ones(len(rows))
        power = 1.0
        if len(state.labelled):
            value, power = self.worth(state.probs[rows]), self.power
        return rows[needy_batch(value, believed, soft_counts(state), power, budget)]

    def beliefs(self, state: State, rng: np.random.Generator) -> Floats:
        """(n, k) what the training rule believes of every row; what this one does where it leaves
        nothing."""
        taught = None if state.training is None else state.training.beliefs
        return self.belief.believe(state, rng).pool if taught is None else taught

    def worth(self, probs: Floats) -> Floats:
        """(u,) value of rows by the task model's probabilities."""
        return 1 - margin(probs) if self.value == "margin" else np.ones(len(probs))
