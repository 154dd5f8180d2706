"""How good a model is on rows it was not taught, from a few that people audited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.arithmetic import one_hot
from al_bench.audit.beta import Beta, jeffreys
from al_bench.audit.design import Audit
from al_bench.audit.parts import hits_and_misses
from al_bench.audit.sample import Sample, deviations, difference, taken
from al_bench.state import Floats, Ints


@dataclass(frozen=True)
class Interval:
    """A value, and what it lies between with the estimate's confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """How good a model is, each with an interval.

    recalls: (k,) by class, in 0..1 where nothing is known; balanced_accuracy: their mean; audited:
    rows with an answer. right: what is known of accuracy; balanced: of balanced accuracy, at its
    worst; for other levels of confidence that one of them is above something.
    """

    accuracy: Interval
    balanced_accuracy: Interval
    recalls: tuple[Interval, ...]
    audited: int
    right: Beta
    balanced: Beta


def estimate(
    probs: Floats,
    audit: Audit,
    level: float = 0.95,
    confusion: Floats | None = None,
    truths: Floats | None = None,
    reserve: Ints | None = None,
) -> Estimate:
    """Accuracy, balanced accuracy and recalls on rows that the model was not taught, distributed as
    the pool is.

    probs: (n, k) the model's, of every pool row; audit: the rows that were audited, none of which
    may have taught it. reserve: (m,) the rows the audit was drawn from, which must include them
    and are as new to the model as they are (None: all); their predictions make the intervals
    narrower without being believed (prediction-powered inference: Angelopoulos et al., 2023), in
    the form of a difference estimator under the stratified design (Särndal et al., 1992).

    Without more, `audit.answers` are taken for the truth. confusion: (k, k) how often each class
    (row) is answered as each (column), where it is known: `audit.answers` are corrected for it;
    truths: (a, k) in place of answers, what several of them say of the true class (`agreed`, or a
    label model's consensus). ValueError where no row was audited or shapes do not fit. O(n k).
    """
    sample = taken(probs, audit, confusion, truths, reserve)
    error = (1 - level) / 2
    accuracy, right = accuracy_of(sample)
    parts = hits_and_misses(sample, 1 - right.mean)
    (mean, _), (worst, apart) = (moments(parts.recall(x)) for x in (parts.expected, parts.feared))
    best = np.maximum(parts.plain, mean)
    spread = spread_of_mean(sample, worst, apart, parts.sizes)
    balanced, top = (Beta.of(inside(float(x.mean())), spread) for x in (worst, best))
    hit, missed = seen(sample)
    low = np.quantile(parts.recall(parts.feared), error, axis=1)
    high = np.quantile(parts.recall(parts.expected), 1 - error, axis=1)
    ends = (np.where(hit >= 0.5, low, 0), mean, np.where(missed >= 0.5, high, 1))
    around = right.quantile(error), right.quantile(1 - error)
    return Estimate(
        Interval(float(np.clip(accuracy, *around)), *around),
        Interval(float(mean.mean()), balanced.quantile(error), top.quantile(1 - error)),
        tuple(Interval(float(x), float(lo), float(hi)) for lo, x, hi in zip(*ends, strict=True)),
        len(audit.rows),
        right,
        balanced,
    )


def inside(fraction: float) -> float:
    """Not quite 0 or 1, which no beta distribution has for a mean."""
    return float(np.clip(fraction, 1e-6, 1 - 1e-6))


def moments(values: Floats) -> tuple[Floats, Floats]:
    return np.asarray(values.mean(axis=1)), np.asarray(values.var(axis=1))


def accuracy_of(sample: Sample) -> tuple[float, Beta]:
    """Accuracy as estimated, which may be a little outside 0..1, and what is known of it."""
    at = np.arange(len(sample.guess))
    right, hoped = (x[at, sample.guess][:, None] for x in (sample.truths, sample.probs))
    of_all = sample.predicted[np.arange(len(sample.guesses)), sample.guesses][:, None]
    total, variance = difference(sample, right, hoped, of_all)
    mean, spread = jeffreys(total, variance, np.asarray(sample.weight))
    return float(total[0]), Beta.of(float(mean[0]), float(spread[0]))


def seen(sample: Sample) -> Floats:
    """(2, k) hits and misses of each class among the audited rows, in effective numbers of them."""
    own = one_hot(sample.guess, sample.probs.shape[1])
    hit, missed = (sample.weights @ (sample.truths * x) for x in (own, 1 - own))
    return np.maximum(np.stack([hit, missed]) / sample.weight, 0)


def spread_of_mean(sample: Sample, recall: Floats, variance: Floats, sizes: Floats) -> float:
    """Variance of the mean recall: that of classes alone, and what two of them have in common, as a
    row that is no hit of one is a miss of another. Classes of which no row was audited may all be
    worse or better than expected: they are taken to be so together."""
    k, right = len(recall), sample.truths
    own = one_hot(sample.guess, k)
    precise = sample.weights @ (own * right) / np.maximum(sample.weights @ own, 1e-12)
    pull = own * (right - precise) * (1 - recall) - (1 - own) * right * recall
    moves = deviations(sample.weights[:, None] * pull / sizes, sample.strata)
    common = float((moves.sum(axis=1) ** 2).sum() - (moves**2).sum())
    known = seen(sample).sum(axis=0) >= 0.5
    apart = float(variance[known].sum())
    together = float(np.sqrt(variance[~known]).sum()) ** 2
    return (apart + together + max(common, 0)) / k**2
