"""Codecision: query rows of classes with few labels on which the task model is uncertain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from al_bench.belief.belief import AveragedBelief
from al_bench.core.arrays import at_least, fraction, margin, one_of
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.asking import best_first
from al_bench.strategies.common.distances import representatives, unit_rows

VALUES = ("margin", "none")
LEAST = 1e-12  # lower bound of a score: a cluster of weight zero has no mean


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
    """Typical rows of high value: an uncertain task model times a class's need of labels (ours).

    A row's score is its value times the need ``sum_k f_k (1 + n_k)^-power`` of its classes, with f
    the belief and n the soft label counts. The rows of largest score are clustered by k-means,
    weighted by score, into as many clusters as the budget; the row nearest to each centre is
    queried (as Zhdanov, 2019, does with the margin). The start is `needy_batch` with a value and a
    power of one. O(u k + factor b^2 d) for u unlabelled rows and budget b.

        >>> rows = Codecision(factor=5).select(state, 10, rng)

    Parameters
    ----------
    belief : gives class probabilities if the training rule leaves none
    value : ``margin``: one minus the task model's margin; ``none``: one
    power : exponent of the need: how fast labels of a class lower it
    factor : rows that are clustered, in multiples of the budget; 1: `needy_batch` without clusters
    """

    version: ClassVar = 2  # 1: as factor=1
    belief: AveragedBelief = field(default_factory=AveragedBelief)
    value: str = "margin"
    power: float = 0.5
    factor: int = 10

    def __post_init__(self) -> None:
        one_of(self, VALUES, value=self.value)
        at_least(self, 1, factor=self.factor)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
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
        """The rows nearest to the centres of `budget` clusters of the rows of largest score."""
        need = (1 + soft_counts(state)) ** -self.power
        scores = np.maximum(self.worth(state.probs[rows]) * (beliefs[rows] @ need), LEAST)
        best = np.argsort(-scores, kind="stable")[: self.factor * budget]
        features = unit_rows(state.rows.features, rows[best])
        return rows[best[representatives(features, budget, rng, weights=scores[best])]]

    def beliefs(self, state: State, rng: np.random.Generator) -> Floats:
        """(n, k) class probabilities by the training rule's belief, or else by `belief`."""
        known = None if state.training is None else state.training.beliefs
        return self.belief.believe(state, rng).pool if known is None else known

    def worth(self, probs: Floats) -> Floats:
        """(u,) value of rows, from the task model's probabilities."""
        return 1 - margin(probs) if self.value == "margin" else np.ones(len(probs))


def single(beliefs: Floats) -> Floats:
    """Beliefs in float32, for speed: a greedy batch reads all of them at every pick."""
    return np.asarray(beliefs, dtype=np.float32)


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
    belief, value, power, factor : as in `Codecision`
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
        value[old] = self.again * (1 - margin(single(beliefs[old])))
        value[new] = self.worth(state.probs[new])
        few = max(int(self.most * budget), budget - len(new))
        again = old[needy_batch(value[old], beliefs[old], counts, self.power, few)]
        if self.factor > 1:
            new = self.typical(state, new, beliefs, budget, rng)
        rows = np.concatenate([new, again])
        chosen = rows[needy_batch(value[rows], single(beliefs[rows]), counts, self.power, budget)]
        left = state.remaining - np.bincount(chosen, minlength=len(state.labels))
        more = best_first(chosen, value[chosen], left, budget - len(chosen), rng)
        return np.concatenate([chosen, more])
