"""DIRECT: deep active learning under imbalance and label noise (Nuggehalli et al., 2025)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least, fraction
from al_bench.core.state import Ints, Querying, State
from al_bench.strategies.galaxy import Board


@dataclass(frozen=True)
class Direct:
    """DIRECT: search each class's threshold, then query around it (Nuggehalli et al., 2025).

    On a class's one-vs-rest line, a threshold predicts the class for all rows in front of it.
    Classes, those of fewest labels first, query random rows of the interval that may contain the
    best threshold, and shrink it from the end with more errors. The rest of the budget is queried
    around the thresholds of fewest errors. Withheld answers do not move a threshold. Time O(K n log
    n).

        >>> queries = Direct(parallel=2).select(state, 10, rng)
        >>> first = next(queries)

    Parameters
    ----------
    fraction : of the budget for the search, 0 to 1
    parallel : rows per oracle call in the search; the authors' large runs use 20, which suffers
        more from noise
    minimum : labels that each class gets in the search, at least; the paper's text speaks of 60
    """

    title = "DIRECT"
    fraction: float = 0.5
    parallel: int = 5
    minimum: int = 1

    def __post_init__(self) -> None:
        fraction(self, fraction=self.fraction)
        at_least(self, 1, parallel=self.parallel, minimum=self.minimum)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Querying:
        budget = min(budget, len(state.unlabelled))
        board, n_classes = Board(state, rng), state.n_classes
        search = int(self.fraction * budget)
        each, spent = max(self.minimum, search // n_classes), 0
        for k in np.lexsort((rng.random(n_classes), state.counts)):
            quota = min(each, search - spent)
            spent += yield from self._search(board, int(k), quota, rng)
        left = budget - spent
        quotas = left // n_classes + (np.arange(n_classes) < left % n_classes)
        last = []
        for k, quota in zip(rng.permutation(n_classes), quotas, strict=True):
            spots, signs = board.marks(int(k))
            cut = threshold(spots, signs, len(board), rng)
            rows = board.line(int(k))[0][around_threshold(spots, cut, quota, len(board), rng)]
            last.append(rows.astype(np.int64))
            board.take(last[-1])
        return np.concatenate(last)

    def _search(
        self, board: Board, k: int, quota: int, rng: np.random.Generator
    ) -> Generator[Ints, Ints, int]:
        """Shrink the interval of class k with at most `quota` labels; return the number used."""
        if quota == 0:
            return 0
        spots, signs = board.marks(k)
        low, high = interval(spots, signs, len(board))
        spent = 0
        while spent < quota and (unknown := count_unknown(spots, low, high)):
            size = min(self.parallel, quota - spent, unknown)
            ranks = rng.choice(unknown, size, replace=False)
            rows = board.line(k)[0][unknown_places(spots, low, ranks)].astype(np.int64)
            board.take(rows)
            board.hear(rows, (yield rows))
            spent += size
            spots, signs = board.marks(k)
            rounds = (quota - spent) // self.parallel
            if rounds > 1:  # geometric steps, so that the last round ends near one candidate
                target = int(np.ceil((unknown - size) ** (1 - 1 / rounds)))
                low, high = shrink(spots, signs, low, high, target, rng)
        return spent


def interval(spots: Ints, signs: Ints, length: int) -> tuple[int, int]:
    """The interval of thresholds that may be best, after leading and before trailing ones."""
    members, others = spots[signs > 0], spots[signs < 0]
    front = members[: np.searchsorted(members, others[0])] if len(others) else members
    back = others[np.searchsorted(others, members[-1]) :] if len(members) else others
    low = int(front[-1]) + 1 if len(front) else 0
    return low, int(back[0]) if len(back) else length


def shrink(
    spots: Ints, signs: Ints, low: int, high: int, target: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Move an interval's ends inwards to `target` unknown places, by whole plateaus."""
    right = np.append(0, np.cumsum(signs))  # members minus others in front of spot i
    while (extra := count_unknown(spots, low, high) - target) > 0:
        at_low, at_high = np.searchsorted(spots, [low, high])
        ahead = int(spots[at_low]) if at_low < len(spots) else high
        behind = int(spots[at_high - 1]) + 1 if at_high > 0 else low
        room_low, room_high = min(ahead, high) - low, high - max(behind, low)
        better = int(np.sign(right[at_low] - right[at_high]))
        if better == 0:
            step = min(room_low, room_high, extra // 2)
            low, high = low + step, high - step
            if step:
                continue
            better = int(rng.choice([-1, 1]))
            room_low, room_high = min(room_low, 1), min(room_high, 1)
        if better < 0:
            low += min(room_low, extra) or 1
        else:
            high -= min(room_high, extra) or 1
    return low, high


def threshold(spots: Ints, signs: Ints, length: int, rng: np.random.Generator) -> int:
    """The threshold of fewest errors, in the middle of its plateau; tied plateaus at random."""
    spots, signs = spots[signs != 0], signs[signs != 0]
    right = np.append(0, np.cumsum(signs))
    best = np.flatnonzero(right == right.max())
    at = int(best[rng.integers(len(best))])
    low = int(spots[at - 1]) + 1 if at > 0 else 0
    high = int(spots[at]) if at < len(spots) else length
    return (low + high + int(rng.integers(2))) // 2


def around_threshold(
    spots: Ints, cut: int, amount: int, length: int, rng: np.random.Generator
) -> Ints:
    """The `amount` unknown places nearest to a threshold, alternately left and right."""
    unknown = count_unknown(spots, 0, length)
    rank = cut - int(np.searchsorted(spots, cut))
    first = rank - (amount + int(rng.integers(2))) // 2
    first = max(0, min(first, unknown - amount))
    return unknown_places(spots, 0, np.arange(first, first + amount))


def count_unknown(spots: Ints, low: int, high: int) -> int:
    """How many of the places low..high-1 are not among the spots."""
    return high - low - int(np.diff(np.searchsorted(spots, [low, high]))[0])


def unknown_places(spots: Ints, low: int, ranks: Ints) -> Ints:
    """The places at or after `low` that are not spots, by their rank from 0."""
    spots = spots[np.searchsorted(spots, low) :]
    return low + ranks + np.searchsorted(spots - np.arange(len(spots)), low + ranks, side="right")
