"""Codecision: query where a class in need of labels may be and the task model is torn."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import margin
from al_bench.label_models.belief import OutOfFoldBelief
from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.distances import unit_rows
from al_bench.strategies.herding import check, herd, smallest_distance

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


class CodecisionHerding(Codecision):
    """Codecision where an answer is worth what it tells of the rows around it (ours, after
    Uncertainty Herding: Bae et al., 2025).

    Repeats: query the row that most raises the sum over rows z of Codecision's score of z times the
    largest kernel value exp(-|a - z|^2 / width^2) of z and a labelled or queried row a, on
    unit-length features; width is the smallest distance between two labelled rows. So the more
    labels, the narrower the kernel and the nearer to Codecision, whose start it has. Rows covered
    and candidates are at most `sample` random unlabelled ones. O(s^2 d) time, 4 s^2 bytes for a
    sample of s.
    """

    def __init__(self, belief: OutOfFoldBelief, value: str, power: float, sample: int) -> None:
        super().__init__(belief, value, power)
        check("CodecisionHerding", sample)
        self.sample = sample

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if not len(state.labelled):
            return super().select(state, budget, rng)
        rows = rng.permutation(state.unlabelled)  # the first of equals is a random one
        some = rows[: self.sample]
        need = (1 + soft_counts(state)) ** -self.power
        weights = self.worth(state.probs[some]) * (self.beliefs(state, rng)[some] @ need)
        width = smallest_distance(unit_rows(state.rows.features, state.labelled))
        return herd(state, rows, weights, width, budget)
