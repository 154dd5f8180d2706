"""Samples balanced over the classes that the foundation model sees: controls and starts."""

from __future__ import annotations

from itertools import islice

import numpy as np

from al_bench.state import Ints, State
from al_bench.strategies.balance import random_argmax, rarest_first
from al_bench.strategies.common.ranking import top


class FMStratified:
    """Random rows, equally many of each class the prior predicts (control of Bang et al., 2024).

    The batch alone is balanced, whatever was answered before; a class the foundation model does not
    predict gets nothing, one with too few rows leaves the rest to the others. O(n k).
    """

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        said = random_argmax(state.rows.prior[rows], rng)
        nothing = np.zeros(state.n_classes, dtype=np.int64)
        return rows[rarest_first(said, rng.random(len(rows)), nothing, budget, rng)]


class FMBalanced:
    """FM-balanced start: for each class in turn one of its likeliest rows under the prior.

    The class with the fewest answers and picks goes next and takes, at random, one of the `among`
    rows to which the foundation model gives it the highest probability; so every class is looked
    for, also one that is never the prediction. With a flat prior this is random. O(n k + b among).
    """

    def __init__(self, among: int) -> None:
        if among < 1:
            raise ValueError(f"FMBalanced has among={among}; wanted at least 1")
        self.among = among

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
