"""Rules that balance over classes: as the prior or the model sees them, or by the truth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, entropy, share
from al_bench.core.state import Floats, Ints, State, Strategy
from al_bench.strategies.balance import (
    belief,
    random_argmax,
    rare_classes,
    rarest_first,
    unanswered,
)
from al_bench.strategies.common.ranking import Ranking, top


class FMStratified:
    """Random rows, equally many of each class the prior predicts (control of Bang et al., 2024).

    The batch alone is balanced, whatever was answered before; a class the foundation model does not
    predict gets nothing, one with too few rows leaves the rest to the others. O(n k).

        >>> rows = FMStratified().select(state, 10, rng)
    """

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        said = random_argmax(state.rows.prior[rows], rng)
        nothing = np.zeros(state.n_classes, dtype=np.int64)
        return rows[rarest_first(said, rng.random(len(rows)), nothing, budget, rng)]


@dataclass(frozen=True)
class FMBalanced:
    """FM-balanced start: for each class in turn one of its likeliest rows under the prior.

    The class with the fewest answers and picks goes next; so every class is looked for, also one
    that is never the prediction. With a flat prior this is random. O(n k + b among).

        >>> rows = FMBalanced(among=5).select(state, 10, rng)

    Parameters
    ----------
    among : rows of the highest probability of the class, of which a random one is taken
    """

    among: int = 20

    def __post_init__(self) -> None:
        at_least(self, 1, among=self.among)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        budget = min(budget, len(rows))
        need = state.counts + rng.random(state.n_classes) / 2
        lists: dict[int, list[int]] = {}
        taken: list[int] = []
        seen: set[int] = set()
        for _ in range(budget):
            k = int(np.argmin(need))
            if k not in lists:
                ranked = top(state.rows.prior[rows, k], budget + self.among, rng)
                lists[k] = rows[ranked].tolist()
            free = list(islice((row for row in lists[k] if row not in seen), self.among))
            pick = free[rng.integers(len(free))]
            seen.add(pick)
            taken.append(pick)
            need[k] += 1
        return np.array(taken, dtype=np.int64)


@dataclass(frozen=True)
class TailFirst:
    """Tail-first: the most uncertain row predicted as the least answered class (Wang et al., 2025).

    A picked row counts for the class it is predicted as. A class that is predicted nowhere is
    passed over. O(n k + n log n).

        >>> rows = TailFirst(belief="product").select(state, 10, rng)

    Parameters
    ----------
    belief : whose predictions and entropy: model, prior, or product of the two
    floor : probability that smaller ones are raised to in the product
    """

    belief: str = "model"
    floor: float = 1e-4

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        probs = belief(state, rows, self.belief, self.floor)
        classes = random_argmax(probs, rng)
        return rows[rarest_first(classes, entropy(probs), state.counts, budget, rng)]


@dataclass(frozen=True)
class PCB:
    """PCB: balance the prior's classes among a strategy's candidates (Bang et al., 2024).

    Among the candidates the class with fewest answers and picks takes a random row with its
    pseudo-label. A class without candidates is passed over, and what was really taken counts. The
    cost is that of the inner strategy asked for that many rows.

        >>> rows = PCB(Entropy(), fraction=0.5).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that names the candidates; it hears no answers
    fraction : part of the unlabelled rows that it names, above 0 to 1, the budget at least
    """

    inner: Strategy
    fraction: float = 0.1

    def __post_init__(self) -> None:
        share(self, fraction=self.fraction)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        amount = max(budget, ceil(self.fraction * len(state.unlabelled)))
        rows = unanswered(self.inner, state, amount, rng)
        said = random_argmax(state.rows.prior[rows], rng)
        return rows[rarest_first(said, rng.random(len(rows)), state.counts, budget, rng)]


@dataclass(frozen=True)
class MostLikelyPositive(Ranking):
    """The rows most probably of a rare class (as a baseline of Zhang et al., 2022).

    The score is the model's probability of being in any rare class. O(n k).

        >>> rows = MostLikelyPositive(rare="prior").select(state, 10, rng)

    Parameters
    ----------
    rare : ``labels``: classes under the average count of answers; ``prior``: under the average
        prior mass of the pool
    """

    rare: str = "labels"

    def score(self, state: State) -> Floats:
        """O(n k)."""
        rare = rare_classes(state, self.rare)
        score: Floats = state.probs[state.unlabelled][:, rare].sum(axis=1)
        return score


@dataclass(frozen=True, eq=False)
class ClassBalancedByTruth:
    """Upper reference, not a method: random rows balanced over their true classes; reads the truth.

    A runner that sees `reads_truth` calls ``given`` with the pool's truth before the run and marks
    the strategy as a reference in every table. The class with fewest true members among the
    labelled rows and the picks goes next; an exhausted class is passed over. O(n log n).

        >>> rows = ClassBalancedByTruth().given(truth).select(state, 10, rng)

    Parameters
    ----------
    truth : (n,) the true class of every pool row, None until it is given
    """

    reads_truth: ClassVar[bool] = True
    truth: Ints | None = None

    def given(self, truth: Ints) -> ClassBalancedByTruth:
        """The same reference with (n,) the true class of every pool row."""
        return ClassBalancedByTruth(np.asarray(truth, dtype=np.int64))

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        """Raises ValueError where the truth was not given."""
        if self.truth is None:
            raise ValueError(
                "ClassBalancedByTruth was not given the truth; call given(truth) first"
            )
        rows = state.unlabelled
        have = np.bincount(self.truth[state.labelled], minlength=state.n_classes)
        return rows[rarest_first(self.truth[rows], rng.random(len(rows)), have, budget, rng)]
