"""What is known of a fraction: a beta distribution, never a certainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.state import Floats


@dataclass(frozen=True)
class Beta:
    """What is known of a fraction: a beta distribution of these shapes."""

    a: float
    b: float

    @classmethod
    def of(cls, mean: float, variance: float) -> Beta:
        """The one of this mean in (0, 1) and variance; a variance too large becomes as large as
        it can be."""
        size = max(mean * (1 - mean) / max(variance, 1e-12) - 1, 1e-3)
        return cls(mean * size, (1 - mean) * size)

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        return self.mean * (1 - self.mean) / (self.a + self.b + 1)

    def quantile(self, fraction: float) -> float:
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, fraction))


def jeffreys(fraction: Floats, variance: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of what is known of fractions that were estimated with such a variance.

    weight: what part of all rows an audited row stands for. A simple random sample of n = 1/weight
    rows with variance p(1 - p)/n gives the moments of Jeffreys' posterior Beta(x + 1/2, n - x +
    1/2): half a row of either outcome is added, so that nothing is sure at 0 or 1 (Brown, Cai and
    DasGupta, 2001). A smaller variance, by design or predictions, stands in its place. A larger
    one, by answers that err, is that of fewer rows (effective sample size: Korn and Graubard,
    1998).
    """
    whole = 1 / weight
    fraction, variance = np.clip(fraction, 0, 1), np.maximum(variance, 1e-12)
    rows = whole
    for _ in range(20):  # until rows and mean fit each other
        mean = (fraction * rows + 0.5) / (rows + 1)
        rows = np.minimum(whole, (rows + mean * (1 - mean) / variance) / 2)
    mean = (fraction * rows + 0.5) / (rows + 1)
    smaller = (variance * whole**3 + whole / 2 + 0.25) / ((whole + 1) ** 2 * (whole + 2))
    spread = np.minimum(smaller, mean * (1 - mean) / (rows + 2))
    return np.asarray(mean), np.asarray(spread)
