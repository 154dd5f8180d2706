"""Training on the annotator's answers as they were given."""

from __future__ import annotations

import numpy as np

from al_bench.state import Floats, State, TrainingSet


def one_hot(state: State) -> Floats:
    """(m, k) the answers of ``state.labelled`` as certainties, float32."""
    targets = np.zeros((len(state.labelled), state.n_classes), dtype=np.float32)
    targets[np.arange(len(targets)), state.labels[state.labelled]] = 1.0
    return targets


class HumanLabels:
    """The annotator's answers as given, every row weighing one; the prior is not used."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        targets = one_hot(state)
        return TrainingSet(state.labelled, targets, np.ones(len(targets), dtype=np.float32))
