"""Class-balanced strategies: by the prior's classes, the model's, or the true ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, entropy, share
from al_bench.core.state import Floats, Ints, State, Strategy
from al_bench.strategies.common.ranking import (
    Ranking,
    belief,
    random_argmax,
    rare_classes,
    rarest_first,
    top,
    unanswered,
)
from al_bench.strategies.uncertainty import Entropy


class FMStratified:
    """Random rows, equally many of each class the prior predicts (control of Bang et al., 2024).

    Only the batch is balanced, regardless of earlier labels. A class that the prior never predicts
    gets nothing; one with too few rows leaves the rest to the others. O(n k).

        >>> rows = FMStratified().select(state, 10, rng)
    """

    title = "stratified by the foundation model"

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        guesses = random_argmax(state.rows.prior[rows], rng)
        none = np.zeros(state.n_classes, dtype=np.int64)
        return rows[rarest_first(guesses, rng.random(len(rows)), none, budget, rng)]


@dataclass(frozen=True)
class FMBalanced:
    """FM-balanced start: for each class in turn, one of its most probable rows under the prior.

    The class with the fewest labels and picks is next, so every class is searched, even one that is
    never predicted. With a uniform prior this is random. O(n k + b among).

        >>> rows = FMBalanced(among=5).select(state, 10, rng)

    Parameters
    ----------
    among : one of this many rows of highest probability of the class is taken at random
    """

    title = "balanced by the foundation model"
    start = "balanced start"
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
    """Tail-first: the most uncertain row predicted as the least labelled class (Wang et al., 2025).

    A picked row counts for its predicted class. A class that is never predicted is skipped. O(n k +
    n log n).

        >>> rows = TailFirst(belief="product").select(state, 10, rng)

    Parameters
    ----------
    belief : gives predictions and entropy: model, prior, or product of the two
    floor : lower bound of probabilities in the product
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

    The class with the fewest labels and picks takes a random candidate of this pseudo-label; a
    class without candidates is skipped.

        >>> rows = PCB(Entropy(), fraction=0.5).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses the candidates; it sees no answers within the batch
    fraction : of the unlabelled rows that are candidates, above 0 to 1; at least the budget
    """

    title = "PCB"
    inner: Strategy = field(default_factory=Entropy)
    fraction: float = 0.1

    def __post_init__(self) -> None:
        share(self, fraction=self.fraction)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        amount = max(budget, ceil(self.fraction * len(state.unlabelled)))
        rows = unanswered(self.inner, state, amount, rng)
        guesses = random_argmax(state.rows.prior[rows], rng)
        return rows[rarest_first(guesses, rng.random(len(rows)), state.counts, budget, rng)]


@dataclass(frozen=True)
class MostLikelyPositive(Ranking):
    """The rows that most probably belong to a rare class (a baseline of Zhang et al., 2022).

    The score is the model's total probability of the rare classes. O(n k).

        >>> rows = MostLikelyPositive(rare="prior").select(state, 10, rng)

    Parameters
    ----------
    rare : ``labels``: classes with fewer labels than average; ``prior``: with less prior mass in
        the pool than average
    """

    option = "likely"

    rare: str = "labels"

    def score(self, state: State) -> Floats:
        rare = rare_classes(state, self.rare)
        return np.asarray(state.probs[state.unlabelled][:, rare].sum(axis=1))


@dataclass(frozen=True, eq=False)
class ClassBalancedByTruth:
    """Upper reference, not a method: random rows balanced over their true classes; reads the truth.

    The runner calls ``given`` with the pool's truth before the run, and every table marks it. The
    class with the fewest true members among labels and picks is next. O(n log n).

        >>> rows = ClassBalancedByTruth().given(truth).select(state, 10, rng)

    Parameters
    ----------
    truth : (n,) the true class of every pool row, None until it is given
    """

    option = "truth_balanced"
    title = "balanced by the true classes"
    reads_truth: ClassVar[bool] = True
    truth: Ints | None = None

    def given(self, truth: Ints) -> ClassBalancedByTruth:
        return ClassBalancedByTruth(np.asarray(truth, dtype=np.int64))

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if self.truth is None:
            raise ValueError("ClassBalancedByTruth was not given the truth; call given(truth)")
        rows = state.unlabelled
        have = np.bincount(self.truth[state.labelled], minlength=state.n_classes)
        return rows[rarest_first(self.truth[rows], rng.random(len(rows)), have, budget, rng)]
