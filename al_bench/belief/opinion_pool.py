"""The log-linear pool of experts, fitted to answers that may be wrong: pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from al_bench.belief.multi_annotator import AnswerTable, Skills, learned_skills
from al_bench.core.arrays import softmax
from al_bench.core.state import Floats, Ints

MOST_NOISE = 0.6
RATES = np.linspace(0.005, MOST_NOISE, 13)  # grid of noise rates
STEPS, MOST_EXPONENT = 11, 3.0  # grid points of an exponent, and its largest value
LEAST_RIGHT = 0.05  # share of answers that tell of the class, below which frequencies stay even
LEAST = 1e-12  # lower bound of a probability before its logarithm
HALF = 20  # answers, and wrong answers, at which the experts' weight in `judged` is halved
TURNS, MOST_GAIN = 4, 80.0  # turns of learning skills; largest log-likelihood ratio of a cell
SPREADS, LEAST_SPREAD = 2.5, 0.02  # half-width of the refined grid in sds; smallest sd


@dataclass(frozen=True)
class PoolFit:
    """exponents: (e,) of the experts; noise: the annotator's error rate, with several annotators
    the mean over answers; posterior: (m, k) of the true class of each labelled row; evidence: the
    penalised log-likelihood of the answers, or the log marginal likelihood if exponents are
    averaged. judged: with several annotators, a posterior in which the experts' weight grows with
    the number of answers and of wrong-looking answers."""

    exponents: Floats
    noise: float
    posterior: Floats
    evidence: float = 0.0
    judged: Floats | None = None

    @classmethod
    def mean(cls, fits: Sequence[PoolFit], weights: Floats) -> PoolFit:
        """The weighted mean of several fits; weights: (f,), summing to one."""
        parts = list(zip(weights, fits, strict=True))
        judged = [w * fit.judged for w, fit in parts if fit.judged is not None]
        return cls(
            np.asarray(sum(w * fit.exponents for w, fit in parts)),
            float(sum(w * fit.noise for w, fit in parts)),
            np.asarray(sum(w * fit.posterior for w, fit in parts)),
            float(sum(w * fit.evidence for w, fit in parts)),
            np.sum(judged, axis=0) if judged else None,
        )


@dataclass(frozen=True)
class Averages:
    """exponents, spread: (e,) posterior means and standard deviations; rates: (r,) posterior of the
    noise rates on their grid; evidence: log marginal likelihood of the answers."""

    exponents: Floats
    spread: Floats
    rates: Floats
    evidence: float


def pooled(experts: Floats, exponents: Floats, frequencies: Floats | None = None) -> Floats:
    """(n, k) log-linear pool of (e, n, k) log-probabilities, times class frequencies if given."""
    scores = np.tensordot(exponents, experts, axes=1)
    return softmax(scores if frequencies is None else scores + np.log(frequencies))


def corrected_frequencies(counts: Floats, rates: Floats) -> Floats:
    """(r, k) class frequencies if answers counted (k,) are wrong at each rate (r,), evenly over the
    other classes; none is below that of half an answer.

    With much noise, most answers of a rare class are wrong answers about the others.
    """
    k, least = len(counts), 0.5 / counts.sum()
    right = np.maximum(1 - rates * k / (k - 1), 0)[:, None]
    found = np.full((len(rates), k), 1 / k)
    spread = rates[:, None] / (k - 1)
    np.divide(counts / counts.sum() - spread, right, out=found, where=right > LEAST_RIGHT)
    found = np.maximum(found, least)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def averages(
    experts: Floats,
    explained: Callable[[Floats], Floats],
    before: Floats,
    precision: Floats,
    likely: Floats,
    axes: Floats,
) -> Averages:
    """Posterior means of the exponents on the grid of `axes` (e, a).

    explained: maps pools (a, m, k) under equal class frequencies, each row times some factor, to
    the answers' log-likelihoods by noise rate, (a, r); likely: (r,) log prior density of the rates.
    O(m k r) time a grid point, 4 (e + 1) a m k + 8 a m r bytes.
    """
    points, steps = np.array(list(product(*axes))), axes.shape[1]
    powers = [
        np.exp(axis[:, None, None] * expert, dtype=np.float32)
        for expert, axis in zip(experts.astype(np.float32), axes.astype(np.float32), strict=True)
    ]
    pulls = points - before
    found = likely - 0.5 * (pulls * pulls @ precision)[:, None]
    for place, factors in enumerate(product(*powers[:-1])):
        pools = reduce(np.multiply, factors, powers[-1])
        found[place * steps : (place + 1) * steps] += explained(pools)
    most = found.max()
    weights = np.exp(found - most)
    total = weights.sum()
    by_point, by_rate = weights.sum(axis=1) / total, weights.sum(axis=0) / total
    mean = by_point @ points
    spread = np.sqrt(by_point @ (points - mean) ** 2)
    cell = np.prod(axes[:, 1] - axes[:, 0])
    return Averages(mean, spread, by_rate, float(most + np.log(total * cell)))


def full_axes(experts: int) -> Floats:
    """(e, a) axes over the whole range of exponents."""
    return np.tile(np.linspace(0, MOST_EXPONENT, STEPS), (experts, 1))


def refined_axes(found: Averages) -> Floats:
    """(e, a) finer axes around the posterior means of the exponents."""
    half = SPREADS * np.maximum(found.spread, LEAST_SPREAD)
    low = np.clip(found.exponents - half, 0, None)
    high = np.clip(found.exponents + half, None, MOST_EXPONENT)
    return np.linspace(low, high, STEPS, axis=1)


def mean_pool(
    experts: Floats, answers: Ints, before: Floats, precision: Floats, noise: tuple[float, float]
) -> PoolFit:
    """Posterior means of exponents and noise rate, and the true-class posteriors under them.

    experts: (e, m, k) out-of-fold log-probabilities under equal class frequencies; before,
    precision: (e,) mean and precision of a normal prior of the exponents; noise: (wrong, right)
    pseudo-counts of a beta prior of the noise rate. The pool is multiplied by the class frequencies
    among the labelled rows, so that answers of a rare class are doubted as Bayes' rule demands.

    Much noise with a good prior explains a few answers about as well as little noise with a bad
    prior. A MAP estimate picks one of the two; the posterior mean lies between. Class frequencies
    start as the answers' own, corrected for each noise rate (`corrected_frequencies`).
    Pseudo-counts of zero give a uniform prior of the noise rate. O(grid m k).
    """
    index, k = np.arange(len(answers)), experts.shape[2]
    likely = noise[0] * np.log(RATES) + noise[1] * np.log(1 - RATES)
    counts, axes = np.bincount(answers, minlength=k) + 0.5, full_axes(len(experts))
    frequencies, wrong = corrected_frequencies(counts, RATES), RATES / (k - 1)
    slope = 1 - RATES - wrong  # of an answer's chance in its class's probability
    for _ in range(2):  # the whole grid first, then finer, with the posterior's frequencies
        known = frequencies.astype(np.float32).T
        factor = known[answers] * slope

        def explained(pools: Floats, known: Floats = known, factor: Floats = factor) -> Floats:
            chances = pools[:, index, answers, None] / (pools @ known) * factor
            chances += wrong
            return log_products(chances)

        found = averages(experts, explained, before, precision, likely, axes)
        rate, axes = float(found.rates @ RATES), refined_axes(found)
        mean = found.rates @ np.broadcast_to(frequencies, (len(RATES), k))
        posterior = true_class(pooled(experts, found.exponents, mean), answers, rate)
        counts = np.maximum(posterior.sum(axis=0), 0.3)
        frequencies = (counts / counts.sum())[None]
    return PoolFit(found.exponents, rate, posterior, found.evidence)


def log_products(chances: Floats) -> Floats:
    """(a, r) sums over rows of the logarithms of (a, m, r) chances above 1e-18, which are
    multiplied by sixteens first."""
    m = chances.shape[1]
    whole = m - m % 16
    sixteens = chances[:, :whole].reshape(len(chances), 16, -1, chances.shape[2]).prod(axis=1)
    logs = np.log(sixteens).sum(axis=1) + np.log(chances[:, whole:]).sum(axis=1)
    return np.asarray(logs)


def true_class(belief: Floats, answers: Ints, noise: float) -> Floats:
    """(m, k) posterior of the true class by Bayes' rule; answers are wrong at rate `noise`, evenly
    over the other classes."""
    index = np.arange(len(answers))
    joint = belief * (noise / (belief.shape[1] - 1))
    joint[index, answers] = belief[index, answers] * (1 - noise)
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def mean_multi_annotator(
    experts: Floats,
    votes: AnswerTable,
    before: Floats,
    precision: Floats,
    noise: tuple[float, float],
) -> tuple[PoolFit, Floats]:
    """`mean_pool` for several answers per row by annotators of different skill; also returns (v,)
    each answer's gain, the log-likelihood ratio of its class against any other.

    experts: (e, m, k) for the rows of `votes`; other arguments as in `mean_pool`, where the noise
    rate is the common one. Exponents and common rate alternate with the annotators' skills. With
    equal skills and one answer per row this is `mean_pool`. O(grid (m k + v)).
    """
    likely = noise[0] * np.log(RATES) + noise[1] * np.log(1 - RATES)
    counts, axes = np.bincount(votes.said, minlength=votes.k) + 0.5, full_axes(len(experts))
    cells, order, of_cell, of_row = votes.groups
    several, skills = len(np.unique(votes.who)) > 1, Skills.alike(votes)
    for turn in range(TURNS if several else 2):
        hit, missed = skills.chances(votes, RATES)
        gains = np.add.reduceat(np.log(hit / missed)[order], of_cell)
        excess = np.expm1(np.minimum(gains, MOST_GAIN)).astype(np.float32)
        offset = np.log(missed).sum(axis=0)

        frequencies = counts / counts.sum()

        def explained(
            pools: Floats,
            excess: Floats = excess,
            offset: Floats = offset,
            frequencies: Floats = frequencies,
        ) -> Floats:
            logs = np.empty((len(pools), len(RATES)))
            for belief, line in zip(pools * frequencies.astype(np.float32), logs, strict=True):
                belief /= belief.sum(axis=1, keepdims=True)
                more = np.add.reduceat(belief.take(cells)[:, None] * excess, of_row)
                more = np.log(np.maximum(1 + more, LEAST, dtype=np.float32))
                line[:] = offset + more.sum(axis=0, dtype=float)
            return logs

        found = averages(experts, explained, before, precision, likely, axes)
        rate, axes = float(found.rates @ RATES), refined_axes(found)
        hit, missed = skills.chances(votes, np.array([rate]))
        gain = np.log(hit / missed)[:, 0]
        belief = np.log(np.maximum(pooled(experts, found.exponents, frequencies), LEAST))
        posterior = softmax(belief + votes.by_row(gain))
        if turn == 0:  # re-estimated every turn, frequencies diverge
            counts = np.maximum(posterior.sum(axis=0), 0.3)
        if several and turn < TURNS - 1:
            skills = learned_skills(votes, posterior, gain, rate)
    wrong = float(1 - hit.mean())
    count, doubted = len(gain), wrong * len(gain)
    weight = count / (count + HALF) * doubted / (doubted + HALF)
    judged = softmax(weight * belief + votes.by_row(gain))
    return PoolFit(found.exponents, wrong, posterior, found.evidence, judged), gain
