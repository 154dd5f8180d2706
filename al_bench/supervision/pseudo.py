"""Training on free labels next to the annotator's: the foundation model's, all, a split, or softly;
or the task model's own."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import above, at_least, one_hot, require
from al_bench.label_models.belief import confident_rows
from al_bench.label_models.split import balanced_entropy, fm_guesses, noise_set
from al_bench.state import Floats, Ints, PriorModel, State, TrainingSet


def with_pseudo_labels(state: State, free: Ints, guesses: Ints, each: float) -> TrainingSet:
    """The annotator's rows, and these unlabelled rows with the classes guessed for them, each of
    which weighs so many of the annotator's."""
    rows = np.concatenate([state.labelled, free])
    classes = np.concatenate([state.labels[state.labelled], guesses])
    weights = np.concatenate([np.ones(len(state.labelled)), np.full(len(free), each)])
    return TrainingSet(rows, one_hot(classes, state.n_classes), weights.astype(np.float32))


class AllPseudo:
    """Every row labelled by the prior's likeliest class, what is bought corrected by the annotator.

    All rows weigh the same; equal classes fall at random, anew in each round.
    """

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        free = state.unlabelled
        return with_pseudo_labels(state, free, fm_guesses(state.rows.prior, rng)[free], 1.0)


class ConfidentSplit:
    """PriorAL's training rule: human labels and free pseudo-labels of D_C (Zhang et al., 2026).

    D_C is what the imbalance-aware entropy leaves once the fraction `rho` of highest entropy, D_N,
    is set aside for annotation; see PriorAL for the options. The task model is the one that chose
    the queries: it is fitted anew after this split.
    """

    def __init__(self, rho: float, weight: str, product: bool, floor: float) -> None:
        self.rho, self.weight, self.product, self.floor = rho, weight, product, floor

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        guesses = fm_guesses(state.rows.prior, rng)
        scores = balanced_entropy(state, guesses, self.weight, self.product, self.floor)
        noisy = noise_set(scores, self.rho, 0, rng)
        free = np.delete(state.unlabelled, noisy)
        return with_pseudo_labels(state, free, guesses[free], 1.0)


class SelfTraining:
    """Human labels, and pseudo-labels of the task model itself (Lee, 2013); no prior is read.

    Of each class that the model predicts, the `fraction` of unlabelled rows that it is surest of
    (by class: Zou et al., 2018), at most `most` over all classes, shared evenly. Together they
    weigh `weight` times as much as the human labels (Lee's alpha: both losses are means). The task
    model is the one that chose the queries; before there is one, human labels alone. O(u k + u log
    u) for u unlabelled rows.
    """

    def __init__(self, fraction: float, most: int, weight: float) -> None:
        require(0 < fraction <= 1, self, "more than 0 and at most 1", fraction=fraction)
        at_least(self, 1, most=most)
        above(self, 0, weight=weight)
        self.fraction, self.most, self.weight = fraction, most, weight

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        free: Ints = np.empty(0, dtype=np.int64)
        if not isinstance(state.model, PriorModel):
            most = max(self.most // state.n_classes, 1)
            free = confident_rows(state.probs, state.unlabelled, self.fraction, most, rng)
        each = self.weight * len(state.labelled) / max(len(free), 1)
        return with_pseudo_labels(state, free, state.probs[free].argmax(axis=1), each)


class Distill:
    """Human labels, and the prior as soft targets that fade as labels come (Hinton et al., 2015).

    The unlabelled rows together weigh as much as `worth` labels a class, shared evenly, so the
    prior's part of the loss is ``worth k / (worth k + m)`` after m labels.
    """

    def __init__(self, worth: float) -> None:
        above(self, 0, worth=worth)
        self.worth = worth

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        labelled, free = state.labelled, state.unlabelled
        certain = one_hot(state.labels[labelled], state.n_classes)
        targets: Floats = np.concatenate([certain, state.rows.prior[free]]).astype(np.float32)
        each = self.worth * state.n_classes / max(len(free), 1)
        weights = np.concatenate([np.ones(len(labelled)), np.full(len(free), each)])
        return TrainingSet(np.concatenate([labelled, free]), targets, weights.astype(np.float32))
