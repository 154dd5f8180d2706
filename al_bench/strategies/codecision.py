"""Codecision: query rows of classes with few labels on which the task model is uncertain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from al_bench.belief.belief import AveragedBelief
from al_bench.core.arrays import at_least, fraction, margin, one_of
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.asking import best_first

VALUES = ("margin", "none")


def soft_counts(state: State) -> Floats:
    """(k,) soft label counts by the training rule's targets; answer counts before any training."""
    if state.training is None:
        return state.counts.astype(float)
    human = state.labels[state.training.rows] >= 0
    return np.asarray(state.training.targets[human].sum(axis=0), dtype=float)


def needy_batch(value: Floats, beliefs: Floats, counts: Floats, power: float, budget: int) -> Ints:
    """Positions picked greedily by ``value * sum_k f_k (1 + n_k)^-power``, n += f after each.

    value: (u,) of a row regardless of its class; beliefs: (u, k) probabilities f; counts: (k,)
    initial label counts n. Of ties the first is taken. O(budget u k) time, O(u) memory.
    """
    counts, left = counts.astype(float), value.astype(np.float32)
    beliefs = beliefs.astype(np.float32)  # every pick reads all of them
    picked = np.empty(min(budget, len(value)), dtype=np.int64)
    for i in range(len(picked)):
        need = ((1 + counts) ** -power).astype(beliefs.dtype)
        scores = left * (beliefs @ need)
        best = int(np.argmax(scores))
        picked[i], left[best] = best, -1.0
        counts += beliefs[best]
    return picked


@dataclass(frozen=True)
class Codecision:
    """Rows on which the task model is uncertain, of classes with few labels (ours).

    A row's score is one minus the task model's margin, times the need
    ``sum_k f_k (1 + n_k)^-power`` of its classes, with f the belief and n the soft label counts.
    Rows are picked greedily, each adding its f to n (`needy_batch`). O(budget u k) for u unlabelled
    rows.

        >>> rows = Codecision(power=1.0).select(state, 10, rng)

    Parameters
    ----------
    belief : gives class probabilities if the training rule leaves none
    value : ``margin``: one minus the task model's margin; ``none``: one
    power : exponent of the need: how fast labels of a class lower it
    """

    version: ClassVar = 3  # 2: one row from each of `budget` clusters; a start of its own
    belief: AveragedBelief = field(default_factory=AveragedBelief)
    value: str = "margin"
    power: float = 0.5

    def __post_init__(self) -> None:
        one_of(self, VALUES, value=self.value)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        value, beliefs = self.worth(state.probs[rows]), self.beliefs(state, rng)[rows]
        return rows[needy_batch(value, beliefs, soft_counts(state), self.power, budget)]

    def beliefs(self, state: State, rng: np.random.Generator) -> Floats:
        """(n, k) class probabilities by the training rule's belief, or else by `belief`."""
        known = None if state.training is None else state.training.beliefs
        return self.belief.believe(state, rng).pool if known is None else known

    def worth(self, probs: Floats) -> Floats:
        """(u,) value of rows, from the task model's probabilities."""
        return 1 - margin(probs) if self.value == "margin" else np.ones(len(probs))


@dataclass(frozen=True)
class CodecisionAgain(Codecision):
    """Codecision with relabelling: labelled and unlabelled rows are scored on one scale (ours).

    An unlabelled row's score is that of `Codecision`. A labelled row's score is `again` times one
    minus the belief's margin, times the same need of its classes: an answer that settles its class
    helps the belief as much as a new label. A row is queried once in a batch, unless no other is
    left. Without relabelling it equals Codecision. O(budget u k) for u rows that can be queried.

        >>> rows = CodecisionAgain(again=2.0).select(asked, 10, rng)

    Parameters
    ----------
    belief, value, power : as in `Codecision`
    again : factor of a labelled row's score
    most : largest fraction of a batch for labelled rows while unlabelled rows are left, 0 to 1
    """

    again: float = 4.0
    most: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, again=self.again)
        fraction(self, most=self.most)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if not state.allow_relabel or not len(state.labelled):
            return super().select(state, budget, rng)
        beliefs, counts = self.beliefs(state, rng), soft_counts(state)
        rows = rng.permutation(state.queryable)
        old, new = rows[state.labels[rows] >= 0], rows[state.labels[rows] < 0]
        value = np.zeros(len(state.labels))
        value[old] = self.again * (1 - margin(beliefs[old]))
        value[new] = self.worth(state.probs[new])
        few = max(int(self.most * budget), budget - len(new))
        again = old[needy_batch(value[old], beliefs[old], counts, self.power, few)]
        rows = np.concatenate([new, again])
        chosen = rows[needy_batch(value[rows], beliefs[rows], counts, self.power, budget)]
        left = state.remaining - np.bincount(chosen, minlength=len(state.labels))
        more = best_first(chosen, value[chosen], left, budget - len(chosen), rng)
        return np.concatenate([chosen, more])
