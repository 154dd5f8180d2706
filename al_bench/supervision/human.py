"""Training on the annotators' answers alone: as given, softened, as doubtful as they are, or less
those that are held for wrong."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_bench.arithmetic import one_hot, require, unit
from al_bench.label_models.crossfit import cross_fit, fold_numbers
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


class ConfidentLearning:
    """Human labels less those that confident learning flags (Northcutt et al., 2021; cleanlab).

    The class probabilities are out of fold, by a class-balanced logistic regression on the
    features; the prior is not used. A class never loses its last answers: where every answer of a
    class is flagged, they all stay.
    """

    version: ClassVar = 2  # 1: folds were fitted in the features' own coordinates

    def __init__(self, folds: int, l2: float) -> None:
        self.folds, self.l2 = folds, l2

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        try:
            from cleanlab.filter import find_label_issues
        except ImportError as error:
            raise ImportError(
                "supervision=confident_learning needs cleanlab: pip install 'al-bench[noise]'"
            ) from error
        rows, answers = state.labelled, state.labels[state.labelled]
        targets = one_hot(answers, state.n_classes)
        keep = np.ones(len(rows), dtype=bool)
        seen, number = np.unique(answers, return_inverse=True)
        if len(seen) > 1 and len(rows) >= self.folds:
            folds = fold_numbers(answers, self.folds, rng)
            held_out, _ = cross_fit(unit(state.rows.features), rows, targets, folds, self.l2)
            probs = np.exp(held_out[:, seen])  # cleanlab wants every class of its table answered
            probs /= probs.sum(axis=1, keepdims=True)
            keep = ~find_label_issues(number, probs, n_jobs=1)
            emptied = np.bincount(number[keep], minlength=len(seen)) == 0
            keep |= emptied[number]
        weights = np.ones(int(keep.sum()), dtype=np.float32)
        return TrainingSet(rows[keep], targets[keep], weights)
