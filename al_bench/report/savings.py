"""The labels that a method saves over another, at one level and over all, by mean learning curves.

Curves are (b, p): b mean curves (one, or one per bootstrap resample) at p label counts. They are
compared after isotonic regression, without other smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.report import stats
from al_bench.report.stats import Floats

CLOSE = 1e-9  # a level counts as reached within rounding
MOST = 2.0  # limit of `edge`: at most this many times the labels, at least 1 / MOST


def area(curves: Floats, labels: Floats) -> Floats:
    """(...,) area under curves (..., p) over labels divided by their range."""
    from scipy.integrate import trapezoid

    if len(labels) == 1:
        return curves[..., 0]
    return np.asarray(trapezoid(curves, labels, axis=-1) / (labels[-1] - labels[0]))


def isotonic(curves: Floats) -> Floats:
    """(b, p) the non-decreasing least-squares fit to each curve (Barlow et al., 1972).

    By the min-max formula, ``max over j <= i of min over k >= i of mean(curve[j..k])``, for all
    curves at once; O(b p^2).
    """
    points = curves.shape[1]
    sums = np.concatenate([np.zeros((1, len(curves))), np.cumsum(curves, axis=1).T])
    fit = np.full((points, len(curves)), -np.inf)
    for first in range(points):
        means = (sums[first + 1 :] - sums[first]) / np.arange(1, points - first + 1)[:, None]
        lowest = np.minimum.accumulate(means[::-1])[::-1]
        np.maximum(fit[first:], lowest, out=fit[first:])
    return np.ascontiguousarray(fit.T)


def labels_needed(curves: Floats, labels: Floats, targets: Floats) -> Floats:
    """(b, t) labels at which each curve first reaches each of its targets (b, t); labels: (p,), or
    (b, p) if each curve has its own.

    Linear between points; the first point's count if it is reached there; inf if never reached.
    """
    reached = curves[:, :, None] >= targets[:, None, :] - CLOSE
    at = reached.argmax(axis=1)
    before = np.maximum(at - 1, 0)
    high, low = np.take_along_axis(curves, at, 1), np.take_along_axis(curves, before, 1)
    rise = np.where(high > low, high - low, 1.0)
    fraction = np.where(at > 0, np.clip((targets - low) / rise, 0.0, 1.0), 0.0)
    grid = np.broadcast_to(labels, curves.shape)
    start, end = np.take_along_axis(grid, before, 1), np.take_along_axis(grid, at, 1)
    needed = start + fraction * (end - start)
    return np.where(reached.any(axis=1), needed, np.inf)


def last_level(curves: Floats, labels: Floats) -> Floats:
    """(b,) mean of each curve over the last 10 % of its budget: less noisy than its last point."""
    return np.asarray(curves[:, labels >= 0.9 * labels[-1]].mean(axis=1))


def edge(a: Floats, b: Floats, labels: Floats) -> Floats:
    """(b,) the ratio used for levels that only one curve reaches, in labels of a per label of b.

    It is the ratio at the highest level that both reach (the top of the lower curve), with the
    whole budget charged to the lower curve, clipped to [1 / `MOST`, `MOST`]. If one curve is the
    other with its labels scaled by a factor in that range, it is exactly that factor. The clipping
    bounds the effect of levels that one method never reached, in both directions.
    """
    top_a, top_b = a.max(axis=1), b.max(axis=1)
    shared = np.minimum(top_a, top_b)[:, None]
    need_a, need_b = (labels_needed(curves, labels, shared)[:, 0] for curves in (a, b))
    need_a = np.where(top_a < top_b - CLOSE, labels[-1], need_a)
    need_b = np.where(top_b < top_a - CLOSE, labels[-1], need_b)
    return np.clip(need_a / need_b, 1 / MOST, MOST)


def ratio_at(
    a: Floats, b: Floats, labels: Floats, targets: Floats, beyond: Floats | None = None
) -> Floats:
    """(b, t) labels of a per label of b at each of the targets (b, t); beyond: `edge`, if known."""
    need_a, need_b = (labels_needed(curves, labels, targets) for curves in (a, b))
    both = np.isfinite(need_a) & np.isfinite(need_b)
    ratio = np.where(both, need_a, 1.0) / np.where(both, need_b, 1.0)
    beyond = edge(a, b, labels) if beyond is None else beyond
    return np.where(both, ratio, beyond[:, None])


def ratio_over_levels(a: Floats, b: Floats, labels: Floats, beyond: Floats | None = None) -> Floats:
    """(b,) labels of a per label of b, each integrated over all levels from b's start to the
    highest that either reaches.

    Exact for curves linear between points; above the levels that both reach, the ratio is `edge`.
    Without levels above b's start, it is the ratio at b's start. beyond: `edge`, if known.
    """
    low, top_a, top_b = b[:, 0], a.max(axis=1), b.max(axis=1)
    shared, high = np.maximum(np.minimum(top_a, top_b), low), np.maximum(top_a, top_b)
    spent_a, spent_b = (labels_over_levels(curves, labels, low, high) for curves in (a, b))
    alone_a, alone_b = (labels_over_levels(curves, labels, shared, high) for curves in (a, b))
    beyond = edge(a, b, labels) if beyond is None else beyond
    spent_a, spent_b = spent_a + alone_b * beyond, spent_b + alone_a / beyond
    some = high - low > CLOSE
    ratio = spent_a / np.where(some, spent_b, 1.0)
    if some.all():
        return np.asarray(ratio)
    return np.where(some, ratio, ratio_at(a, b, labels, low[:, None], beyond)[:, 0])


def labels_over_levels(curves: Floats, labels: Floats, low: Floats, high: Floats) -> Floats:
    """(b,) integral over levels low..high of the labels at which a curve first reaches a level;
    levels above its top count zero."""
    # a level is first crossed in the segment that raises the running maximum above it
    met = np.maximum.accumulate(curves, axis=1)
    low, high = low[:, None], np.maximum(low, high)[:, None]
    met = np.clip(met, low, high)
    bottom, top = met[:, :-1], met[:, 1:]
    rise = np.where(top > bottom, np.diff(curves, axis=1), 1.0)
    fraction = ((bottom + top) / 2 - curves[:, :-1]) / rise
    middle = labels[:-1] + fraction * np.diff(labels)
    first = (met[:, 0] - low[:, 0]) * labels[0]
    return np.asarray(first + np.where(top > bottom, (top - bottom) * middle, 0.0).sum(axis=1))


@dataclass(frozen=True)
class Saving:
    """The labels that method a saves over method b, as a fraction of b's labels.

    value, low, high: estimate and 95 % interval (NaN with one seed); error: the standard error of
    log(1 - value), the log ratio; reached_a, reached_b: whether the mean curve reaches the level.
    """

    value: float
    error: float
    low: float
    high: float
    reached_a: bool
    reached_b: bool
    seeds: int


def both_forms(a: Floats, b: Floats, labels: Floats) -> Floats:
    """(b, 2) logs of the labels of a per label of b, on isotonic fits: at b's last level and over
    all levels."""
    last = last_level(b, labels)[:, None]
    a, b = isotonic(a), isotonic(b)
    beyond = edge(a, b, labels)
    final = ratio_at(a, b, labels, last, beyond)[:, 0]
    integrated = ratio_over_levels(a, b, labels, beyond)
    return np.asarray(np.log(np.stack([final, integrated], axis=1)))


def saved(
    a: Floats, b: Floats, labels: Floats, resamples: int, rng: np.random.Generator
) -> tuple[Saving, Saving]:
    """The labels that a saves over b, with intervals: at b's last level (in each resample its own),
    and over all levels; a and b are (s, p) scores, paired by seed."""
    logs, errors = stats.errors(
        lambda weights: both_forms(weights @ a, weights @ b, labels), len(a), resamples, rng
    )
    means = [curves.mean(axis=0, keepdims=True) for curves in (a, b)]
    level = last_level(means[1], labels)[:, None]
    reached = [bool(np.isfinite(labels_needed(isotonic(m), labels, level)).all()) for m in means]

    def saving(log: float, error: float, reached_a: bool, reached_b: bool) -> Saving:
        limits = saving_limits(log, error, len(a) - 1)
        saved = 1 - float(np.exp(log))
        return Saving(saved, float(error), *limits, reached_a, reached_b, len(a))

    final = saving(logs[0], errors[0], *reached)
    return final, saving(logs[1], errors[1], True, True)


def saving_limits(log: float, error: float, freedom: float) -> tuple[float, float]:
    """The ends of the 95 % t interval of a saving, from its log ratio and the standard error of
    that."""
    from scipy.stats import t

    half = t.ppf(0.975, freedom) * error if freedom > 0 else np.nan
    return 1 - float(np.exp(log + half)), 1 - float(np.exp(log - half))
