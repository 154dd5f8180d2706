"""Vetted labels: training on what the annotator probably should have said."""

from __future__ import annotations

import numpy as np

from al_bench.belief import OutOfFoldBelief, confident_rows
from al_bench.state import State, TrainingSet


class Vetted:
    """Annotated rows with the posterior of their true class as soft targets."""

    def __init__(self, belief: OutOfFoldBelief) -> None:
        self.belief = belief

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        belief = self.belief.believe(state, rng)
        targets = belief.pool[state.labelled].astype(np.float32)
        weights = np.ones(len(targets), dtype=np.float32)
        return TrainingSet(state.labelled, targets, weights, belief.pool)


class VettedPool:
    """Vetted labels and, of each class, the unasked rows the belief is surest of (soft targets)."""

    def __init__(self, belief: OutOfFoldBelief, share: float, most: int) -> None:
        self.belief, self.share, self.most = belief, share, most

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        belief = self.belief.believe(state, rng)
        extra = confident_rows(
            belief.pool, state.unlabelled, self.share, self.most // state.n_classes
        )
        rows = np.concatenate([state.labelled, extra])
        targets = belief.pool[rows].astype(np.float32)
        return TrainingSet(rows, targets, np.ones(len(rows), dtype=np.float32), belief.pool)
