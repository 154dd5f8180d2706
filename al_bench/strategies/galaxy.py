"""GALAXY: graph-based active learning at the extreme (Zhang et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least
from al_bench.core.state import UNLABELLED, Ints, Querying, State
from al_bench.strategies.common.lines import Board, smallest


@dataclass(frozen=True)
class Galaxy:
    """GALAXY: bisect the shortest gap between opposite answers (Zhang et al., 2022).

    Classes take turns from a random start. In its turn a class queries, on its one-vs-rest line,
    the middle of the shortest unlabelled gap between opposite labels; without such a gap, the row
    nearest to a change of labels; without such a change (a class without labels), a random row. A
    row queried in the same oracle call, or whose answer is withheld, splits its gap without a sign,
    so the next query bisects the rest.

    Time O(K n log n) once and O(l log l) a query for l known rows; memory 12 bytes a row and class.

        >>> queries = Galaxy(chunk=5).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    chunk : rows per oracle call; 1 as in the paper, which reads each answer before the next query
    """

    chunk: int = 1

    def __post_init__(self) -> None:
        at_least(self, 1, chunk=self.chunk)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Querying:
        board = Board(state, rng)
        free = state.labels == UNLABELLED
        spare = (row for row in rng.permutation(state.unlabelled) if free[row])
        turn, left = int(rng.integers(state.n_classes)), min(budget, len(state.unlabelled))
        while left:
            batch = np.empty(min(self.chunk, left), dtype=np.int64)
            for i in range(len(batch)):
                k = turn % state.n_classes
                place = next_place(*board.marks(k), len(board), rng)
                batch[i] = next(spare) if place is None else board.line(k)[0][place]
                free[batch[i]] = False
                board.take(batch[i : i + 1])
                turn += 1
            board.hear(batch, (yield batch))
            left -= len(batch)
        return None


def next_place(spots: Ints, signs: Ints, length: int, rng: np.random.Generator) -> int | None:
    """The place to query on a line, from ascending known places and their signs; or None."""
    left, right = _carry(signs), _carry(signs[::-1])[::-1]
    opposite = left[:-1] * right[1:] < 0
    if not opposite.any():
        return None
    steps = np.diff(spots)
    gaps = opposite & (steps > 1)
    if gaps.any():
        at = smallest(steps, gaps, rng)
        return int(spots[at] + (steps[at] + rng.integers(2)) // 2)
    return _beside_cut(spots, steps, np.flatnonzero(opposite), length, rng)


def _beside_cut(
    spots: Ints, steps: Ints, cuts: Ints, length: int, rng: np.random.Generator
) -> int | None:
    """The unknown place nearest to a change of answers, walking outwards over known places."""
    numbers = np.arange(len(spots))
    starts, ends = np.append(True, steps > 1), np.append(steps > 1, True)
    first = spots[np.maximum.accumulate(np.where(starts, numbers, 0))]
    last = spots[np.minimum.accumulate(np.where(ends, numbers, len(spots))[::-1])[::-1]]
    places = np.concatenate([first[cuts] - 1, last[cuts + 1] + 1])
    distances = np.abs(places - np.concatenate([spots[cuts], spots[cuts + 1]]))
    inside = (places >= 0) & (places < length)
    return int(places[smallest(distances, inside, rng)]) if inside.any() else None


def _carry(signs: Ints) -> Ints:
    """At each position the last sign that is not zero, zero before the first."""
    last = np.maximum.accumulate(np.where(signs != 0, np.arange(len(signs)), 0))
    return signs[last] if len(signs) else signs
