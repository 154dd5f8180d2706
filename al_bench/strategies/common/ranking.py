"""Scores and ranks of rows: highest scores, greedy gains, rarest classes first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from al_bench.core.state import Bools, Floats, Ints, State, Strategy
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


def rarest_first(
    classes: Ints, scores: Floats, counts: Ints, budget: int, rng: np.random.Generator
) -> Ints:
    """Positions picked by always taking the best row of the class with the fewest labels so far.
    classes, scores: (m,) assumed class of each row, and its score within its class; counts: (k,)
    labels at the start. Ties at random. O(m log m + budget k)."""
    shuffled = rng.permutation(len(classes))
    order = shuffled[np.lexsort((-scores[shuffled], classes[shuffled]))]
    stock = np.bincount(classes, minlength=len(counts))
    head = np.cumsum(stock) - stock
    need = np.where(stock > 0, counts + rng.random(len(counts)) / 2, np.inf)
    taken = np.empty(min(budget, len(classes)), dtype=np.int64)
    for i in range(len(taken)):
        k = int(np.argmin(need))
        taken[i] = order[head[k]]
        head[k], stock[k] = head[k] + 1, stock[k] - 1
        need[k] = need[k] + 1 if stock[k] else np.inf
    return taken


def rare_classes(state: State, by: str) -> Bools:
    """(k,) whether a class has less than the average mass, by "labels" or by "prior"; or all."""
    if by == "labels":
        mass = state.counts.astype(float)
    elif by == "prior":
        mass = state.rows.prior[state.labels >= -1].sum(axis=0, dtype=float)
    else:
        raise ValueError(f"rare classes by {by!r}; wanted labels or prior")
    rare: Bools = mass < mass.mean() * (1 - 1e-6)
    return rare if rare.any() else np.ones(len(mass), dtype=bool)


def product(model: Floats, prior: Floats, floor: float) -> Floats:
    """(n, k) normalised product of probabilities of at least `floor`: no zero is a veto."""
    both = np.maximum(model, floor) * np.maximum(prior, floor)
    return np.asarray(both / both.sum(axis=1, keepdims=True))


def belief(state: State, rows: Ints, of: str, floor: float) -> Floats:
    """(m, k) class probabilities of these rows by the model, the prior, or their product."""
    if of == "model":
        return state.probs[rows]
    if of == "prior":
        return state.rows.prior[rows]
    if of == "product":
        return product(state.probs[rows], state.rows.prior[rows], floor)
    raise ValueError(f"belief of {of!r}; wanted model, prior or product")


def random_argmax(scores: Floats, rng: np.random.Generator) -> Ints:
    """(n,) column of the largest entry of each row, ties at random."""
    best: Ints = scores.argmax(axis=1)
    level = scores == scores[np.arange(len(scores)), best][:, None]
    tied = np.flatnonzero(level.sum(axis=1) > 1)
    if len(tied):
        best[tied] = (level[tied] * (1 + rng.random((len(tied), scores.shape[1])))).argmax(axis=1)
    return best


def unanswered(strategy: Strategy, state: State, budget: int, rng: np.random.Generator) -> Ints:
    """The rows that a strategy queries, in its order, if in-batch answers are withheld."""
    choice = strategy.select(state, budget, rng)
    if isinstance(choice, np.ndarray):
        return choice
    parts: list[Ints] = []
    reply = None
    while True:
        try:
            rows = choice.send(reply)  # type: ignore[arg-type]
        except StopIteration as end:
            last = [] if end.value is None else [np.asarray(end.value)]
            return np.concatenate([*parts, *last, np.empty(0, np.int64)]).astype(np.int64)
        parts.append(np.asarray(rows))
        reply = np.full(len(rows), -1, dtype=np.int64)
