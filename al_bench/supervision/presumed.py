"""Training on answers and on rows that are presumed not to be of a rare class."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from al_bench.belief.belief import AveragedBelief, belief_of
from al_bench.core.arrays import above, at_least, one_hot, require
from al_bench.core.state import State, TrainingSet


@dataclass(frozen=True)
class PresumedNegatives:
    """Labelled rows, and random unlabelled ones as if they were not of the rare class (AutoTAR:
    Cormack and Grossman, 2015).

    Nearly all rows of a pool are not of a rare class, and the rows that a search labels lie near
    it. Without the presumed ones a model does not know the rest of the pool. Their targets are the
    belief without the class (ours).

        >>> taught = PresumedNegatives(target=1).training_set(state, rng)

    Parameters
    ----------
    belief : gives class probabilities of the pool; reused if the label model has an equal one
    target : number of the rare class
    presumed : unlabelled rows that are trained on, at most
    weight : of a presumed row, where a labelled one weighs 1, above 0
    """

    belief: AveragedBelief = field(default_factory=AveragedBelief)
    target: int = 0
    presumed: int = 300
    weight: float = 0.3

    def __post_init__(self) -> None:
        above(self, 0, weight=self.weight)
        at_least(self, 0, target=self.target, presumed=self.presumed)

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        """ValueError if there is no such class."""
        wanted = f"the number of a class, 0..{state.n_classes - 1}"
        require(self.target < state.n_classes, self, wanted, target=self.target)
        belief = belief_of(self.belief, state, rng)
        others = rng.permutation(state.unlabelled)[: self.presumed]
        free = np.maximum(belief.pool[others], 1e-6)
        free[:, self.target] = 0
        free /= free.sum(axis=1, keepdims=True)
        given = one_hot(state.labels[state.labelled], state.n_classes)
        rows = np.concatenate([state.labelled, others])
        return TrainingSet(
            rows,
            np.concatenate([given, free]).astype(np.float32),
            np.where(state.labels[rows] >= 0, 1, self.weight).astype(np.float32),
            belief.pool,
        )
