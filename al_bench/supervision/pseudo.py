"""Training on the foundation model's labels next to the annotator's: all, a split, or softly."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import one_hot
from al_bench.label_models.split import balanced_entropy, fm_guesses, noise_set
from al_bench.state import Floats, Ints, State, TrainingSet


def with_pseudo_labels(state: State, free: Ints, guesses: Ints) -> TrainingSet:
    """The annotator's rows and these unlabelled rows with the classes guessed for them, all
    alike."""
    rows = np.concatenate([state.labelled, free])
    classes = np.concatenate([state.labels[state.labelled], guesses])
    weights = np.ones(len(rows), dtype=np.float32)
    return TrainingSet(rows, one_hot(classes, state.n_classes), weights)


class AllPseudo:
    """Human labels, and the foundation model's likeliest class for every row not queried."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        free = state.unlabelled
        return with_pseudo_labels(state, free, fm_guesses(state.rows.prior, rng)[free])


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
        return with_pseudo_labels(state, free, guesses[free])


class Distill:
    """Human labels, and the prior as soft targets that fade as labels come (Hinton et al., 2015).

    The unlabelled rows together weigh as much as `worth` labels a class, shared evenly, so the
    prior's part of the loss is ``worth k / (worth k + m)`` after m labels.
    """

    def __init__(self, worth: float) -> None:
        if worth <= 0:
            raise ValueError(f"Distill got worth={worth}; wanted a positive number of labels")
        self.worth = worth

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        labelled, free = state.labelled, state.unlabelled
        certain = one_hot(state.labels[labelled], state.n_classes)
        targets: Floats = np.concatenate([certain, state.rows.prior[free]]).astype(np.float32)
        each = self.worth * state.n_classes / max(len(free), 1)
        weights = np.concatenate([np.ones(len(labelled)), np.full(len(free), each)])
        return TrainingSet(np.concatenate([labelled, free]), targets, weights.astype(np.float32))
