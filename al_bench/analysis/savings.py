"""How many labels a method saves over another, in three forms, on mean learning curves.

Curves are (b, p): b mean curves (one, or one for each bootstrap resample) at p label counts. They
are used as they are and after isotonic regression; nothing else smooths them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from al_bench.analysis.stats import interval

Floats: TypeAlias = NDArray[np.floating[Any]]
CLOSE = 1e-9  # a level counts as reached within rounding


def area(curves: Floats, labels: Floats, log: bool) -> Floats:
    """(...,) area under curves (..., p) over labels (or log labels) divided by the range."""
    from scipy.integrate import trapezoid

    if len(labels) == 1:
        return curves[..., 0]
    grid = np.log(labels) if log else labels
    return np.asarray(trapezoid(curves, grid, axis=-1) / (grid[-1] - grid[0]))


def isotonic(curves: Floats) -> Floats:
    """(b, p) the non-decreasing least-squares fit to each curve (Barlow et al., 1972).

    By the min-max formula, ``max over j <= i of min over k >= i of mean(curve[j..k])``, for all
    curves at once; time and memory O(b p^2).
    """
    points = curves.shape[1]
    first, last = np.arange(points)[:, None], np.arange(points)[None, :]
    sums = np.concatenate([np.zeros((len(curves), 1)), np.cumsum(curves, axis=1)], axis=1)
    means = (sums[:, None, 1:] - sums[:, :-1, None]) / np.maximum(last - first + 1, 1)
    lowest = np.minimum.accumulate(means[:, :, ::-1], axis=2)[:, :, ::-1]
    return np.asarray(np.where(first <= last, lowest, -np.inf).max(axis=1))


def labels_needed(curves: Floats, labels: Floats, targets: Floats) -> Floats:
    """(b, t) labels at which each curve first reaches each of its targets (b, t); labels: (p,), or
    (b, p) where each curve has its own.

    Linear between points; the first point's count where it is reached there already; inf where it
    is never reached.
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


def saved(need_a: Floats, need_b: Floats, budget: float) -> Floats:
    """The fraction of b's labels that a saves.

    -inf where only b gets there; where only a does, what it saves at least (b needs more than its
    whole budget); NaN where neither does.
    """
    with np.errstate(invalid="ignore"):
        ratio = need_a / np.where(np.isfinite(need_b), need_b, budget)
    neither = ~np.isfinite(need_a) & ~np.isfinite(need_b)
    return np.where(neither, np.nan, 1.0 - ratio)


def integrated(a: Floats, b: Floats, labels: Floats) -> Floats:
    """(b,) the saving summed over all levels from b's start to the highest that both reach.

    Exact for curves linear between points. -inf where a never reaches b's start, 0 where b's
    curve never rises above it.
    """
    low, high = b[:, 0], np.minimum(a.max(axis=1), b.max(axis=1))
    spent_a, spent_b = (labels_over_levels(curve, labels, low, high) for curve in (a, b))
    safe = np.where(spent_b > 0, spent_b, 1.0)
    result = np.where(spent_b > 0, 1.0 - spent_a / safe, 0.0)
    return np.where(high < low - CLOSE, -np.inf, result)


def labels_over_levels(curves: Floats, labels: Floats, low: Floats, high: Floats) -> Floats:
    """(b,) integral over levels low..high of the labels at which a curve first reaches a level."""
    # a level is first crossed in the segment that lifts the highest value met so far above it
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
    """The labels method a saves over method b at one target, as a fraction of b's labels.

    form: `final`, a fraction of the gap, or `integrated`; target: the level (NaN if integrated);
    value, low, high: estimate and 95 % interval (-inf: a does not get there; NaN: neither does);
    at_least: b does not get there, the value is a lower bound; missed_a, missed_b: fraction of
    seeds whose own curve misses the target; kind: BCa or percentile.
    """

    form: str
    smooth: bool
    target: float
    value: float
    low: float
    high: float
    at_least: bool
    missed_a: float
    missed_b: float
    kind: str
    seeds: int


def all_forms(a: Floats, b: Floats, labels: Floats, levels: Floats, fits: Sequence[bool]) -> Floats:
    """(b, f (2 + t)) savings: final, each level, integrated; by f fits: isotonic (True) or raw."""
    targets = np.column_stack([last_level(b, labels), np.tile(levels, (len(b), 1))])
    columns = []
    for smooth in fits:
        one, other = (isotonic(a), isotonic(b)) if smooth else (a, b)
        need_a, need_b = (labels_needed(curve, labels, targets) for curve in (one, other))
        columns.append(saved(need_a, need_b, float(labels[-1])))
        columns.append(integrated(one, other, labels)[:, None])
    return np.concatenate(columns, axis=1)


def compare(
    a: Floats,
    b: Floats,
    labels: Floats,
    reference: float,
    gaps: tuple[float, ...],
    resamples: int,
    rng: np.random.Generator,
    fits: Sequence[bool] = (True, False),
) -> list[Saving]:
    """All forms of the labels a saves over b, with intervals; a and b are (s, p), paired by seed.

    The targets in the gap between b's start and `reference` are fixed; the target `final` is that
    of each resample. A resample in which neither gets there counts against the saving.
    """
    start = float(b[:, 0].mean())
    levels = start + np.array(gaps) * (reference - start)
    found = interval(
        lambda weights: all_forms(weights @ a, weights @ b, labels, levels, fits),
        len(a),
        resamples,
        rng,
    )
    targets = np.array([*last_level(b.mean(axis=0, keepdims=True), labels), *levels])
    forms = ["final", *(f"{100 * gap:g} % of the gap" for gap in gaps), "integrated"]
    results = []
    for number, (form, smooth) in enumerate((f, s) for s in fits for f in forms):
        value, low, high = (float(part[number]) for part in (found.value, found.low, found.high))
        target, missed_a, missed_b, open_end = np.nan, 0.0, 0.0, False
        if form != "integrated":
            target = float(targets[forms.index(form)])
            missed_a, missed_b = (missed(curves, labels, target, smooth) for curves in (a, b))
            mean = b.mean(axis=0, keepdims=True)
            open_end = bool(np.isfinite(value)) and missed(mean, labels, target, smooth) > 0
        ends = (value, low, high, open_end, missed_a, missed_b)
        results.append(Saving(form, smooth, target, *ends, found.kind[number], len(a)))
    return results


def missed(curves: Floats, labels: Floats, target: float, smooth: bool) -> float:
    """The fraction of curves (s, p) that never reach the target."""
    fits = isotonic(curves) if smooth else curves
    return float(np.isinf(labels_needed(fits, labels, np.full((len(fits), 1), target))).mean())
