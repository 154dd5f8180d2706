"""Calibrations: what the unlabelled pool shows of a prior's bias, taken out of pool and test alike.

Each wraps a prior and is fitted once, on the pool's zero-shot probabilities (the rows of a run,
after imbalance and merging) and never on labels or on the test split; the correction it finds is
then applied to both. It is the outermost part of a prior, or wraps another calibration: the inner
one comes first. Its ``probabilities`` are those of `inner`: a block of rows shows too little to be
corrected by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from al_bench.priors.common import Around
from al_bench.problem.types import Prior
from al_bench.state import Floats

FLOOR = 1e-12  # of a weight beside the largest, so that every row keeps a distribution
REACHED = 1e-3  # how far (L1) a histogram may be from its target
Correction = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Tempered(Around):
    """Another prior made less sure (temperature above 1) or more (below): probabilities to the
    power of 1 / temperature (Guo et al., 2017)."""

    inner: Prior
    temperature: float

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature={self.temperature}; wanted more than 0")

    @property
    def key(self) -> str:
        return f"tempered({self.inner.key}, temperature={self.temperature})"

    def fit(self, pool: Floats) -> Correction:
        return partial(tempered, temperature=self.temperature)


@dataclass(frozen=True)
class LabelShift(Around):
    """Another prior corrected for how frequent the classes are in the pool, by damped EM (Saerens
    et al., 2002).

    damping: rows of each class, as a fraction of the pool, that are assumed besides those found; 0
    is plain EM, which can end with all rows in one class; iterations: of EM.
    """

    inner: Prior
    damping: float
    iterations: int

    def __post_init__(self) -> None:
        if not self.damping >= 0 or not self.iterations > 0:
            raise ValueError(
                f"damping={self.damping}, iterations={self.iterations}; wanted 0 or more, 1 or more"
            )

    @property
    def key(self) -> str:
        return f"shift({self.inner.key}, damping={self.damping}, iterations={self.iterations})"

    def fit(self, pool: Floats) -> Correction:
        return partial(reweighted, weights=fractions(pool, self.damping, self.iterations))


@dataclass(frozen=True)
class Transported(Around):
    """Another prior moved to a given class histogram over the pool by optimal transport (Sinkhorn
    and Knopp, 1967; Shin et al., 2024).

    histogram: (k,) the classes' fractions, or None for equal ones; iterations: at most so many.
    """

    inner: Prior
    histogram: Sequence[float] | None
    iterations: int

    def __post_init__(self) -> None:
        wrong = self.histogram is not None and (
            min(self.histogram) <= 0 or abs(sum(self.histogram) - 1) > REACHED
        )
        if wrong or not self.iterations > 0:
            raise ValueError(
                f"histogram={self.histogram}, iterations={self.iterations}; wanted null or "
                "positive fractions that sum to one, and 1 or more"
            )

    @property
    def key(self) -> str:
        target = "equal" if self.histogram is None else list(self.histogram)
        return f"transported({self.inner.key}, {target}, iterations={self.iterations})"

    def fit(self, pool: Floats) -> Correction:
        k = pool.shape[1]
        target = np.full(k, 1 / k) if self.histogram is None else np.array(self.histogram)
        if len(target) != k:
            raise ValueError(f"histogram has {len(target)} fractions; the pool has {k} classes")
        weights = transport(pool, target / target.sum(), self.iterations)
        return partial(reweighted, weights=weights)


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """(n, k) float32 rows to the power of 1 / temperature, summing to one again."""
    powers = probabilities.astype(np.float64) / probabilities.max(axis=1, keepdims=True)
    powers **= 1 / temperature
    powers /= powers.sum(axis=1, keepdims=True)
    return np.asarray(powers, dtype=np.float32)


def reweighted(probabilities: Floats, weights: Floats) -> Floats:
    """(n, k) float32 rows times the classes' (k,) weights, summing to one again."""
    return np.asarray(weighed(probabilities, weights), dtype=np.float32)


def weighed(probabilities: Floats, weights: Floats) -> Floats:
    odds = probabilities * np.maximum(weights / weights.max(), FLOOR)  # float64
    odds /= odds.sum(axis=1, keepdims=True)
    return np.asarray(odds)


def fractions(pool: Floats, damping: float, iterations: int) -> Floats:
    """(k,) class fractions of the pool by EM from (n, k) probabilities that assume equal ones.

    Each step: the mean of the rows reweighted by the fractions so far, plus `damping`, normalised.
    Without damping its limit maximises sum(log(pool @ fractions)). O(iterations n k) time, O(n k)
    memory.
    """
    k = pool.shape[1]
    found = np.full(k, 1 / k)
    for _ in range(iterations):
        found = (weighed(pool, found).mean(axis=0) + damping) / (1 + k * damping)
    return found


def transport(pool: Floats, target: Floats, iterations: int) -> Floats:
    """(k,) weights under which the mean of the reweighted (n, k) rows is the target, (k,).

    They are the column scaling of the transport plan nearest to `pool` in relative entropy, with
    equal rows. ValueError where the target cannot be reached. O(iterations n k) time, O(n k)
    memory.
    """
    weights = np.ones(len(target))
    for _ in range(iterations):
        mean = weighed(pool, weights).mean(axis=0)
        gap = float(np.abs(mean - target).sum())
        if gap < REACHED / 100:
            break
        weights *= target / np.maximum(mean, FLOOR)
        weights /= weights.max()
    if gap > REACHED:
        far = int(np.abs(mean - target).argmax())
        raise ValueError(
            f"after {iterations} iterations class {far} has {mean[far]:.3g} of the pool; wanted "
            f"{target[far]:.3g}; give more iterations, or a prior that has no zeros"
        )
    return weights
