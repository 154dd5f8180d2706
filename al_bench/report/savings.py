"""Label efficiency: the share of the budget at which one method reaches another's final
accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.core.rng import rng
from al_bench.report.stats import Floats, quantile_t

CLOSE = 1e-9  # a level counts as reached within rounding
FLAT = 0.02  # a curve that rises by less says nothing of labels
DRAWS = 2000  # of the shares of all sets, for the interval of their median
SHARES = np.arange(1, 401) / 400  # of the budget, where chances are kept


def area(curves: Floats, labels: Floats) -> Floats:
    """(...,) area under curves (..., p) over labels divided by their range."""
    from scipy.integrate import trapezoid

    if len(labels) == 1:
        return curves[..., 0]
    return np.asarray(trapezoid(curves, labels, axis=-1) / (labels[-1] - labels[0]))


def labels_needed(curve: Floats, labels: Floats, level: float) -> float:
    """The labels at which a curve (p,), linear between points, first reaches a level, or inf."""
    reached = np.flatnonzero(curve >= level - CLOSE)
    if not len(reached) or not reached[0]:
        return float(labels[0]) if len(reached) else np.inf
    at = int(reached[0])
    part = (level - curve[at - 1]) / max(curve[at] - curve[at - 1], CLOSE)
    return float(labels[at - 1] + np.clip(part, 0, 1) * (labels[at] - labels[at - 1]))


def last_level(curves: Floats, labels: Floats) -> Floats:
    """(b,) mean of each curve over the last 10 % of its budget: less noisy than its last point."""
    return np.asarray(curves[:, labels >= 0.9 * labels[-1]].mean(axis=1))


@dataclass(frozen=True)
class Efficiency:
    """How much of the budget a method needs for an opponent's final accuracy.

    share: of the budget, 0..1, inf where it is not reached; low, high: its 95 % CI over seeds, inf
    where its end is not reached, NaN with one seed; flat: whether the opponent's curve rises by
    less than `FLAT`, so that the share says nothing; chances: (400,) the probability that the share
    is at most each of `SHARES`, as the seeds have it."""

    share: float
    low: float
    high: float
    flat: bool
    chances: Floats


def efficiency(ours: Floats, opponent: Floats, labels: Floats) -> Efficiency:
    """The share of the budget at which `ours` reaches the final accuracy of `opponent`.

    The share is where the isotonic fit (Barlow et al., 1972) of our mean curve first reaches the
    opponent's mean at its last point. Its interval holds the shares at which the paired difference,
    ours there less the opponent's end, is not zero by Student's t at 5 % (Fieller, 1954), from the
    first to the last.

    ours: (s, p) curves; opponent: (s, p), paired by seed, or (s, 1) if it takes no labels."""
    from scipy.optimize import isotonic_regression

    apart, budget = ours - opponent[:, -1:], labels[-1]
    mean, flat = apart.mean(axis=0), False
    if opponent.shape[1] > 1:
        flat = bool(opponent[:, -1].mean() - opponent[:, 0].mean() < FLAT)
    share = labels_needed(isotonic_regression(mean).x, labels, 0.0) / budget
    seeds = len(ours)
    if seeds < 2:
        return Efficiency(share, np.nan, np.nan, flat, np.asarray(share <= SHARES, dtype=float))
    error = apart.std(axis=0, ddof=1) / np.sqrt(seeds)
    half = quantile_t(seeds - 1) * error
    later = np.minimum.accumulate((mean - half)[::-1])[::-1]  # above zero from there on
    low, high = (labels_needed(curve, labels, 0.0) / budget for curve in (mean + half, later))
    spread = chances(mean, error, labels / budget, seeds - 1)
    return Efficiency(share, low, high, flat, spread)


def chances(mean: Floats, error: Floats, shares: Floats, freedom: int) -> Floats:
    """The confidence distribution of a share (Schweder and Hjort, 2002): Student's distribution
    function of the difference there, zero before the first measurement."""
    from scipy.stats import t

    middle, width = (np.interp(SHARES, shares, one) for one in (mean, error))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(middle >= -CLOSE, np.inf, -np.inf)
        ratio = np.where(width > CLOSE, middle / width, ratio)
    return np.where(shares[0] - CLOSE <= SHARES, t.cdf(ratio, freedom), 0.0)


@dataclass(frozen=True)
class MedianShare:
    """Median and worst of the shares over the sets that are not flat, inf where not reached.

    over_seeds, over_sets: 95 % CIs of the median, for other seeds of these sets and for other sets
    like these, NaN where there are too few; missed, flat, sets: how many sets do not reach the
    opponent's final accuracy, say nothing of it, and do."""

    median: float
    worst: float
    over_seeds: tuple[float, float]
    over_sets: tuple[float, float]
    missed: int
    flat: int
    sets: int


def median_share(found: Sequence[Efficiency], data: Sequence[str]) -> MedianShare:
    """The median share over sets; data: the data set of each. Over seeds: quantiles of the median
    of shares drawn from the chances of each set. Over sets: order statistics of the data sets'
    medians (Thompson, 1936), which need six."""
    told = [(one, name) for one, name in zip(found, data, strict=True) if not one.flat]
    shares = np.array([one.share for one, _ in told])
    flat, missed = len(found) - len(told), int(np.isinf(shares).sum())
    if not told:
        none = (np.nan, np.nan)
        return MedianShare(np.nan, np.nan, none, none, 0, flat, 0)
    names = sorted({name for _, name in told})
    each = [middle(np.array([one.share for one, own in told if own == name])) for name in names]
    seeds = (np.nan, np.nan)
    if not any(np.isnan(one.low) for one, _ in told):
        seeds = interval_of_median(np.stack([one.chances for one, _ in told]))
    sets = order_interval(np.array(each))
    if not np.isnan(sets[0] + seeds[0]):
        sets = min(sets[0], seeds[0]), max(sets[1], seeds[1])
    median, worst = float(middle(shares)), float(shares.max())
    return MedianShare(median, worst, seeds, sets, missed, flat, len(told))


def middle(values: Floats) -> Floats:
    """The median along the last axis; inf where one of the two in the middle is."""
    ordered, number = np.sort(values, axis=-1), values.shape[-1]
    low, high = ordered[..., (number - 1) // 2], ordered[..., number // 2]
    return np.where(np.isinf(high), np.inf, (low + high) / 2)


def interval_of_median(chances: Floats) -> tuple[float, float]:
    """The 95 % interval of the median of n independent shares with these chances (n, 400)."""
    drawn = rng(0, "median share").random((DRAWS, len(chances)))
    ends, rising = np.append(SHARES, np.inf), np.maximum.accumulate(chances, axis=1)
    columns = [ends[np.searchsorted(*pair)] for pair in zip(rising, drawn.T, strict=True)]
    medians = np.sort(middle(np.stack(columns, axis=1)))
    return float(medians[round(0.025 * DRAWS)]), float(medians[round(0.975 * DRAWS) - 1])


def order_interval(values: Floats) -> tuple[float, float]:
    """The 95 % interval of the median of what n values are a sample of; NaN for fewer than six."""
    from scipy.stats import binom

    rank = int(binom.ppf(0.025, len(values), 0.5))  # values outside, on either side
    if len(values) < 6:
        return np.nan, np.nan
    ordered = np.sort(values)
    return float(ordered[rank - 1]), float(ordered[-rank])
