"""Training on the belief: the true class's posterior given answers, model and prior; and an upper
reference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from al_bench.belief.belief import AveragedBelief, belief_of, confident_rows
from al_bench.belief.opinion_pool import mean_pool
from al_bench.core.arrays import above, one_hot, one_of, share
from al_bench.core.state import Ints, State, TrainingSet
from al_bench.crowd.crossfit import log_floor


@dataclass(frozen=True)
class PosteriorLabels:
    """Labelled rows with the posterior of their true class as soft targets (ours).

    They also calibrate the model that is given out. A model that stands on the prior
    (`ResidualHead`) takes it to the power that explains all answers best by itself: near one while
    there are few, near zero if the prior is no better than chance. O(grid m k) for m labelled rows.

        >>> taught = PosteriorLabels().training_set(state, rng)

    Parameters
    ----------
    belief : gives the posterior; reused if the label model has an equal one
    strength_precision : precision of the normal prior around one of the prior's power
    """

    version: ClassVar = 2  # 1: did not calibrate, nor weigh the prior
    belief: AveragedBelief = field(default_factory=AveragedBelief)
    strength_precision: float = 10.0

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        belief = belief_of(self.belief, state, rng)
        targets = belief.pool[state.labelled].astype(np.float32)
        return TrainingSet(
            state.labelled,
            targets,
            np.ones(len(targets), dtype=np.float32),
            belief.pool,
            np.ones(len(targets), dtype=bool),
            self.prior_strength(state),
        )

    def prior_strength(self, state: State) -> float:
        """The exponent of the prior alone, given all answers; 1 without any."""
        labelled = state.labelled
        if not len(labelled):
            return 1.0
        prior, answers = log_floor(state.rows.prior[labelled])[None], state.labels[labelled]
        before, precision = np.ones(1), np.array([self.strength_precision])
        return float(mean_pool(prior, answers, before, precision, self.belief.noise).exponents[0])


@dataclass(frozen=True)
class PosteriorLabelsPool(PosteriorLabels):
    """`PosteriorLabels`, and pseudo-labels of each class's most confident unlabelled rows (ours):
    the training rule of codecision.

    A pseudo-label of class c weighs ``min(1, fade / n_c)``, with n_c labelled rows of that class,
    or the mean over classes if that is less: beside thousands of answers they are worth little,
    but a rare class has few answers for long.

        >>> taught = PosteriorLabelsPool(fraction=0.5).training_set(state, rng)

    Parameters
    ----------
    belief, strength_precision : as in `PosteriorLabels`
    fraction : of the unlabelled rows of each predicted class that is trained on, above 0 to 1
    most : pseudo-labelled rows at most, shared evenly by the classes
    hard : whether a pseudo-label is the most probable class rather than the belief itself
    fade : labelled rows per class from which on pseudo-labels lose weight, above 0
    """

    title = "codecision's training"
    parts = (("learner", "linear_on_prior"),)
    fraction: float = 0.7
    most: int = 4000
    hard: bool = True
    fade: float = 160.0

    def __post_init__(self) -> None:
        share(self, fraction=self.fraction)
        above(self, 0, fade=self.fade)

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        answered = super().training_set(state, rng)
        beliefs, known = answered.beliefs, answered.targets
        assert beliefs is not None
        each = max(self.most // state.n_classes, 1)
        extra = confident_rows(beliefs, state.unlabelled, self.fraction, each, rng)
        free = beliefs[extra]
        counts = np.minimum(known.sum(axis=0), len(known) / state.n_classes)
        faded = self.fade / np.maximum(counts, self.fade)[free.argmax(axis=1)]
        if self.hard:
            free = one_hot(free.argmax(axis=1), state.n_classes)
        return replace(
            answered,
            rows=np.concatenate([answered.rows, extra]),
            targets=np.concatenate([known, free]).astype(np.float32),
            weights=np.concatenate([answered.weights, faded]).astype(np.float32),
            calibration_mask=np.arange(len(known) + len(extra)) < len(known),
        )


TAUGHT = ("nothing", "belief", "truth")


@dataclass(frozen=True)
class PoolByTruth:
    """Upper reference, not a method: `PosteriorLabelsPool`'s rows with their true classes.

    Because of `reads_truth`, the runner calls ``given`` with the pool's truth. It is marked as an
    upper reference even if no truth is trained on ("nothing" and "belief").

        >>> taught = PoolByTruth(free="belief").given(truth).training_set(state, rng)

    Parameters
    ----------
    rule : chooses the unlabelled rows
    answered, free : the targets of labelled and of unlabelled rows: nothing (left out), belief (as
        in the rule) or truth
    truth : (n,) the true class of every pool row, None until it is given
    """

    reads_truth: ClassVar[bool] = True
    rule: PosteriorLabelsPool = field(default_factory=PosteriorLabelsPool)
    answered: str = "truth"
    free: str = "truth"
    truth: Ints | None = None

    def __post_init__(self) -> None:
        one_of(self, TAUGHT, answered=self.answered, free=self.free)
        if self.answered == self.free == "nothing":
            raise ValueError("PoolByTruth got nothing for both; wanted something to teach")

    def given(self, truth: Ints) -> PoolByTruth:
        """A copy that knows the true class of every pool row, (n,)."""
        return PoolByTruth(self.rule, self.answered, self.free, np.asarray(truth, dtype=np.int64))

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        """ValueError if the truth was not given."""
        if self.truth is None:
            raise ValueError("PoolByTruth was not given the truth; call given(truth) first")
        whole = self.rule.training_set(state, rng)
        human = state.labels[whole.rows] >= 0
        kinds = np.where(human, self.answered, self.free)
        targets = np.where(
            (kinds == "truth")[:, None],
            one_hot(self.truth[whole.rows], state.n_classes),
            whole.targets,
        ).astype(np.float32)
        kept = kinds != "nothing"
        return replace(
            whole,
            rows=whole.rows[kept],
            targets=targets[kept],
            weights=whole.weights[kept],
            calibration_mask=human[kept],
        )
