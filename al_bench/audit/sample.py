"""Totals of a stratified sample, and how sure they are: the arithmetic under `estimate`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.state import Floats, Ints


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

    def quantile(self, fraction: float) -> float:
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, fraction))


def weights(strata: Ints, rows: Ints) -> Floats:
    """(m,) what part of all n rows each of these rows stands for: the strata's sizes over the rows
    that are there, scaled to sum to one where a stratum has none (Hajek, 1971).

    strata: (n,) of all rows; rows: (m,) at least one.
    """
    sizes, found = np.bincount(strata), np.bincount(strata[rows], minlength=strata.max() + 1)
    each = (sizes / np.maximum(found, 1))[strata[rows]]
    return np.asarray(each / each.sum())


def joined(strata: Ints) -> Ints:
    """(a,) strata of a sample for variances: those with one row make one together, with the largest
    where it is the only one (collapsed strata: Cochran, 1977, 5A.12)."""
    counts = np.bincount(strata)
    alone = counts[strata] < 2
    if np.count_nonzero(alone) == 1:
        alone |= strata == counts.argmax()
    return np.unique(np.where(alone, -1, strata), return_inverse=True)[1].astype(np.int64)


def deviations(values: Floats, strata: Ints) -> Floats:
    """(a, c) values less their mean in the stratum, scaled so that products of columns sum to an
    unbiased estimate of the covariance of their totals."""
    counts = np.bincount(strata)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, strata, values)
    scale = np.sqrt(counts / np.maximum(counts - 1, 1))
    mean = sums / np.maximum(counts, 1)[:, None]
    return np.asarray((values - mean[strata]) * scale[strata, None])


def tuned(outcomes: Floats, predictions: Floats, spread: float) -> float:
    """How far predictions are believed, in 0..1: what makes the variance least (PPI++:
    Angelopoulos, Duchi and Zrnic, 2023).

    outcomes, predictions: (a, c) deviations in the sample; spread: variance of the predictions'
    own totals over the rows that were not audited. One number for all columns, so that rare ones
    are not fitted.
    """
    variance = float((predictions**2).sum()) + spread
    if variance <= 0:
        return 0.0
    return float(np.clip((outcomes * predictions).sum() / variance, 0, 1))


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
