"""Summaries of a claim over the sets of each row: means, worst sets, targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.report.claims import ClaimResult, FinalLevels, PairedResult
from al_bench.report.keys import Setting
from al_bench.report.savings import CLOSE, Saving, saving_limits
from al_bench.report.selection import matches
from al_bench.report.spec import Claim
from al_bench.report.stats import Floats


@dataclass(frozen=True)
class MeanSaving:
    """A saving over sets: its mean, the worst one with its set, and the sets in which our method
    does not reach the level.

    The mean is 1 minus the geometric mean of the label ratios, so that half and twice the labels
    cancel, and the noise of few seeds does not bias it downwards.
    over_seeds: 95 % interval of the mean for these sets; over_sets: for other sets like these, with
    sets as a random sample too. NaN with one seed, or one set.
    """

    mean: float
    over_seeds: tuple[float, float]
    over_sets: tuple[float, float]
    missed: int
    worst: float
    worst_set: Setting


@dataclass(frozen=True)
class Goal:
    """A target for the `mean` or the `worst` saving over all levels, and whether it is reached."""

    what: str
    fraction: float
    reached: bool


@dataclass(frozen=True)
class Summary:
    """A claim over the sets of one row. area, accuracy: mean differences in area under the curve
    and at the full budget; verdicts: sets won, tied and lost by area; levels: means."""

    row: Setting
    sets: int
    integrated: MeanSaving
    final: MeanSaving
    area: float
    accuracy: float
    verdicts: tuple[int, int, int]
    levels: FinalLevels
    targets: tuple[Goal, ...]


def summaries(result: ClaimResult) -> list[Summary]:
    """The summaries of a claim's rows in order, pooled rows last."""
    return [summary(result.claim, row, sets) for row, sets in result.rows().items()]


def summary(claim: Claim, row: Setting, sets: Sequence[PairedResult]) -> Summary:
    """The summary of a claim over the sets of a row."""
    found = [one.comparison for one in sets]
    integrated = mean_saving(sets, [one.integrated for one in found])
    verdicts = [one.area.verdict for one in found]
    reached = {"mean": integrated.mean, "worst": integrated.worst}
    return Summary(
        row,
        len(sets),
        integrated,
        mean_saving(sets, [one.final for one in found]),
        float(np.mean([one.area.difference for one in found])),
        float(np.mean([one.end.difference for one in found])),
        (verdicts.count("win"), verdicts.count("tie"), verdicts.count("loss")),
        FinalLevels(*np.mean([astuple(one.levels) for one in sets], axis=0).tolist()),
        tuple(Goal(what, t, reached[what] >= t - CLOSE) for what, t in goals(claim, row)),
    )


def goals(claim: Claim, row: Setting) -> Iterator[tuple[str, float]]:
    """The mean and the worst saving to reach in a row, if there are targets for it."""
    for what in ("mean", "worst"):
        wanted = (getattr(t, what) for t in claim.targets if matches(row, t.rows))
        goal = next((one for one in wanted if one is not None), None)
        if goal is not None:
            yield what, goal


def mean_saving(sets: Sequence[PairedResult], savings: Sequence[Saving]) -> MeanSaving:
    """Mean, intervals and worst of the savings in some sets."""
    logs = np.log(1 - np.array([saving.value for saving in savings]))
    errors, freedom = np.array([(saving.error, saving.seeds - 1.0) for saving in savings]).T
    _, data = np.unique([one.set.choice("dataset").config for one in sets], return_inverse=True)
    worst = int(logs.argmax())
    missed = sum(not saving.reached_a for saving in savings)
    limits = mean_limits(logs, errors, freedom, data)
    mean = 1 - float(np.exp(logs.mean()))
    return MeanSaving(mean, *limits, missed, savings[worst].value, sets[worst].set)


def mean_limits(
    logs: Floats, errors: Floats, freedom: Floats, data: NDArray[np.integer[Any]]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of a mean saving over seeds, and over other sets like these. All arguments are
    (n,): logs of the ratios 1 - saving, their standard errors with degrees of freedom, and indices
    of their data sets.

    Over seeds, errors are combined with the degrees of freedom of Welch and Satterthwaite (1947).
    Over sets, the interval is from the spread between data sets (all sets of one together), which
    includes the error within them. It is never narrower than over seeds, and NaN for one data set.
    """
    mean, number, count = float(logs.mean()), len(logs), int(data.max()) + 1
    parts = errors**2
    within = float(np.sqrt(parts.sum())) / number
    apart = np.bincount(data, logs - mean) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        free = float(parts.sum() ** 2 / (parts**2 / freedom).sum()) if within > 0 else 1.0
        between = float(np.sqrt(apart.sum() * count / (count - 1))) / number
    seeds = saving_limits(mean, within, free)
    sets = saving_limits(mean, between, count - 1)
    wider = np.minimum(seeds[0], sets[0]), np.maximum(seeds[1], sets[1])
    return seeds, (float(wider[0]), float(wider[1]))
