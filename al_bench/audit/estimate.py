"""How good a model is on rows it was not taught, from a few that people audited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.arithmetic import one_hot
from al_bench.audit.beta import Beta, jeffreys
from al_bench.audit.design import Audit
from al_bench.audit.sample import Sample, deviations, difference, taken, tuned
from al_bench.state import Floats, Ints

POINTS = 64  # at which the distributions of hits and of misses are read
# Chosen on replays, see docs/stopping.md. What is expected beforehand counts as half an event:
UNSEEN = 5.0  # rows' worth of misses, over all classes, besides those that the model expects
TRUSTED = 0.5, 0.98  # a guess is expected to be right so often at least and at most
OWN = 5.0  # how much more an audited row of a class tells of it than all others together


@dataclass(frozen=True)
class Interval:
    """A value and between what it lies with the estimate's confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """How good a model is, each with an interval.

    recalls: (k,) by class, in 0..1 where nothing is known; balanced_accuracy: their mean; audited:
    rows with an answer. right, balanced: what is known of accuracy and balanced accuracy, for other
    levels of confidence.
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
    accuracy = Beta.of(*accuracy_of(sample))
    hits, misses = parts(sample, 1 - accuracy.mean)
    recall = hits[:, :, None] / np.maximum(hits[:, :, None] + misses[:, None, :], 1e-12)
    mean, variance = recall.mean(axis=(1, 2)), recall.var(axis=(1, 2))
    ends = np.quantile(recall.reshape(len(mean), -1), [error, 1 - error], axis=1)
    counts = seen(sample)
    low, high = (
        np.where(x >= 0.5, end, at) for x, end, at in zip(counts, ends, (0, 1), strict=True)
    )
    sizes = np.maximum(hits.mean(axis=1) + misses.mean(axis=1), 1e-12)
    spread = spread_of_mean(sample, mean, variance, sizes, counts.sum(axis=0))
    balanced = Beta.of(float(np.clip(mean.mean(), 1e-6, 1 - 1e-6)), spread)
    return Estimate(
        interval(accuracy, error),
        interval(balanced, error),
        tuple(Interval(*map(float, one)) for one in zip(mean, low, high, strict=True)),
        len(audit.rows),
        accuracy,
        balanced,
    )


def interval(known: Beta, error: float) -> Interval:
    return Interval(known.mean, known.quantile(error), known.quantile(1 - error))


def accuracy_of(sample: Sample) -> tuple[float, float]:
    """Mean and variance of what is known of accuracy."""
    at = np.arange(len(sample.guess))
    right, hoped = (x[at, sample.guess][:, None] for x in (sample.truths, sample.probs))
    of_all = sample.predicted[np.arange(len(sample.guesses)), sample.guesses][:, None]
    total, variance = difference(sample, right, hoped, of_all)
    mean, spread = jeffreys(total, variance, np.asarray(sample.weight))
    return float(mean[0]), float(spread[0])


def parts(sample: Sample, wrong: float) -> tuple[Floats, Floats]:
    """(k, p), (k, p) what is known of the parts of all rows that are hits and misses of each class,
    at p points of either distribution.

    A hit of class c is guessed c and a miss is not: they lie in different rows, so their
    distributions are put together as independent ones (Fay, Proschan and Brittain, 2015). wrong:
    the part of all rows that is guessed wrong, to which the predictions are calibrated.
    """
    from scipy.special import betaincinv, gammaincinv

    at, k = (np.arange(POINTS) + 0.5) / POINTS, sample.probs.shape[1]
    share, right, rows, hoped = precision(sample, wrong)
    hits = betaincinv((right + hoped)[:, None], (rows - right + 1 - hoped)[:, None], at)
    other, others = one_hot(sample.guess, k) == 0, one_hot(sample.guesses, k) == 0
    left = sample.predicted * others
    missed, variance = difference(sample, sample.truths * other, sample.probs * other, left)
    missed = np.maximum(missed, 0)
    # as for counts: a gamma with half an event more (Fay and Feuer, 1997)
    each = (variance + sample.weight**2 / 2) / (missed + sample.weight / 2)
    expected = sample.shares @ left
    expected = expected * wrong / max(float(expected.sum()), 1e-12) + UNSEEN * sample.weight / k
    rate = 1 / each + 0.5 / expected
    misses = gammaincinv((missed / each + 0.5)[:, None], at) / rate[:, None]
    return share[:, None] * hits, misses


