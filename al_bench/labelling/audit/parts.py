"""Hits and misses of each class: what parts of all rows they are, as far as an audit tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.arithmetic import one_hot
from al_bench.labelling.audit.sample import Sample, difference, jeffreys, sums, tuned
from al_bench.state import Floats

POINTS = 64  # at which the distributions of hits and of misses are read
TRUSTED = 0.5, 0.98  # beforehand a guess is expected to be right so often at least and at most


@dataclass(frozen=True)
class Parts:
    """What parts of all rows are hits and misses of each class, at p points of what is known.

    hits: (k, p); misses as they are expected beforehand, and as bad as they may be: (k, p), (k, p);
    missed: (k,) as the sample has them.
    """

    hits: Floats
    expected: Floats
    feared: Floats
    missed: Floats

    def recall(self, misses: Floats) -> Floats:
        """(k, p p) at every pair of points: a hit of a class is guessed so and a miss is not, so
        they are other rows, and what is known of them is put together as of independent samples
        (Fay, Proschan and Brittain, 2015)."""
        hits, misses = self.hits[:, :, None], misses[:, None, :]
        return np.asarray((hits / np.maximum(hits + misses, 1e-12)).reshape(len(hits), -1))

    @property
    def plain(self) -> Floats:
        """(k,) recalls with no miss but those in the sample."""
        hits = self.hits.mean(axis=1)
        return np.asarray(hits / np.maximum(hits + self.missed, 1e-12))

    @property
    def sizes(self) -> Floats:
        """(k,) what part of all rows each class is."""
        return np.asarray(np.maximum(self.hits.mean(axis=1) + self.feared.mean(axis=1), 1e-12))


def hits_and_misses(sample: Sample, wrong: float) -> Parts:
    """What is known of hits and misses; wrong: the part of all rows that is guessed wrong.

    Misses are counts of what is rare: a gamma distribution with half an event more (Fay and Feuer,
    1997). Beforehand, with the weight of half an event, those are expected that the model's
    probabilities expect, calibrated to all that is wrong, and one audited row over all classes.
    """
    from scipy.special import betaincinv, gammaincinv

    at, k = (np.arange(POINTS) + 0.5) / POINTS, sample.probs.shape[1]
    share, right, rows, hoped = precision(sample, wrong)
    hits = betaincinv((right + hoped)[:, None], (rows - right + 1 - hoped)[:, None], at)
    other, others = one_hot(sample.guess, k) == 0, one_hot(sample.guesses, k) == 0
    left = sample.predicted * others
    missed, variance = difference(sample, sample.truths * other, sample.probs * other, left)
    missed = np.maximum(missed, 0)
    # the size of an event at which mean and variance are those of the sample and half an event
    each = np.sqrt(missed**2 + 2 * variance + sample.weight**2) - missed
    guessed = sample.shares @ left
    before = guessed * wrong / max(float(guessed.sum()), 1e-12) + sample.weight / k
    events = gammaincinv((missed / each + 0.5)[:, None], at)
    expected = events / (1 / each + 0.5 / before)[:, None]
    return Parts(share[:, None] * hits, expected, events * each[:, None], missed)


def precision(sample: Sample, wrong: float) -> tuple[Floats, Floats, Floats, Floats]:
    """(k,) each: the part of all rows that is guessed so; in effective numbers of audited rows, how
    many of these are right, of how many; and what part the predictions would have right, calibrated
    to all errors, which counts as one row."""
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
    """(k,) each, of the audited rows of each guess: what part is right, its variance, and what part
    of such rows one of them stands for, 0 where there is none; as `difference`, guess by guess.

    mean, own: (k,) the probability of the guess over all such rows, and the variance of that.
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
