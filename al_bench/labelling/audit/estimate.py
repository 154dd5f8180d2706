"""How good a model is on rows it was not trained on, estimated from an audit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import one_hot
from al_bench.core.state import ABSENT, Floats, Ints
from al_bench.labelling.audit.design import (
    Audit,
    Beta,
    Sample,
    deviations,
    difference_estimator,
    jeffreys,
    sums,
    taken,
    tuned,
)

ERROR = 0.025  # on either side of an interval
POINTS = 64  # quantiles that stand for a distribution of hits or misses
TRUSTED = 0.5, 0.98  # bounds of the probability, before the audit, that a guess is right


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class AuditEstimate:
    """How good a model is, each value with an interval.

    recalls: (k,) by class, 0..1 where nothing is known; balanced_accuracy: their mean; balanced:
    its posterior in the worst case, for lower bounds at other levels of confidence.
    """

    accuracy: Interval
    balanced_accuracy: Interval
    recalls: tuple[Interval, ...]
    balanced: Beta


def estimate(
    probs: Floats, audit: Audit, truths: Floats | None = None, reserve: Ints | None = None
) -> AuditEstimate:
    """Accuracy, balanced accuracy and recalls on rows that the model was not trained on,
    distributed as the pool is, with intervals of 95 %.

    probs: (n, k) the model's, of every pool row; audit: the audited rows, none of which may have
    trained it. truths: (a, k) estimates of the true classes, in place of the audit's answers
    (`agreement`, or a label model's consensus). reserve: (m,) the rows the audit was drawn from,
    which must include the audited ones and be as new to the model (None: all); their predictions
    narrow the intervals without being trusted (prediction-powered inference: Angelopoulos et al.,
    2023), in the form of a difference estimator under the stratified design (Särndal et al., 1992).
    ValueError where no row was audited or shapes do not fit. O(n k).
    """
    sample = taken(probs, audit, truths, reserve)
    accuracy, right = accuracy_of(sample)
    parts = hits_and_misses(sample, 1 - right.mean)
    expected, feared = parts.recall(parts.expected), parts.recall(parts.feared)
    mean, worst = expected.mean(axis=1), feared.mean(axis=1)
    best = np.maximum(parts.plain, mean)
    spread = spread_of_mean(sample, worst, feared.var(axis=1), parts.sizes)
    balanced, top = (Beta.of(float(x.mean().clip(1e-6, 1 - 1e-6)), spread) for x in (worst, best))
    hit, missed = seen(sample)
    low, high = np.quantile(feared, ERROR, axis=1), np.quantile(expected, 1 - ERROR, axis=1)
    ends = (np.where(hit >= 0.5, low, 0), mean, np.where(missed >= 0.5, high, 1))
    around = right.quantile(ERROR), right.quantile(1 - ERROR)
    return AuditEstimate(
        Interval(float(np.clip(accuracy, *around)), *around),
        Interval(float(mean.mean()), balanced.quantile(ERROR), top.quantile(1 - ERROR)),
        tuple(Interval(float(x), float(lo), float(hi)) for lo, x, hi in zip(*ends, strict=True)),
        balanced,
    )


def accuracy_of(sample: Sample) -> tuple[float, Beta]:
    """Estimated accuracy, which may be a little outside 0..1, and its posterior."""
    at = np.arange(len(sample.guess))
    right, hoped = (x[at, sample.guess][:, None] for x in (sample.truths, sample.probs))
    of_all = sample.predicted[np.arange(len(sample.guesses)), sample.guesses][:, None]
    total, variance = difference_estimator(sample, right, hoped, of_all)
    mean, spread = jeffreys(total, variance, np.asarray(sample.weight))
    return float(total[0]), Beta.of(float(mean[0]), float(spread[0]))


def seen(sample: Sample) -> Floats:
    """(2, k) hits and misses of each class among the audited rows, in effective numbers of rows."""
    own = one_hot(sample.guess, sample.probs.shape[1])
    hit, missed = (sample.weights @ (sample.truths * x) for x in (own, 1 - own))
    return np.maximum(np.stack([hit, missed]) / sample.weight, 0)


def spread_of_mean(sample: Sample, recall: Floats, variance: Floats, sizes: Floats) -> float:
    """Variance of the mean recall: each class's variance, and the covariance of classes, since a
    row that is no hit of one is a miss of another. Recalls of classes without an audited row are
    taken to be perfectly correlated."""
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


@dataclass(frozen=True)
class ClassParts:
    """Fractions of all rows that are hits and misses of each class, at p quantiles of posteriors.

    hits: (k, p); expected, feared: (k, p) misses as the model expects them and in the worst case;
    missed: (k,) misses in the sample.
    """

    hits: Floats
    expected: Floats
    feared: Floats
    missed: Floats

    def recall(self, misses: Floats) -> Floats:
        """(k, p p) recalls at every pair of quantiles. Hits of a class are guessed as that class
        and misses are not, so they are different rows, combined as independent samples (Fay,
        Proschan and Brittain, 2015)."""
        hits, misses = self.hits[:, :, None], misses[:, None, :]
        return np.asarray((hits / np.maximum(hits + misses, 1e-12)).reshape(len(hits), -1))

    @property
    def plain(self) -> Floats:
        """(k,) recalls with the misses of the sample alone."""
        hits = self.hits.mean(axis=1)
        return np.asarray(hits / np.maximum(hits + self.missed, 1e-12))

    @property
    def sizes(self) -> Floats:
        """(k,) the fraction of all rows in each class."""
        return np.asarray(np.maximum(self.hits.mean(axis=1) + self.feared.mean(axis=1), 1e-12))


def hits_and_misses(sample: Sample, wrong: float) -> ClassParts:
    """Posteriors of hits and misses; wrong: the fraction of all rows that is guessed wrong.

    Misses are rare counts: a gamma distribution with half an event more (Fay and Feuer, 1997). Its
    prior, with the weight of half an event, expects the misses that the model's probabilities give,
    calibrated to `wrong`, and one audited row spread over all classes.
    """
    from scipy.special import betaincinv, gammaincinv

    at, k = (np.arange(POINTS) + 0.5) / POINTS, sample.probs.shape[1]
    share, right, rows, hoped = precision(sample, wrong)
    hits = betaincinv((right + hoped)[:, None], (rows - right + 1 - hoped)[:, None], at)
    other, others = one_hot(sample.guess, k) == 0, one_hot(sample.guesses, k) == 0
    left = sample.predicted * others
    missed, variance = difference_estimator(
        sample, sample.truths * other, sample.probs * other, left
    )
    missed = np.maximum(missed, 0)
    # the size of an event at which mean and variance are those of the sample and half an event
    each = np.sqrt(missed**2 + 2 * variance + sample.weight**2) - missed
    guessed = sample.shares @ left
    before = guessed * wrong / max(float(guessed.sum()), 1e-12) + sample.weight / k
    events = gammaincinv((missed / each + 0.5)[:, None], at)
    expected = events / (1 / each + 0.5 / before)[:, None]
    return ClassParts(share[:, None] * hits, expected, events * each[:, None], missed)


def precision(sample: Sample, wrong: float) -> tuple[Floats, Floats, Floats, Floats]:
    """(k,) each: the fraction of all rows with this guess; of these, in effective numbers, the
    audited rows that are right, and all audited rows; and the fraction right by the predictions,
    calibrated to all errors, which counts as one row."""
    k, guesses = sample.probs.shape[1], sample.guesses
    share = sums(guesses, sample.shares, k)
    hope = sample.predicted[np.arange(len(guesses)), guesses]
    mean = sums(guesses, sample.shares * hope, k) / np.maximum(share, 1e-12)
    inside = sample.shares / np.maximum(share, 1e-12)[guesses]
    own = sums(guesses, (inside * (hope - mean[guesses])) ** 2, k)
    fraction, variance, weight = of_each_guess(sample, mean, own)
    asked = weight > 0
    middle, spread = jeffreys(fraction, variance, np.where(asked, weight, 1))
    rows = np.where(asked, np.maximum(middle * (1 - middle) / spread - 2, 0), 0)
    missing = max(float(sample.shares @ (1 - hope)), 1e-12)
    calibrated = np.clip(1 - wrong / missing * (1 - mean), *TRUSTED)
    return share, np.clip(fraction, 0, 1) * rows, rows, calibrated


def of_each_guess(sample: Sample, mean: Floats, own: Floats) -> tuple[Floats, Floats, Floats]:
    """(k,) each, of the audited rows of each guess: the fraction right, its variance, and the
    fraction of such rows that one of them stands for (0 without any); as `difference_estimator`.

    mean, own: (k,) mean probability of the guess over all such rows, and its variance.
    """
    k, guess = sample.probs.shape[1], sample.guess
    each = sample.weights / sums(guess, sample.weights, k)[guess]
    count = np.bincount(guess, minlength=k)[guess]
    scale = each * np.sqrt(count / np.maximum(count - 1, 1))
    at = np.arange(len(guess))
    right, hoped = sample.truths[at, guess], sample.probs[at, guess]

    def apart(values: Floats) -> Floats:
        return np.asarray(scale * (values - sums(guess, each * values, k)[guess]))

    found = float(own[np.unique(guess)].sum())
    trust = tuned(apart(right)[:, None], apart(hoped)[:, None], found)
    rest = right - trust * hoped
    variance = sums(guess, apart(rest) ** 2, k) + trust**2 * own
    return sums(guess, each * rest, k) + trust * mean, variance, sums(guess, each**2, k)


class ChanceError(ValueError):
    """People agree no more often than by chance."""


def agreement(table: Ints, k: int) -> tuple[Floats, float]:
    """(a, k) unbiased estimates of the true classes, averaged over each row's answers, and the
    error rate of the answers, estimated from how often they agree.

    table: (a, m) answers, ABSENT where there is none; some rows have two. People are assumed to err
    independently, at one rate, evenly over the other classes; shared errors pass as right answers
    (Dawid and Skene, 1979, with one rate for all). An answer becomes its row in the inverse
    confusion matrix, so numbers may be below 0 or above 1 (Rogan and Gladen, 1978; as the backward
    correction of Patrini et al., 2017). ValueError where no row has two answers, ChanceError where
    they agree no more often than by chance.
    """
    there = table != ABSENT
    counts = one_hot(np.where(there, table, 0), k).astype(np.float64) * there[:, :, None]
    votes, n_answers = counts.sum(axis=1), there.sum(axis=1)
    pairs = float((n_answers * (n_answers - 1)).sum())
    if not pairs:
        raise ValueError("no audited row has two answers; wanted some, to see how often they agree")
    agreement = float((votes * (votes - 1)).sum()) / pairs
    if k * agreement - 1 < 1e-6 * (k - 1):
        raise ChanceError(
            f"two answers about a row drawn at random agree in {agreement:.0%} of cases, no more "
            "than by chance, so nothing is known of the model"
        )
    right = (1 + np.sqrt((k - 1) * (k * agreement - 1))) / k
    error = 1 - right
    confusion = (1 - error - error / (k - 1)) * np.eye(k) + error / (k - 1)
    return np.asarray(votes @ np.linalg.inv(confusion) / n_answers[:, None]), float(error)
