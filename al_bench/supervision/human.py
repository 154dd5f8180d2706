"""Training on the annotators' answers: as they were given, a little softened, or as doubtful as
they are."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import one_hot, require
from al_bench.state import State, TrainingSet


class HumanLabels:
    """The annotator's answers as given, every row weighing one; the prior is not used."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        targets = one_hot(state.labels[state.labelled], state.n_classes)
        return TrainingSet(state.labelled, targets, np.ones(len(targets), dtype=np.float32))


class Smoothed:
    """Label smoothing: answers give `smoothing` to all classes alike (Szegedy et al., 2016)."""

    def __init__(self, smoothing: float) -> None:
        require(0 <= smoothing < 1, self, "0 or more and under 1", smoothing=smoothing)
        self.smoothing = smoothing

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        certain = one_hot(state.labels[state.labelled], state.n_classes)
        targets = (1 - self.smoothing) * certain + self.smoothing / state.n_classes
        weights = np.ones(len(targets), dtype=np.float32)
        return TrainingSet(state.labelled, targets.astype(np.float32), weights)


class SoftLabels:
    """What several answers come to, as doubtful as it is: the consensus's probabilities as targets.

    Every row weighs one; the answers as given where there is no consensus, as of one annotator.
    """

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        targets = one_hot(state.labels[state.labelled], state.n_classes)
        if state.consensus is not None:
            targets[np.searchsorted(state.labelled, state.consensus.rows)] = state.consensus.probs
        return TrainingSet(state.labelled, targets, np.ones(len(targets), dtype=np.float32))
