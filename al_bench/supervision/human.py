"""Training on the annotators' answers alone: as given, smoothed, down-weighted, as the consensus's
soft labels, or without suspected label errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import one_hot, require, share
from al_bench.core.state import State, TrainingSet
from al_bench.crowd.crossfit import cross_fit, fold_numbers


class HumanLabels:
    """The annotator's answers as given, every row with weight one; the prior is not used.

    >>> taught = HumanLabels().training_set(state, rng)
    """

    option = "labels"

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        targets = one_hot(state.labels[state.labelled], state.n_classes)
        return TrainingSet(state.labelled, targets, np.ones(len(targets), dtype=np.float32))


@dataclass(frozen=True)
class Smoothed:
    """Label smoothing: part of each target is spread over all classes (Szegedy et al., 2016).

        >>> taught = Smoothed(smoothing=0.2).training_set(state, rng)

    Parameters
    ----------
    smoothing : that part, 0 or more and under 1
    """

    title = "label smoothing"
    smoothing: float = 0.1

    def __post_init__(self) -> None:
        fine = 0 <= self.smoothing < 1
        require(fine, self, "0 or more and under 1", smoothing=self.smoothing)

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        certain = one_hot(state.labels[state.labelled], state.n_classes)
        targets = (1 - self.smoothing) * certain + self.smoothing / state.n_classes
        weights = np.ones(len(targets), dtype=np.float32)
        return TrainingSet(state.labelled, targets.astype(np.float32), weights)


@dataclass(frozen=True)
class Discrepancy:
    """Answers that the previous round's model contradicts weigh less, permanently
    (discrepancy weights of MoLLIA: Qi et al., AAAI 2026).

    As the authors' code for answers of language models; answers of the start, which people give
    there, weigh one. Two parts of MoLLIA are left out: negative learning of classes that all their
    models exclude (a loss, not a weight), and trees that merge several answers, the best of a
    thousand chosen by the true labels. A label model takes the trees' place.

        >>> taught = Discrepancy(weight=0.2).training_set(state, rng)

    Parameters
    ----------
    weight : of a contradicted answer, above 0 to 1; others weigh one
    """

    weight: float = 0.5

    def __post_init__(self) -> None:
        share(self, weight=self.weight)

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        rows = state.labelled
        weights = np.ones(len(rows), dtype=np.float32)
        if state.training is not None:
            unlike = state.probs[rows].argmax(axis=1) != state.labels[rows]
            weights[unlike] = self.weight
            _, had, old = np.intersect1d(rows, state.training.rows, return_indices=True)
            weights[had] = state.training.weights[old]
        return TrainingSet(rows, one_hot(state.labels[rows], state.n_classes), weights)


class SoftLabels:
    """Soft labels: the consensus's class probabilities as targets.

    Every row weighs one. Without a consensus (one annotator) the answers are taken as given.

        >>> taught = SoftLabels().training_set(asked, rng)
    """

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        targets = one_hot(state.labels[state.labelled], state.n_classes)
        if state.consensus is not None:
            targets[np.searchsorted(state.labelled, state.consensus.rows)] = state.consensus.probs
        return TrainingSet(state.labelled, targets, np.ones(len(targets), dtype=np.float32))


@dataclass(frozen=True)
class ConfidentLearning:
    """Human labels without those that confident learning flags (Northcutt et al., 2021; cleanlab).

    The class probabilities are out of fold, by a class-balanced logistic regression on the
    features; the prior is not used. If every answer of a class is flagged, all of them are kept.

        >>> taught = ConfidentLearning(folds=3).training_set(state, rng)

    Parameters
    ----------
    folds : cross-fitting folds of the regression
    l2 : penalty of its weights
    """

    version: ClassVar = 2  # 1: folds were fitted without preconditioning
    folds: int = 4
    l2: float = 1.0

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
            held_out, _ = cross_fit(state.rows.directions, rows, targets, folds, self.l2)
            probs = np.exp(held_out[:, seen])  # cleanlab wants every class of its table answered
            probs /= probs.sum(axis=1, keepdims=True)
            keep = ~find_label_issues(number, probs, n_jobs=1)
            emptied = np.bincount(number[keep], minlength=len(seen)) == 0
            keep |= emptied[number]
        weights = np.ones(int(keep.sum()), dtype=np.float32)
        return TrainingSet(rows[keep], targets[keep], weights)
