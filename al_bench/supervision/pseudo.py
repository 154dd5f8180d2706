"""Training on human labels and pseudo-labels: of the foundation model (all, a part, or soft) or of
the task model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.belief.belief import confident_rows
from al_bench.belief.split import balanced_entropy, fm_guesses, noise_set
from al_bench.core.arrays import above, at_least, one_hot, share
from al_bench.core.state import Floats, Ints, PriorModel, State, TrainingSet


def with_pseudo_labels(state: State, free: Ints, guesses: Ints, each: float) -> TrainingSet:
    """Labelled rows with weight one, and `free` rows with pseudo-labels `guesses` and weight
    `each`."""
    rows = np.concatenate([state.labelled, free])
    classes = np.concatenate([state.labels[state.labelled], guesses])
    weights = np.concatenate([np.ones(len(state.labelled)), np.full(len(free), each)])
    return TrainingSet(rows, one_hot(classes, state.n_classes), weights.astype(np.float32))


class AllPseudo:
    """All pool rows: the annotator's label where there is one, else the prior's argmax class.

    All rows weigh the same; ties are broken at random, anew in each round.

        >>> taught = AllPseudo().training_set(state, rng)
    """

    title = "pseudo-labels"

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        free = state.unlabelled
        return with_pseudo_labels(state, free, fm_guesses(state.rows.prior, rng)[free], 1.0)


@dataclass(frozen=True)
class ConfidentSplit:
    """PriorAL's training rule: human labels and clean pseudo-labels, D_C (Zhang et al., 2026).

    D_C is all unlabelled rows but the noise set D_N, those of highest imbalance-aware entropy. The
    entropy uses the task model that chose the queries; it is refitted after this split.

        >>> taught = ConfidentSplit(rho=0.8).training_set(state, rng)

    Parameters
    ----------
    rho : fraction of the unlabelled rows in D_N; the paper's is not known
    weight, product, floor : as in `al_bench.strategies.PriorAL`
    """

    option = "prioral_split"
    title = "PriorAL's training"
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
    """Human labels, and pseudo-labels of the task model itself (Lee, 2013); the prior is not used.

    Pseudo-labelled are the most confident unlabelled rows of each predicted class (by class: Zou et
    al., 2018), by the task model that chose the queries. Before the first model, human labels
    alone. O(u k + u log u) for u unlabelled rows.

        >>> taught = SelfTraining(fraction=0.5).training_set(state, rng)

    Parameters
    ----------
    fraction : of the unlabelled rows of each predicted class, above 0 to 1; the default is the
        published one at the start
    most : pseudo-labelled rows at most, shared evenly by the classes
    weight : of all pseudo-labels together, relative to all human labels (Lee's alpha: both losses
        are means)
    """

    title = "self-training"
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
    """Human labels, and the prior as soft targets of falling weight (Hinton et al., 2015).

    The prior's fraction of the loss is ``worth k / (worth k + m)`` after m labels.

        >>> taught = Distill(worth=10).training_set(state, rng)

    Parameters
    ----------
    worth : weight of all unlabelled rows together, in labelled rows per class
    """

    title = "distillation"
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
