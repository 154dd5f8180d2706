"""Arithmetic of class balancing: the next class to query, rare classes, a row's probabilities."""

from __future__ import annotations

import numpy as np

from al_bench.core.state import Bools, Floats, Ints, State, Strategy


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
