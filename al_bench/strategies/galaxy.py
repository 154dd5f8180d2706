"""GALAXY: graph-based active learning at the extreme (Zhang et al., 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import at_least
from al_bench.core.state import HIDDEN, UNLABELLED, Bools, Floats, Ints, Querying, State

Places = NDArray[np.integer[Any]]


class Board:
    """The one-vs-rest rankings of a strategy, and the answers it gets within one batch.

    Each class has a line: the visible rows from the most confident member of the class to the most
    confident non-member, ties at random. On every line the rows labelled or queried so far are
    marked. Rows predicted as class k come first, by probability; the others follow by ``p_k - max
    p`` (the limit for eps to 0 of ``p_k - max p + eps * max p``), both to float32 precision. A line
    is sorted when first read: O(n log n) time, 8 bytes a row."""

    def __init__(self, state: State, rng: np.random.Generator) -> None:
        self.said = state.labels.copy()
        self.known = state.labelled
        self._rows = rng.permutation(np.flatnonzero(state.labels != HIDDEN))
        probs = state.probs[self._rows]
        self._best = probs.max(axis=1)
        self._probs = np.ascontiguousarray(probs.T)
        self._lines: dict[int, tuple[Places, Places]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def line(self, k: int) -> tuple[Places, Places]:
        """(m,) rows of the line of class k in order, and (n,) the place of each row on it."""
        if k not in self._lines:
            own = self._probs[k]
            lead = np.where(own >= self._best, own, own - self._best)
            rows = self._rows[descending(lead)].astype(np.int32)
            place = np.empty(len(self.said), dtype=np.int32)
            place[rows] = np.arange(len(rows), dtype=np.int32)
            self._lines[k] = rows, place
        return self._lines[k]

    def marks(self, k: int) -> tuple[Ints, Ints]:
        """Ascending places of the known rows on the line of class k, with signs: +1 labelled k, -1
        labelled otherwise, 0 not answered yet."""
        place = self.line(k)[1][self.known].astype(np.int64)
        order = np.argsort(place)
        answers = self.said[self.known[order]]
        signs = np.where(answers == k, 1, np.where(answers >= 0, -1, 0))
        return place[order], signs

    def take(self, rows: Ints) -> None:
        self.known = np.concatenate([self.known, rows])

    def hear(self, rows: Ints, answers: Ints) -> None:
        """Record the annotator's answers, UNLABELLED where they are withheld."""
        self.said[rows] = answers


def descending(scores: Floats) -> Ints:
    """(n,) ``argsort(-scores, kind="stable")``, faster: float32 bits order like integers."""
    bits = scores.astype(np.float32).view(np.int32)
    bits = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)
    keys = (-bits.astype(np.int64) << 32) | np.arange(len(bits))
    keys.sort()
    return keys & 0xFFFFFFFF


def smallest(values: NDArray[Any], where: Bools, rng: np.random.Generator) -> int:
    """Position of the smallest value where the mask holds; ties at random."""
    among = np.flatnonzero(where)
    level = among[values[among] == values[among].min()]
    return int(level[rng.integers(len(level))])


@dataclass(frozen=True)
class Galaxy:
    """GALAXY: bisect the shortest gap between opposite answers (Zhang et al., 2022).

    Classes take turns from a random start. In its turn a class queries, on its one-vs-rest line,
    the middle of the shortest unlabelled gap between opposite labels; without one, the row nearest
    to a change of labels, or a random row. A row without an answer splits its gap without a sign.
    O(K n log n) once and O(l log l) a query for l known rows.

        >>> queries = Galaxy(chunk=5).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    chunk : rows per oracle call; 1 as in the paper, which reads each answer before the next query
    """

    title = "GALAXY"
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
