"""Lazy greedy maximisation of a submodular function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from al_bench.core.state import Floats, Ints
from al_bench.strategies.common.distances import blocks


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
