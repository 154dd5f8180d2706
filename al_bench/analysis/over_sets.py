"""What a claim comes to over the sets of each row: means, worst sets, targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.claims import FORMS, Claimed, Held
from al_bench.analysis.keys import Place
from al_bench.analysis.savings import CLOSE
from al_bench.analysis.selection import matches
from al_bench.analysis.spec import Claim


@dataclass(frozen=True)
class Average:
    """A saving over sets: mean and 95 % interval over those where it can be claimed, and the worst.

    missed: of `sets`, those where ours does not reach the level, which are the worst ones; where:
    the worst sets. The baseline always reaches its own levels, so there are no lower bounds.
    """

    mean: float
    low: float
    high: float
    sets: int
    missed: int
    worst: float
    where: tuple[Place, ...]


@dataclass(frozen=True)
class Extreme:
    """A difference over sets: its mean, and the worst with its set."""

    mean: float
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
    """A claim over the sets of one row; verdicts: sets won, tied and lost by area."""

    row: Place
    sets: int
    integrated: Average
    final: Average
    area: Extreme
    accuracy: Extreme
    verdicts: tuple[int, int, int]
    targets: tuple[Goal, ...]


def summaries(claimed: Claimed) -> list[Summary]:
    """A claim's rows in order, then the pooled ones."""
    return [summary(claimed.claim, row, sets) for row, sets in claimed.rows().items()]


def summary(claim: Claim, row: Place, sets: Sequence[Held]) -> Summary:
    """What a claim comes to over the sets of a row."""
    integrated, words = average(sets, "integrated"), [h.comparison.paired.verdict for h in sets]
    ends = {"mean": -np.inf if integrated.missed else integrated.mean, "worst": integrated.worst}
    return Summary(
        row,
        len(sets),
        integrated,
        average(sets, "final"),
        extreme(sets, [held.comparison.paired.difference for held in sets]),
        extreme(sets, [held.comparison.final.difference for held in sets]),
        (words.count("win"), words.count("tie"), words.count("loss")),
        tuple(Goal(w, t, ends[w] >= t - CLOSE) for w, t in goals(claim, row)),
    )


def goals(claim: Claim, row: Place) -> Iterator[tuple[str, float]]:
    """The mean and the worst saving to reach in a row, as far as there are targets for it."""
    for what in ("mean", "worst"):
        wanted = (getattr(t, what) for t in claim.targets if matches(row, t.rows))
        goal = next((one for one in wanted if one is not None), None)
        if goal is not None:
            yield what, goal


def average(sets: Sequence[Held], form: str) -> Average:
    """Mean, interval and worst of a saving; seeds are resampled within each set, sets are fixed."""
    savings = [held.comparison.saving(form) for held in sets]
    values = np.array([saving.value for saving in savings])
    names, there = [held.set for held in sets], np.isfinite(values)
    missed = tuple(name for name, ok in zip(names, there, strict=True) if not ok)
    if not there.any():
        return Average(np.nan, np.nan, np.nan, len(sets), len(missed), -np.inf, missed)
    kept = np.flatnonzero(there).tolist()
    draws = [sets[i].resampled[:, FORMS.index(form)] for i in kept]
    low = high = np.nan
    if all(map(len, draws)):
        low, high = stats.quantiles(np.mean(draws, axis=0), np.array([0.025, 0.975]))
    last = kept[int(values[kept].argmin())]
    worst, where = (-np.inf, missed) if missed else (float(values[last]), (names[last],))
    return Average(values[kept].mean(), low, high, len(sets), len(missed), worst, where)


def extreme(sets: Sequence[Held], differences: list[float]) -> Extreme:
    last = int(np.argmin(differences))
    return Extreme(float(np.mean(differences)), differences[last], sets[last].set)
