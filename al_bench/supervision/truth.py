"""Upper references among training rules: what would be won if what is taught were right."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_bench.arithmetic import one_hot, one_of
from al_bench.state import Ints, State, TrainingSet
from al_bench.supervision.vetted import VettedPool

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
