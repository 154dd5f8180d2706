"""Statistics over seeds and settings, as pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
SAME = 1e-8  # smaller differences are rounding


@cache
def quantile_t(freedom: float) -> float:
    """Student's 97.5 % quantile."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def t_band(curves: Floats) -> Floats:
    """(p,) half-width of the 95 % t interval of the mean of curves (s, p); zero with one seed."""
    seeds = len(curves)
    if seeds < 2:
        return np.zeros(curves.shape[1])
    error = curves.std(axis=0, ddof=1) / np.sqrt(seeds)
    return np.asarray(quantile_t(seeds - 1) * error)


@dataclass(frozen=True, eq=False)
class Paired:
    """A paired comparison over seeds, from one difference per seed."""

    apart: Floats

    @cached_property
    def difference(self) -> float:
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
    """p-value (Friedman, 1937) that k methods rank alike over n settings, scores (n, k)."""
    from scipy.stats import friedmanchisquare

    if scores.shape[0] < 2 or scores.shape[1] < 3:
        return float("nan")
    return float(friedmanchisquare(*scores.T).pvalue)


def critical_difference(methods: int, settings: int) -> float:
    """Mean ranks closer than this do not differ at 5 % (Nemenyi, 1963; Demšar, 2006)."""
    from scipy.stats import studentized_range

    q = studentized_range.ppf(0.95, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * settings)))
