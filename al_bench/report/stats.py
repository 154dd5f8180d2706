"""Statistics over seeds and settings, as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
CHUNK = 1000  # resamples evaluated at a time
FEW = 7  # up to this many seeds resamples repeat so often that each is evaluated once
SAME = 1e-8  # smaller differences are rounding


def errors(
    statistic: Callable[[Floats], Floats], seeds: int, resamples: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Estimates (f,) and their bootstrap standard errors (f,) over seeds; NaN with one seed.

    The variance over resamples is too small by a factor (seeds - 1) / seeds (Efron and Tibshirani,
    1993), which matters with few seeds, and is corrected. Use the errors with Student's t.
    """
    value = statistic(np.full((1, seeds), 1.0 / seeds))[0]
    if seeds < 2:
        return value, np.full(len(value), np.nan)
    spread = resampled(statistic, seeds, resamples, rng).std(axis=0)
    return value, np.asarray(spread * np.sqrt(seeds / (seeds - 1)))


def resampled(
    statistic: Callable[[Floats], Floats], seeds: int, resamples: int, rng: np.random.Generator
) -> Floats:
    """(resamples, f) values of f statistics on resamples of the seeds; NaN counts as -inf.

    With few seeds each distinct resample is evaluated once: five seeds have only 126.
    """
    draws = rng.integers(0, seeds, (resamples, seeds)) + seeds * np.arange(resamples)[:, None]
    counts = np.bincount(draws.ravel(), minlength=draws.size).reshape(draws.shape)
    first = places = np.arange(resamples)
    if seeds <= FEW:
        codes = counts @ (seeds + 1) ** np.arange(seeds)
        _, first, places = np.unique(codes, return_index=True, return_inverse=True)
    parts = np.array_split(counts[first] / seeds, -(-len(first) // CHUNK))
    values = np.concatenate([statistic(part) for part in parts])
    return np.asarray(np.where(np.isnan(values), -np.inf, values)[places])


def t_band(curves: Floats) -> Floats:
    """(p,) half-width of the 95 % t interval of the mean of curves (s, p); zero with one seed."""
    from scipy.stats import t

    seeds = len(curves)
    if seeds < 2:
        return np.zeros(curves.shape[1])
    error = curves.std(axis=0, ddof=1) / np.sqrt(seeds)
    return np.asarray(t.ppf(0.975, seeds - 1) * error)


@dataclass(frozen=True, eq=False)
class Paired:
    """A paired comparison over seeds, from one difference per seed."""

    apart: Floats

    @cached_property
    def difference(self) -> float:
        """The mean difference."""
        return 0.0 if self.same else float(self.apart.mean())

    @cached_property
    def error(self) -> float:
        """The standard error of the mean difference; NaN with one seed."""
        seeds = len(self.apart)
        return float(self.apart.std(ddof=1) / np.sqrt(seeds)) if seeds > 1 else np.nan

    @cached_property
    def same(self) -> bool:
        """Whether there are several seeds and all differences are only rounding."""
        return len(self.apart) > 1 and bool(np.abs(self.apart).max() <= SAME)

    @property
    def verdict(self) -> str:
        """win, tie or loss at two paired standard errors."""
        if abs(self.difference) <= 2 * self.error or np.isnan(self.error):
            return "tie"
        return "win" if self.difference > 0 else "loss"


def ranks(scores: Floats) -> Floats:
    """(n, k) ranks within each row, 1 is the highest score; ties share their mean rank."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-scores, axis=1))


def friedman(scores: Floats) -> float:
    """p-value of the hypothesis that k methods rank alike over n settings, scores (n, k).

    Friedman (1937); NaN with fewer than three methods or two settings.
    """
    from scipy.stats import friedmanchisquare

    if scores.shape[0] < 2 or scores.shape[1] < 3:
        return float("nan")
    return float(friedmanchisquare(*scores.T).pvalue)


def critical_difference(methods: int, settings: int) -> float:
    """Mean ranks closer than this do not differ at 5 % (Nemenyi, 1963; Demšar, 2006)."""
    from scipy.stats import studentized_range

    q = studentized_range.ppf(0.95, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * settings)))
