"""The optional base class of strategies that query the rows of highest score."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from al_bench.core.state import Floats, Ints, State


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
