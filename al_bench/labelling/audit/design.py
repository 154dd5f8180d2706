"""The audit's stratified random design, fixed before a label is seen; the sample that it draws,
totals estimated from it, and posteriors of fractions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import one_hot
from al_bench.core.state import Floats, Ints

NEVER = -1  # place of a row that is not kept for the audit
FEW = 5  # strata with fewer rows are merged for variances


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    rows: (a,) audited pool rows that have an answer; strata: (n,) stratum of every pool row;
    answers: (a,) answered classes. In a stratum every row is audited with the same probability:
    (audited in the stratum) / (rows of the stratum).
    """

    rows: Ints
    strata: Ints
    answers: Ints


def reserve(guesses: Ints, fraction: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Strata and, within each, a random order of the rows that may be audited.

    guesses: (n,) class of each row by the foundation model; fraction: of each stratum, rounded up,
    that is kept for the audit. Returns (n,) strata numbered from 0 without gaps, and (n,) places in
    the stratum's order, NEVER for rows that are not kept. O(n log n).
    """
    strata = np.unique(guesses, return_inverse=True)[1].astype(np.int64)
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata)
    place = np.empty(len(strata), dtype=np.int64)
    place[order] = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.ceil(fraction * sizes).astype(np.int64)[strata]
    return strata, np.where(place < kept, place, NEVER)


def next_audited(strata: Ints, places: Ints, asked: Ints, budget: int) -> Ints:
    """The rows to audit next: those not asked yet that come first in their strata's orders.

    asked: rows asked so far; strata, places: (n,) from `reserve`. Strata take turns so that their
    counts go by the square root of their sizes (power allocation, Bankier 1988): a rare class is
    measured too, and a large one better. The choice of strata depends on counts alone, never on an
    answer, so the audited rows of a stratum are random. O(n log n).
    """
    weights: Floats = np.sqrt(np.bincount(strata))
    waiting = places != NEVER
    waiting[asked] = False
    rows = np.flatnonzero(waiting)
    rows = rows[np.lexsort((places[rows], strata[rows]))]
    had = np.bincount(strata[asked], minlength=len(weights))
    own = strata[rows]
    starts = np.searchsorted(own, own)
    turn = had[own] + np.arange(len(rows)) - starts + 0.5  # Sainte-Lague's divisors
    first = np.lexsort((own, turn / weights[own]))[: max(budget, 0)]
    return np.asarray(rows[first], dtype=np.int64)


@dataclass(frozen=True)
class Sample:
    """The audited rows and the reserve, as the estimates read them.

    Of the audited rows: weights (a,), strata (a,) for variances, guess (a,), probs (a, k), truths
    (a, k). Of the reserve: shares (m,), guesses (m,), predicted (m, k).
    """

    weights: Floats
    strata: Ints
    guess: Ints
    probs: Floats
    truths: Floats
    shares: Floats
    guesses: Ints
    predicted: Floats

    @property
    def weight(self) -> float:
        """The fraction of all rows that an audited one stands for: 1 / effective sample size."""
        return float((self.weights**2).sum())


def taken(probs: Floats, audit: Audit, truths: Floats | None, rows: Ints | None) -> Sample:
    """The sample of an audit; ValueError where shapes do not fit."""
    (n, k), count = probs.shape, len(audit.rows)
    if not count or len(audit.strata) != n or len(audit.answers) != count:
        raise ValueError(
            f"estimate got {count} audited rows, {len(audit.answers)} answers and "
            f"{len(audit.strata)} strata for {n} rows; wanted one row at least, an answer each and "
            "a stratum for every row"
        )
    truths = one_hot(audit.answers, k) if truths is None else truths
    if truths.shape != (count, k):
        raise ValueError(f"estimate got truths of shape {truths.shape}; wanted ({count}, {k})")
    rows = np.arange(n) if rows is None else rows
    if not np.isin(audit.rows, rows).all():
        raise ValueError("estimate got an audited row outside the reserve it was drawn from")
    audited, others = (np.asarray(probs[x], dtype=np.float64) for x in (audit.rows, rows))
    return Sample(
        weights(audit.strata, audit.rows),
        merged_strata(audit.strata[audit.rows]),
        audited.argmax(axis=1),
        audited,
        np.asarray(truths, dtype=np.float64),
        weights(audit.strata, rows),
        others.argmax(axis=1),
        others,
    )


def weights(strata: Ints, rows: Ints) -> Floats:
    """(m,) the fraction of all n rows that each of these rows stands for: its stratum's size over
    the rows sampled from it, scaled to sum to one where a stratum has none (Hajek, 1971).

    strata: (n,) of all rows; rows: (m,) at least one.
    """
    sizes, found = np.bincount(strata), np.bincount(strata[rows], minlength=strata.max() + 1)
    each = (sizes / np.maximum(found, 1))[strata[rows]]
    return np.asarray(each / each.sum())


def sums(groups: Ints, values: Floats, k: int) -> Floats:
    """(k,) sums of values by their group's number."""
    return np.asarray(np.bincount(groups, weights=values, minlength=k), dtype=np.float64)


def merged_strata(strata: Ints) -> Ints:
    """(a,) strata of a sample for variances: those with fewer than `FEW` rows are merged, with the
    largest too if together they have too few (collapsed strata: Cochran, 1977, 5A.12)."""
    counts = np.bincount(strata)
    small = counts[strata] < FEW
    if 0 < np.count_nonzero(small) < FEW:
        small |= strata == counts.argmax()
    return np.unique(np.where(small, -1, strata), return_inverse=True)[1].astype(np.int64)


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
    """The weight of the predictions, in 0..1, that minimises the variance (PPI++: Angelopoulos,
    Duchi and Zrnic, 2023).

    outcomes, predictions: (a, c) deviations in the sample; spread: variance of the predictions'
    totals over the rows that were not audited. One weight for all columns, so that rare ones do not
    overfit.
    """
    variance = float((predictions**2).sum()) + spread
    if variance <= 0:
        return 0.0
    return float(np.clip((outcomes * predictions).sum() / variance, 0, 1))


def difference_estimator(
    sample: Sample, outcomes: Floats, hoped: Floats, of_all: Floats
) -> tuple[Floats, Floats]:
    """(c,) totals and their variances: weighted predictions for all rows, `of_all` (m, c), plus
    what they miss in the audited rows, `outcomes` less `hoped` (a, c)."""
    predicted = sample.shares @ of_all
    own = (sample.shares[:, None] ** 2 * (of_all - predicted) ** 2).sum(axis=0)
    weighed = sample.weights[:, None]
    seen, guessed = (deviations(weighed * x, sample.strata) for x in (outcomes, hoped))
    trust = tuned(seen, guessed, float(own.sum()))
    total = trust * predicted + sample.weights @ (outcomes - trust * hoped)
    variance = ((seen - trust * guessed) ** 2).sum(axis=0) + trust**2 * own
    return np.asarray(total), np.asarray(variance)


@dataclass(frozen=True)
class Beta:
    """The posterior of a fraction: a beta distribution of these shapes."""

    a: float
    b: float

    @classmethod
    def of(cls, mean: float, variance: float) -> Beta:
        """The beta distribution with this mean in (0, 1) and variance, which is capped at the
        largest possible one."""
        size = max(mean * (1 - mean) / max(variance, 1e-12) - 1, 1e-3)
        return cls(mean * size, (1 - mean) * size)

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def quantile(self, fraction: float) -> float:
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, fraction))


