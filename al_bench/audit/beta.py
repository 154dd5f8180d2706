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
    DasGupta, 2001). A variance that design or predictions make smaller or larger stands in its
    place, as with effective sample sizes (Korn and Graubard, 1998).
    """
    rows = 1 / weight
    mean = (np.clip(fraction, 0, 1) * rows + 0.5) / (rows + 1)
    spread = (variance * rows**3 + rows / 2 + 0.25) / ((rows + 1) ** 2 * (rows + 2))
    return np.asarray(mean), np.asarray(spread)
