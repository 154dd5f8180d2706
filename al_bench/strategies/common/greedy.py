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
    """(budget,) positions of largest gain, one after the other; the first one of equals.

    gain: (m,) gains, never negative, of these positions now; take: adds one position; tolerance:
    gains less than this fraction under the largest equal it. Gains can only shrink, so an old one
    is an upper bound and few are computed again, `batch` at a time (Minoux, 1978); the result is
    plain greedy's.
    """
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
