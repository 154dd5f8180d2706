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


@dataclass(frozen=True)
class Codecision:
    """Typical rows on which the task model is uncertain, of classes with few labels (ours).

    A row's score is one minus the task model's margin, times the need
    ``sum_k f_k (1 + n_k)^-power`` of its classes, with f the belief and n the soft label counts.
    The rows of largest score are clustered by k-means, weighted by score, into as many clusters as
    the budget; the row nearest to each centre is queried (as Zhdanov, 2019, does with the margin).
    O(u k + factor b^2 d) for u unlabelled rows and budget b.

        >>> rows = Codecision(factor=5).select(state, 10, rng)

    Parameters
    ----------
    belief : gives class probabilities if the training rule leaves none
    value : ``margin``: one minus the task model's margin; ``none``: one
    power : exponent of the need: how fast labels of a class lower it
    factor : rows that are clustered, in multiples of the budget; 1: no clusters
    """

    parts = (
        ("supervision", "posterior_labels_pool"), ("init", "fm_balanced"),
        ("learner", "linear_on_prior"), ("label_model", "belief"),
    )  # fmt: skip
    version: ClassVar = 3  # 2: also a start of its own; 1: as factor=1, greedily
    belief: AveragedBelief = field(default_factory=AveragedBelief)
    value: str = "margin"
    power: float = 0.5
    factor: int = 10

    def __post_init__(self) -> None:
        one_of(self, VALUES, value=self.value)
        at_least(self, 1, factor=self.factor)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        return self.typical(state, self.beliefs(state, rng), budget, rng)

    def typical(self, state: State, beliefs: Floats, budget: int, rng: np.random.Generator) -> Ints:
        """The rows nearest to the centres of `budget` clusters of the rows of largest score."""
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        scores = np.maximum(self.worth(state, rows) * self.need(state, beliefs[rows]), LEAST)
        best = np.argsort(-scores, kind="stable")[: self.factor * budget]
        features = unit_rows(state.rows.features, rows[best])
        return rows[best[representatives(features, budget, rng, weights=scores[best])]]

    def beliefs(self, state: State, rng: np.random.Generator) -> Floats:
        """(n, k) class probabilities by the training rule's belief, or else by `belief`."""
        known = None if state.training is None else state.training.beliefs
        return self.belief.believe(state, rng).pool if known is None else known

    def worth(self, state: State, rows: Ints) -> Floats:
        """(u,) value of rows, whatever their class."""
        return 1 - margin(state.probs[rows]) if self.value == "margin" else np.ones(len(rows))

    def need(self, state: State, beliefs: Floats) -> Floats:
        """(u,) need of labels of the classes of rows with beliefs (u, k)."""
        return np.asarray(beliefs @ (1 + soft_counts(state)) ** -self.power)


@dataclass(frozen=True)
class CodecisionAgain(Codecision):
    """Codecision with relabelling: labelled and unlabelled rows are scored on one scale (ours).

    An unlabelled row's score is that of `Codecision`. A labelled row's score is `again` times one
    minus the belief's margin, times the same need of its classes: an answer that settles its class
    helps the belief as much as a new label. Of Codecision's batch and the labelled rows of largest
    score those of the largest scores are queried, each once, unless no other is left. Without
    relabelling it equals Codecision.

        >>> rows = CodecisionAgain(again=2.0).select(asked, 10, rng)

    Parameters
    ----------
    belief, value, power, factor : as in `Codecision`
    again : factor of a labelled row's score
    most : largest fraction of a batch for labelled rows while unlabelled rows are left, 0 to 1
    """

    title = "codecision, asking again"
    again: float = 4.0
    most: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, again=self.again)
        fraction(self, most=self.most)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        beliefs = self.beliefs(state, rng)
        new = self.typical(state, beliefs, budget, rng)
        if not state.allow_relabel or not len(state.labelled):
            return new
        queryable = rng.permutation(state.queryable)
        old = queryable[state.labels[queryable] >= 0]
        value = self.again * (1 - margin(beliefs[old])) * self.need(state, beliefs[old])
        few = max(int(self.most * budget), budget - len(new))
        best = np.argsort(-value, kind="stable")[:few]
        rows = np.concatenate([new, old[best]])
        value = np.concatenate(
            [self.worth(state, new) * self.need(state, beliefs[new]), value[best]]
        )
        order = np.argsort(-value, kind="stable")[:budget]
        chosen = rows[order]
        left = state.remaining - np.bincount(chosen, minlength=len(state.labels))
        more = best_first(chosen, value[order], left, budget - len(chosen), rng)
        return np.concatenate([chosen, more])
