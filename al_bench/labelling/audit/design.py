"""Which rows measure a model: a stratified random design, fixed before a label is seen; the sample
that it draws, totals estimated from it, and what is known of fractions by them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import one_hot
from al_bench.core.state import Floats, Ints

NEVER = -1  # in an order: this row is not kept for the audit
FEW = 5  # rows of a stratum below which its variance is not estimated alone


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    rows: (a,) audited pool rows that have an answer; strata: (n,) stratum of every pool row;
    answers: (a,) classes, what people said. A row of a stratum was audited with probability
    (audited in the stratum) / (rows of the stratum), whichever row it is.
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
    """The rows to audit next: the first ones of their strata's orders that were not asked yet.

    asked: rows that were; strata, places: (n,) as of `reserve`. Strata take turns so that their
    counts go by the square root of their sizes (power allocation, Bankier 1988): a rare class is
    measured too, and a large one better. The choice of strata depends on counts alone, never on an
    answer, so which row of a stratum is audited is left to chance. O(n log n).
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
    """Audited rows and those that could have been, as the estimates read them.

    weights: (a,), strata: (a,) for variances, guess: (a,), probs: (a, k), truths: (a, k) of the
    audited rows; those of the reserve: shares, guesses, predicted: (m,), (m,), (m, k).
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
        """What part of all rows an audited one stands for: one over their effective number."""
        return float((self.weights**2).sum())


def taken(probs: Floats, audit: Audit, truths: Floats | None, rows: Ints | None) -> Sample:
    """The sample that an audit is; ValueError where its parts do not fit together."""
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
    """(m,) what part of all n rows each of these rows stands for: the strata's sizes over the rows
    that are there, scaled to sum to one where a stratum has none (Hajek, 1971).

    strata: (n,) of all rows; rows: (m,) at least one.
    """
    sizes, found = np.bincount(strata), np.bincount(strata[rows], minlength=strata.max() + 1)
    each = (sizes / np.maximum(found, 1))[strata[rows]]
    return np.asarray(each / each.sum())


def sums(groups: Ints, values: Floats, k: int) -> Floats:
    """(k,) sums of values by their group's number."""
    return np.asarray(np.bincount(groups, weights=values, minlength=k), dtype=np.float64)


def merged_strata(strata: Ints) -> Ints:
    """(a,) strata of a sample for variances: those with fewer than `FEW` rows make one together,
    with the largest where that has too few (collapsed strata: Cochran, 1977, 5A.12)."""
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


def difference_estimator(
    sample: Sample, outcomes: Floats, hoped: Floats, of_all: Floats
) -> tuple[Floats, Floats]:
    """(c,) totals and their variances: of the predictions for all rows (m, c), as far as they are
    believed, and of what they miss in the audited ones, outcomes less hoped (a, c)."""
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
