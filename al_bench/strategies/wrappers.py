"""Wrappers: each hides rows from an inner strategy, which chooses among the others.

Row numbers never change. An inner strategy that queries in steps does so through its wrapper.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from al_bench.core.state import Floats, Ints, Querying, State, Strategy
from al_bench.strategies.badge import Badge
from al_bench.strategies.clustered import ClassGuided
from al_bench.strategies.common.ranking import belief, random_argmax, rarest_first, top, unanswered
from al_bench.strategies.uncertainty import Margin


def show_only(state: State, rows: Ints) -> State:
    """The state with every other unlabelled row hidden."""
    others = np.ones(len(state.labels), dtype=bool)
    others[rows] = False
    return state.hide(np.flatnonzero(others))


@dataclass(frozen=True)
class Subsample:
    """Any strategy on a random part of the pool (as Ertekin et al., 2007).

        >>> rows = Subsample(Badge(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    size : unlabelled rows that it sees, at least the budget
    """

    inner: Strategy = field(default_factory=Margin)
    size: int = 10_000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        seen = rng.permutation(state.unlabelled)[: max(self.size, budget)]
        return self.inner.select(show_only(state, seen), budget, rng)


@dataclass(frozen=True)
class ClassBalanced:
    """Any strategy on a pool that is balanced by predicted class (under-sampling).

    The inner strategy sees random rows, equally many of each predicted class while they last.
    O(n k + n log n) plus the inner strategy.

        >>> rows = ClassBalanced(Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    size : rows that it sees, at least the budget
    belief : gives the predictions: model, prior, or product of the two
    floor : lower bound of probabilities in the product
    """

    inner: Strategy = field(default_factory=Margin)
    size: int = 1000
    belief: str = "model"
    floor: float = 1e-4

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        rows = state.unlabelled
        classes = random_argmax(belief(state, rows, self.belief, self.floor), rng)
        none, size = np.zeros(state.n_classes, dtype=np.int64), max(self.size, budget)
        seen = rarest_first(classes, rng.random(len(rows)), none, size, rng)
        return self.inner.select(show_only(state, rows[seen]), budget, rng)


@dataclass(frozen=True)
class Prefilter:
    """Any strategy on candidates chosen by another strategy (as Citovsky et al., 2021).

        >>> rows = Prefilter(Badge(), Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the candidates
    scorer : strategy that chooses the candidates; it sees no answers within the batch
    size : candidates, at least the budget
    """

    inner: Strategy = field(default_factory=Badge)
    scorer: Strategy = field(default_factory=Margin)
    size: int = 1000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        seen = unanswered(self.scorer, state, max(self.size, budget), rng)
        return self.inner.select(show_only(state, seen), budget, rng)


@dataclass(frozen=True)
class SelectiveQuerying:
    """Any strategy on the rows where the prior is not confident (CB+SQ: Kim et al., 2024).

    The prior is confident on a row if its largest probability reaches its mean on the rows labelled
    with the predicted class; never for a class without labels. The paper uses the prior's class as
    pseudo-label of these rows; that is a training rule and left out here. With too few rows left,
    the confident rows nearest to the threshold may be queried as well. O(n k).

        >>> rows = SelectiveQuerying(ClassGuided()).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the other rows
    """

    option = "selective"

    inner: Strategy = field(default_factory=ClassGuided)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        rows = state.unlabelled
        guesses = random_argmax(state.rows.prior[rows], rng)
        bars = confidence_bars(state)
        doubt = bars[guesses] - state.rows.prior[rows, guesses]
        amount = max(budget, int(np.count_nonzero(doubt > 0)))
        return self.inner.select(show_only(state, rows[top(doubt, amount, rng)]), budget, rng)


def confidence_bars(state: State) -> Floats:
    """(k,) mean largest prior probability on rows labelled with each class, or infinite."""
    best = state.rows.prior[state.labelled].max(axis=1, initial=0).astype(float)
    sums = np.bincount(state.labels[state.labelled], weights=best, minlength=state.n_classes)
    return np.where(state.counts > 0, sums / np.maximum(state.counts, 1), np.inf)
