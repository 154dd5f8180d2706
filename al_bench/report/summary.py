"""What a claim comes to over the sets of each row: means, worst sets, targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.analysis.claims import Claimed, Ends, Held
from al_bench.analysis.keys import Place
from al_bench.analysis.savings import CLOSE, Floats, saving_limits
from al_bench.analysis.selection import matches
from al_bench.analysis.spec import Claim


@dataclass(frozen=True)
class Average:
    """A saving over sets: its mean, the worst and its set, and sets in which ours does not reach
    the level.

    The mean is 1 less the geometric mean of the ratios of labels, so that half and twice the labels
    make up for each other, and the noise of few seeds does not pull it down.
    these: 95 % interval of the mean over these sets, for other seeds; others: over other sets like
    these, for which sets are drawn too. NaN with one seed, or one set.
    """

    mean: float
    these: tuple[float, float]
    others: tuple[float, float]
    missed: int
    worst: float
    where: Place


@dataclass(frozen=True)
class Goal:
    """A target, of the `mean` or the `worst` saving over all levels, and whether it is reached."""

    what: str
    fraction: float
    reached: bool


@dataclass(frozen=True)
class Summary:
    """A claim over the sets of one row. area, accuracy: mean differences under the curve and at the
    full budget; verdicts: sets won, tied and lost by area; ends: means."""

    row: Place
    sets: int
    integrated: Average
    final: Average
    area: float
    accuracy: float
    verdicts: tuple[int, int, int]
    ends: Ends
    targets: tuple[Goal, ...]


def summaries(claimed: Claimed) -> list[Summary]:
    """A claim's rows in order, then the pooled ones."""
    return [summary(claimed.claim, row, sets) for row, sets in claimed.rows().items()]


def summary(claim: Claim, row: Place, sets: Sequence[Held]) -> Summary:
    """What a claim comes to over the sets of a row."""
    found = [held.comparison for held in sets]
    integrated, words = average(sets, "integrated"), [one.paired.verdict for one in found]
    reached = {"mean": integrated.mean, "worst": integrated.worst}
    return Summary(
        row,
        len(sets),
        integrated,
        average(sets, "final"),
        float(np.mean([one.paired.difference for one in found])),
        float(np.mean([one.final.difference for one in found])),
        (words.count("win"), words.count("tie"), words.count("loss")),
        Ends(*np.mean([astuple(held.ends) for held in sets], axis=0).tolist()),
        tuple(Goal(what, t, reached[what] >= t - CLOSE) for what, t in goals(claim, row)),
    )


def goals(claim: Claim, row: Place) -> Iterator[tuple[str, float]]:
    """The mean and the worst saving to reach in a row, as far as there are targets for it."""
    for what in ("mean", "worst"):
        wanted = (getattr(t, what) for t in claim.targets if matches(row, t.rows))
        goal = next((one for one in wanted if one is not None), None)
        if goal is not None:
            yield what, goal


def average(sets: Sequence[Held], form: str) -> Average:
    """Mean, intervals and worst of a saving."""
    savings = [held.comparison.saving(form) for held in sets]
    logs = np.log(1 - np.array([saving.value for saving in savings]))
    errors, freedom = np.array([(saving.error, saving.seeds - 1.0) for saving in savings]).T
    _, data = np.unique([held.set.choice("dataset").config for held in sets], return_inverse=True)
    last = int(logs.argmax())
    missed = sum(not saving.reached_a for saving in savings)
    limits = mean_limits(logs, errors, freedom, data)
    mean = 1 - float(np.exp(logs.mean()))
    return Average(mean, *limits, missed, savings[last].value, sets[last].set)


def mean_limits(
    logs: Floats, errors: Floats, freedom: Floats, data: NDArray[np.integer[Any]]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of a mean saving over these sets, and over others like them, all (n,): logs of
    the ratios 1 - saving with standard errors of so many degrees of freedom, and numbers of their
    data sets.

    These: errors add up, with the degrees of freedom of Welch and Satterthwaite (1947). Others: the
    spread between data sets (the rows of one go together), which holds the error within them; never
    narrower than for these, and one data set says nothing of others.
    """
    mean, number, count = float(logs.mean()), len(logs), int(data.max()) + 1
    parts = errors**2
    within = float(np.sqrt(parts.sum())) / number
    apart = np.bincount(data, logs - mean) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        free = float(parts.sum() ** 2 / (parts**2 / freedom).sum()) if within > 0 else 1.0
        between = float(np.sqrt(apart.sum() * count / (count - 1))) / number
    these = saving_limits(mean, within, free)
    others = saving_limits(mean, between, count - 1)
    wider = np.minimum(these[0], others[0]), np.maximum(these[1], others[1])
    return these, (float(wider[0]), float(wider[1]))
