"""One-vs-rest rankings of a pool, which GALAXY and DIRECT share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.state import HIDDEN, Bools, Floats, Ints, State

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
        """Mark these rows as queried."""
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
