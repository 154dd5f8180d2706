"""Strategies around a strategy: each hides rows and lets the inner one choose among the others.

Row numbers never change, and an inner strategy that queries as it goes does so through its wrapper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Floats, Ints, Querying, State, Strategy
from al_bench.strategies.balance import belief, random_argmax, rarest_first, unanswered
from al_bench.strategies.common.ranking import top


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
    size : unlabelled rows it sees, the budget at least
    """

    inner: Strategy
    size: int = 10_000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        seen = rng.permutation(state.unlabelled)[: max(self.size, budget)]
        return self.inner.select(show_only(state, seen), budget, rng)


@dataclass(frozen=True)
class ClassBalanced:
    """Any strategy on a pool made as balanced as its predictions allow (under-sampling).

    The inner strategy sees random rows, equally many of each predicted class while they last.
    O(n k + n log n) beside the inner strategy.

        >>> rows = ClassBalanced(Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    size : rows it sees, the budget at least
    belief : whose predictions: model, prior, or product of the two
    floor : probability that smaller ones are raised to in the product
    """

    inner: Strategy
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
    """Any strategy on the candidates that another one names first (as Citovsky et al., 2021).

        >>> rows = Prefilter(Badge(), Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the candidates
    scorer : strategy that names them, without hearing answers
    size : candidates, the budget at least
    """

    inner: Strategy
    scorer: Strategy
    size: int = 1000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        seen = unanswered(self.scorer, state, max(self.size, budget), rng)
        return self.inner.select(show_only(state, seen), budget, rng)


@dataclass(frozen=True)
class SelectiveQuerying:
    """Any strategy, but never about a row of which the prior is sure (CB+SQ: Kim et al., 2024).

    The prior is sure of a row when its probability for the class it predicts reaches the mean it
    had on the rows answered with that class; of a class without answers it is never sure. The
    paper takes the prior's word as a free label for such rows; that half is a training rule and not
    done here. With too few rows left, those least above the bar are queried as well. O(n k).

        >>> rows = SelectiveQuerying(ClassGuided()).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the other rows
    """

    inner: Strategy

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        rows = state.unlabelled
        said = random_argmax(state.rows.prior[rows], rng)
        bars = confidence_bars(state)
        doubt = bars[said] - state.rows.prior[rows, said]
        amount = max(budget, int(np.count_nonzero(doubt > 0)))
        return self.inner.select(show_only(state, rows[top(doubt, amount, rng)]), budget, rng)


def confidence_bars(state: State) -> Floats:
    """(k,) mean probability the prior gives its prediction on the rows answered with each class;
    infinite for a class without answers."""
    best = state.rows.prior[state.labelled].max(axis=1, initial=0).astype(float)
    sums = np.bincount(state.labels[state.labelled], weights=best, minlength=state.n_classes)
    return np.where(state.counts > 0, sums / np.maximum(state.counts, 1), np.inf)
