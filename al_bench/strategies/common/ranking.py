"""The optional base class of strategies that query the rows of highest score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import blocks


def top(scores: Floats, budget: int, rng: np.random.Generator) -> Ints:
    """Positions of the `budget` highest scores, best first; ties at random. O(n + b log b)."""
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN")
    budget = min(budget, len(scores))
    if budget == 0:
        return np.empty(0, dtype=np.int64)
    bar = np.partition(scores, -budget)[-budget]
    above = np.flatnonzero(scores > bar)
    level = rng.permutation(np.flatnonzero(scores == bar))[: budget - len(above)]
    chosen = rng.permutation(np.concatenate([above, level]))
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def filled_at_random(chosen: Ints, rows: Ints, budget: int, rng: np.random.Generator) -> Ints:
    """These rows, and random other ones of `rows` up to the budget."""
    rest = rng.permutation(np.setdiff1d(rows, chosen))
    return np.concatenate([chosen, rest[: budget - len(chosen)]])


class Ranking(ABC):
    """A strategy given by a score per unlabelled row; the highest are queried, ties at random."""

    @abstractmethod
    def score(self, state: State) -> Floats:
        """(u,) one number for each row of ``state.unlabelled``; higher is queried sooner."""

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        return state.unlabelled[top(self.score(state), budget, rng)]


def lazy_greedy(
    gain: Callable[[Ints], Floats],
    take: Callable[[int], None],
    n: int,
    budget: int,
    tolerance: float = 0.0,
    batch: int = 64,
) -> Ints:
    """(budget,) positions, picked one by one by largest gain; of ties the first.

    gain: returns the current gains (m,) of some positions; take: adds one position; tolerance:
    gains within this fraction of the largest are ties. Gains can only shrink, so few are computed
    again, `batch` at a time (Minoux, 1978)."""
    gains = np.concatenate([gain(np.arange(n)[part]) for part in blocks(n, 256)] or [np.empty(0)])
    seen = np.zeros(n, dtype=np.int64)
    chosen: list[int] = []
    while len(chosen) < min(budget, n):
        now = len(chosen)
        level = np.flatnonzero(gains >= gains.max() * (1 - tolerance))
        while np.any(seen[level] < now):
            highest = np.argpartition(-gains, min(batch, n) - 1)[:batch]
            stale = np.union1d(highest, level)
            stale = stale[seen[stale] < now]
            gains[stale] = gain(stale)
            seen[stale] = now
            level = np.flatnonzero(gains >= gains.max() * (1 - tolerance))
        chosen.append(int(level[0]))
        take(chosen[-1])
        gains[chosen[-1]] = -np.inf
        seen[chosen[-1]] = budget
    return np.array(chosen, dtype=np.int64)
