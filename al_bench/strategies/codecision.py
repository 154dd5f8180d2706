"""Codecision: query where a class in need of labels may be and the task model is torn."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_bench.arithmetic import margin
from al_bench.label_models.belief import OutOfFoldBelief
from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.clusters import representatives
from al_bench.strategies.common.distances import unit_rows

VALUES = ("margin", "none")
LEAST = 1e-12  # of a score, as rows of no weight have no mean


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
    """Typical rows where model and need of a class say that an answer is worth most (ours).

    A row's score is its value, ``1 - margin of p`` (value=margin) or one (none), times the need
    ``sum_k f_k (1 + n_k)^-power`` of the classes it is believed to be of; n counts labels as the
    training rule took them. Of the `factor` times budget rows of the largest scores as many k-means
    clusters are made as rows are queried, each row weighing its score, and of every one the row
    nearest to its centre is queried (as Zhdanov, 2019, does with the margin). factor=1: no
    clusters, but the rows of `needy_batch`; so is the start, with a value and a power of one. The
    belief is the training rule's where it leaves one, its own otherwise. O(u k + factor b^2 d) for
    u unlabelled rows and budget b.
    """

    version: ClassVar = 2  # 1: what is factor=1 now

    def __init__(self, belief: OutOfFoldBelief, value: str, power: float, factor: int) -> None:
        if value not in VALUES:
            raise ValueError(f"Codecision got value={value!r}; wanted one of {', '.join(VALUES)}")
        if factor < 1:
            raise ValueError(f"Codecision got factor={factor}; wanted at least 1")
        self.belief, self.value, self.power, self.factor = belief, value, power, factor

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # equal rows are taken in this order
        beliefs = self.beliefs(state, rng)
        if not len(state.labelled):
            even = np.ones(len(rows))
            return rows[needy_batch(even, single(beliefs[rows]), soft_counts(state), 1.0, budget)]
        if self.factor > 1:
            return self.typical(state, rows, beliefs, budget, rng)
        value, counts = self.worth(state.probs[rows]), soft_counts(state)
        return rows[needy_batch(value, single(beliefs[rows]), counts, self.power, budget)]

    def typical(
        self, state: State, rows: Ints, beliefs: Floats, budget: int, rng: np.random.Generator
    ) -> Ints:
        """The row nearest to the centre of each of `budget` clusters of the best of `rows`."""
        need = (1 + soft_counts(state)) ** -self.power
        scores = np.maximum(self.worth(state.probs[rows]) * (beliefs[rows] @ need), LEAST)
        best = np.argsort(-scores, kind="stable")[: self.factor * budget]
        features = unit_rows(state.rows.features, rows[best])
        return rows[best[representatives(features, budget, rng, weights=scores[best])]]

    def beliefs(self, state: State, rng: np.random.Generator) -> Floats:
        """(n, k) what the training rule believes of every row; what this one does where it leaves
        nothing."""
        taught = None if state.training is None else state.training.beliefs
        return self.belief.believe(state, rng).pool if taught is None else taught

    def worth(self, probs: Floats) -> Floats:
        """(u,) value of rows by the task model's probabilities."""
        return 1 - margin(probs) if self.value == "margin" else np.ones(len(probs))


def single(beliefs: Floats) -> Floats:
    """In float32, as a greedy batch goes over all of them once a pick."""
    return np.asarray(beliefs, dtype=np.float32)
