"""Upper references: they read the truth, through a door that is theirs alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.state import Ints, State
from al_bench.strategies.balance import rarest_first


@dataclass(frozen=True, eq=False)
class ClassBalancedByTruth:
    """Upper reference, not a method: random rows balanced over their true classes; reads the truth.

    A runner that sees `oracle` calls ``given`` with the pool's truth before the run and marks
    the strategy as a reference in every table. The class with fewest true members among the
    labelled rows and the picks goes next; an exhausted class is passed over. O(n log n).
    """

    oracle: ClassVar[bool] = True
    truth: Ints | None

    def given(self, truth: Ints) -> ClassBalancedByTruth:
        """The same reference with (n,) the true class of every pool row."""
        return ClassBalancedByTruth(np.asarray(truth, dtype=np.int64))

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        """Raises ValueError where the truth was not given, or is of another pool."""
        if self.truth is None:
            raise ValueError(
                "ClassBalancedByTruth was not given the truth; call given(truth) first"
            )
        if len(self.truth) != len(state.labels):
            raise ValueError(
                f"ClassBalancedByTruth was given the truth of {len(self.truth)} rows; "
                f"the pool has {len(state.labels)}"
            )
        rows = state.unlabelled
        have = np.bincount(self.truth[state.labelled], minlength=state.n_classes)
        return rows[rarest_first(self.truth[rows], rng.random(len(rows)), have, budget, rng)]