def precision(sample: Sample, wrong: float) -> tuple[Floats, Floats, Floats, Floats]:
    """(k,) each: the part of all rows that is guessed so; in effective numbers of audited rows, how
    many of these are right, of how many; and what part the predictions would have right, calibrated
    to all errors, which counts as one row."""
    k, guess, guesses = sample.probs.shape[1], sample.guess, sample.guesses
    share = np.bincount(guesses, weights=sample.shares, minlength=k)
    hope = sample.predicted[np.arange(len(guesses)), guesses]
    mean = np.bincount(guesses, weights=sample.shares * hope, minlength=k)
    mean = mean / np.maximum(share, 1e-12)
    inside = sample.shares / np.maximum(share, 1e-12)[guesses]
    own = np.bincount(guesses, weights=(inside * (hope - mean[guesses])) ** 2, minlength=k)
    each = sample.weights / np.bincount(guess, weights=sample.weights, minlength=k)[guess]
    right, hoped = (x[np.arange(len(guess)), guess] for x in (sample.truths, sample.probs))

    def centred(values: Floats) -> tuple[Floats, Floats]:
        middle = np.bincount(guess, weights=each * values, minlength=k)
        count = np.bincount(guess, minlength=k)[guess]
        scale = np.sqrt(count / np.maximum(count - 1, 1))
        return middle, (each * (values - middle[guess]) * scale)[:, None]

    trust = tuned(centred(right)[1], centred(hoped)[1], float(own[np.unique(guess)].sum()))
    found, apart = centred(right - trust * hoped)
    variance = np.bincount(guess, weights=apart[:, 0] ** 2, minlength=k) + trust**2 * own
    weight = np.bincount(guess, weights=each**2, minlength=k)
    asked = weight > 0
    fraction, spread = jeffreys(found + trust * mean, variance, np.where(asked, weight, 1))
    rows = np.where(asked, np.maximum(fraction * (1 - fraction) / spread - 2, 0), 0)
    missing = float(sample.shares @ (1 - hope))
    calibrated = 1 - wrong / max(missing, 1e-12) * (1 - mean)
    right_rows = np.clip(found + trust * mean, 0, 1) * rows
    return share, right_rows, rows, np.clip(calibrated, *TRUSTED)


def seen(sample: Sample) -> Floats:
    """(2, k) hits and misses of each class among the audited rows, in effective numbers of them."""
    own = one_hot(sample.guess, sample.probs.shape[1])
    hit, missed = (sample.weights @ (sample.truths * x) for x in (own, 1 - own))
    return np.maximum(np.stack([hit, missed]) / sample.weight, 0)


def spread_of_mean(
    sample: Sample, recall: Floats, variance: Floats, sizes: Floats, counts: Floats
) -> float:
    """Variance of the mean recall.

    What is known of two classes errs apart, but for what rows of one guess tell of both, and for
    what is not known from rows of the class itself: that may be wrong in one direction for all.
    """
    k = len(recall)
    pull = sample.weights[:, None] * sample.truths * (one_hot(sample.guess, k) - recall) / sizes
    moves = deviations(pull, sample.strata)
    rows = float((moves.sum(axis=1) ** 2).sum() - (moves**2).sum())
    common = 1 / (1 + OWN * counts)
    apart = float(((1 - common**2) * variance).sum())
    together = float((common * np.sqrt(variance)).sum()) ** 2
    return (apart + together + max(rows, 0)) / k**2
