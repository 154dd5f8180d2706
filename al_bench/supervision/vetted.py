"""Vetted labels: training on what the annotator probably should have said, and what would be won if
that were right."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from al_bench.arithmetic import above, one_hot, one_of, require
from al_bench.label_models.belief import OutOfFoldBelief, belief_of, confident_rows
from al_bench.state import Ints, State, TrainingSet


class Vetted:
    """Annotated rows with the posterior of their true class as soft targets (ours).

    The belief is the label model's where that is an equal one.
    """

    def __init__(self, belief: OutOfFoldBelief) -> None:
        self.belief = belief

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        belief = belief_of(self.belief, state, rng)
        targets = belief.pool[state.labelled].astype(np.float32)
        weights = np.ones(len(targets), dtype=np.float32)
        return TrainingSet(state.labelled, targets, weights, belief.pool, belief.says)


class VettedPool:
    """Vetted labels and, class by class, the unlabelled rows the belief is surest of (ours).

    fraction: how much of each predicted class is trained on; most: rows over all classes, shared
    evenly; hard: trained on as the likeliest class rather than as the belief itself. The belief is
    the label model's where that is an equal one.
    """

    def __init__(self, belief: OutOfFoldBelief, fraction: float, most: int, hard: bool) -> None:
        require(0 < fraction <= 1, self, "more than 0 and at most 1", fraction=fraction)
        self.belief, self.fraction, self.most, self.hard = belief, fraction, most, hard

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        belief = belief_of(self.belief, state, rng)
        each = max(self.most // state.n_classes, 1)
        extra = confident_rows(belief.pool, state.unlabelled, self.fraction, each, rng)
        free = belief.pool[extra]
        if self.hard:
            free = one_hot(free.argmax(axis=1), state.n_classes)
        targets = np.concatenate([belief.pool[state.labelled], free]).astype(np.float32)
        rows = np.concatenate([state.labelled, extra])
        weights = np.ones(len(rows), dtype=np.float32)
        return TrainingSet(rows, targets, weights, belief.pool, belief.says)


class FadingPool(VettedPool):
    """`VettedPool` whose unlabelled rows count less as answers come in (ours).

    fade: answers a class, on average over classes, at which a free label weighs half of an
    annotated row: beside m answers about k classes its weight is ``1 / (1 + m / (fade k))``, so
    that thousands of answers are not drowned in what a belief made of them. ValueError unless it is
    above 0.
    """

    def __init__(
        self, belief: OutOfFoldBelief, fraction: float, most: int, hard: bool, fade: float
    ) -> None:
        super().__init__(belief, fraction, most, hard)
        above(self, 0, fade=fade)
        self.fade = fade

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        taught = super().training_set(state, rng)
        weights = taught.weights.copy()
        free = state.labels[taught.rows] < 0
        weights[free] /= 1 + len(state.labelled) / (self.fade * state.n_classes)
        return replace(taught, weights=weights)


TAUGHT = ("nothing", "belief", "truth")


class PoolByTruth:
    """Upper reference, not a method: `VettedPool`'s rows, and of each kind the truth; it reads it.

    answered, free: what is taught of annotated rows and of the unlabelled ones that `rule`
    chooses, "nothing", "belief" (as the rule does) or "truth". A runner that sees `oracle` calls
    ``given`` with the pool's truth. It is marked even where it reads none ("nothing" of one and the
    "belief" of the other): it tells what a rule is worth, and is none to be used.
    """

    oracle: ClassVar[bool] = True

    def __init__(self, rule: VettedPool, answered: str, free: str, truth: Ints | None) -> None:
        one_of(self, TAUGHT, answered=answered, free=free)
        if answered == free == "nothing":
            raise ValueError("PoolByTruth got nothing for both; wanted something to teach")
        self.rule, self.answered, self.free, self.truth = rule, answered, free, truth

    def given(self, truth: Ints) -> PoolByTruth:
        """The same reference with (n,) the true class of every pool row."""
        return PoolByTruth(self.rule, self.answered, self.free, np.asarray(truth, dtype=np.int64))

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        """ValueError where the truth was not given."""
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
        return TrainingSet(whole.rows[kept], targets[kept], whole.weights[kept], whole.beliefs)
