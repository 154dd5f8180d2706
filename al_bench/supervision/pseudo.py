"""Training on free labels next to the annotator's: the foundation model's, all, a split, or softly;
or the task model's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.belief.belief import confident_rows
from al_bench.belief.split import balanced_entropy, fm_guesses, noise_set
from al_bench.core.arrays import above, at_least, one_hot, share
from al_bench.core.state import Floats, Ints, PriorModel, State, TrainingSet


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

        >>> taught = AllPseudo().training_set(state, rng)
    """

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        free = state.unlabelled
        return with_pseudo_labels(state, free, fm_guesses(state.rows.prior, rng)[free], 1.0)


@dataclass(frozen=True)
class ConfidentSplit:
    """PriorAL's training rule: human labels and free pseudo-labels of D_C (Zhang et al., 2026).

    D_C is what the imbalance-aware entropy leaves once the rows of highest entropy, D_N, are set
    aside for annotation. The task model is the one that chose the queries: it is fitted anew after
    this split.

        >>> taught = ConfidentSplit(rho=0.8).training_set(state, rng)

    Parameters
    ----------
    rho : part of the unlabelled rows in D_N
    weight, product, floor : as in `al_bench.strategies.PriorAL`
    """

    rho: float = 0.5
    weight: str = "as_published"
    product: bool = True
    floor: float = 1e-4

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        guesses = fm_guesses(state.rows.prior, rng)
        scores = balanced_entropy(state, guesses, self.weight, self.product, self.floor)
        noisy = noise_set(scores, self.rho, 0, rng)
        free = np.delete(state.unlabelled, noisy)
        return with_pseudo_labels(state, free, guesses[free], 1.0)


@dataclass(frozen=True)
class SelfTraining:
    """Human labels, and pseudo-labels of the task model itself (Lee, 2013); no prior is read.

    Of each class that the model predicts, the unlabelled rows that it is surest of (by class: Zou
    et al., 2018). The task model is the one that chose the queries; before there is one, human
    labels alone. O(u k + u log u) for u unlabelled rows.

        >>> taught = SelfTraining(fraction=0.5).training_set(state, rng)

    Parameters
    ----------
    fraction : part of the unlabelled rows of each predicted class, above 0 to 1
    most : rows over all classes, shared evenly
    weight : of all of them together, in those of the human labels (Lee's alpha: both losses are
        means)
    """

    fraction: float = 0.2
    most: int = 4000
    weight: float = 0.1

    def __post_init__(self) -> None:
        share(self, fraction=self.fraction)
        at_least(self, 1, most=self.most)
        above(self, 0, weight=self.weight)

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        free: Ints = np.empty(0, dtype=np.int64)
        if not isinstance(state.model, PriorModel):
            most = max(self.most // state.n_classes, 1)
            free = confident_rows(state.probs, state.unlabelled, self.fraction, most, rng)
        each = self.weight * len(state.labelled) / max(len(free), 1)
        return with_pseudo_labels(state, free, state.probs[free].argmax(axis=1), each)


@dataclass(frozen=True)
class Distill:
    """Human labels, and the prior as soft targets that fade as labels come (Hinton et al., 2015).

    The prior's part of the loss is ``worth k / (worth k + m)`` after m labels.

        >>> taught = Distill(worth=10).training_set(state, rng)

    Parameters
    ----------
    worth : what the unlabelled rows together weigh, in labels a class
    """

    worth: float = 5

    def __post_init__(self) -> None:
        above(self, 0, worth=self.worth)

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        labelled, free = state.labelled, state.unlabelled
        certain = one_hot(state.labels[labelled], state.n_classes)
        targets: Floats = np.concatenate([certain, state.rows.prior[free]]).astype(np.float32)
        each = self.worth * state.n_classes / max(len(free), 1)
        weights = np.concatenate([np.ones(len(labelled)), np.full(len(free), each)])
        return TrainingSet(np.concatenate([labelled, free]), targets, weights.astype(np.float32))
