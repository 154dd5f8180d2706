"""Summaries of a claim over the sets of each row: means, medians and worst sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.report.claims import ClaimResult, PairedResult
from al_bench.report.keys import Setting
from al_bench.report.savings import MedianShare, median_share
from al_bench.report.stats import Floats, Paired, quantile_t


@dataclass(frozen=True)
class MeanDifference:
    """A mean difference in the metric, with 95 % CIs over seeds and sets, NaN with one of them."""

    mean: float
    over_seeds: tuple[float, float]
    over_sets: tuple[float, float]


@dataclass(frozen=True)
class Summary:
    """A claim over the sets of one row. area, end: differences in area under the curve and at the
    full budget; share: of the budget, see `MedianShare`; verdicts: sets won, tied and lost by area;
    worst, worst_set: the lowest difference in area; ours, theirs: means at the full budget."""

    row: Setting
    area: MeanDifference
    end: MeanDifference
    share: MedianShare
    verdicts: tuple[int, int, int]
    worst: float
    worst_set: Setting
    ours: float
    theirs: float


def summaries(result: ClaimResult) -> list[Summary]:
    """The summaries of a claim's rows, in order."""
    return [summary(row, sets) for row, sets in result.rows().items()]


def summary(row: Setting, sets: Sequence[PairedResult]) -> Summary:
    """The summary of a claim over the sets of a row."""
    found, data = (
        [one.comparison for one in sets],
        [one.set.choice("dataset").config for one in sets],
    )
    verdicts = [one.area.verdict for one in found]
    worst = min(range(len(sets)), key=lambda at: found[at].area.difference)
    return Summary(
        row,
        mean_difference([one.area for one in found], data),
        mean_difference([one.end for one in found], data),
        median_share([one.efficiency for one in found], data),
        (verdicts.count("win"), verdicts.count("tie"), verdicts.count("loss")),
        found[worst].area.difference,
        sets[worst].set,
        *(float(np.mean([curve[-1] for curve in some])) for some in
          ([one.ours for one in sets], [one.theirs for one in sets])),
    )  # fmt: skip


def mean_difference(found: Sequence[Paired], data: Sequence[str]) -> MeanDifference:
    """The mean of paired differences, one a set, with its intervals; data: the set of each."""
    values = np.array([one.difference for one in found])
    errors = np.array([one.error for one in found])
    freedom = np.array([len(one.apart) - 1.0 for one in found])
    _, places = np.unique(list(data), return_inverse=True)
    return MeanDifference(float(values.mean()), *mean_limits(values, errors, freedom, places))


def mean_limits(
    values: Floats, errors: Floats, freedom: Floats, data: NDArray[np.integer[Any]]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of a mean over seeds, and over other data sets like these. All arguments are
    (n,): values, their standard errors with degrees of freedom, and indices of their data sets.

    Over seeds, errors are combined with the degrees of freedom of Welch and Satterthwaite (1947).
    Over data sets, the interval is from the spread between them (all sets of one together), which
    includes the error within them. It is never narrower than over seeds, and NaN for one data set.
    """
    mean, number, count = float(values.mean()), len(values), int(data.max()) + 1
    parts = errors**2
    within = float(np.sqrt(parts.sum())) / number
    apart = np.bincount(data, values - mean) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        free = float(parts.sum() ** 2 / (parts**2 / freedom).sum()) if within > 0 else 1.0
        between = float(np.sqrt(apart.sum() * count / (count - 1))) / number
    half = quantile_t(free) * within
    wide = max(half, quantile_t(count - 1) * between) if count > 1 else np.nan
    return (mean - half, mean + half), (mean - wide, mean + wide)