def jeffreys(fraction: Floats, variance: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Posterior mean and variance of fractions that were estimated with these variances.

    weight: the fraction of all rows that an audited row stands for. For a simple random sample of n
    = 1/weight rows with variance p(1 - p)/n this gives the moments of Jeffreys' posterior Beta(x +
    1/2, n - x + 1/2): half a row of either outcome is added, so that nothing is sure at 0 or 1
    (Brown, Cai and DasGupta, 2001). A smaller variance, by design or predictions, is used in its
    place. A larger one, by wrong answers, means fewer rows (effective sample size: Korn and
    Graubard, 1998).
    """
    whole = 1 / weight
    fraction, variance = np.clip(fraction, 0, 1), np.maximum(variance, 1e-12)
    rows = whole
    for _ in range(20):  # fixed point of rows and mean
        mean = (fraction * rows + 0.5) / (rows + 1)
        rows = np.minimum(whole, (rows + mean * (1 - mean) / variance) / 2)
    mean = (fraction * rows + 0.5) / (rows + 1)
    smaller = (variance * whole**3 + whole / 2 + 0.25) / ((whole + 1) ** 2 * (whole + 2))
    spread = np.minimum(smaller, mean * (1 - mean) / (rows + 2))
    return np.asarray(mean), np.asarray(spread)
