"""The tables of claims: what each comes to over sets, and set by set."""

from __future__ import annotations

from dataclasses import astuple

from al_bench.report.claims import ClaimResult, FinalLevels
from al_bench.report.names import Names
from al_bench.report.summary import MeanSaving, Summary, summaries
from al_bench.report.tables.cells import (
    NONE,
    NOT_REACHED,
    Table,
    difference,
    fraction,
    limits,
    percent,
    saving_text,
    signed,
)

LEVELS = "prior alone / best opponent / ours / all labels without wrong ones, %"
READING = (
    "The best opponent is chosen in each setting by mean area under the curve on one half of the "
    "seeds and scored on the other, both ways (on all seeds where there are fewer than three). "
    "Savings are 1 - labels of ours / labels of the opponent, summed over all levels from the "
    "opponent's start to the highest that either reaches. A level that only one reaches counts in "
    "the proportion met at the highest that both reach, for which the lower one is charged its "
    "whole budget, between half and twice: a saving of −100 to 50 %. Means of savings are 1 - the "
    "geometric mean of the ratios of labels, with two 95 % intervals: over other data sets like "
    "these, and over other seeds of these sets. Not reached: sets in which ours does not get "
    "to the opponent's final level. Area and full budget: mean differences from the opponent; win "
    "and loss at two paired standard errors of the area. Levels are means over sets at the full "
    "budget. Targets refer to the saving over all levels."
)


def over_sets(result: ClaimResult, names: Names) -> Table:
    """What a claim comes to over the sets of each row, and whether it reaches its targets."""
    rows = tuple(
        (
            names.all(one.row),
            str(one.sets),
            f"{fraction(one.integrated.mean)} %",
            limits(*one.integrated.over_sets).strip() or NONE,
            f"{fraction(one.integrated.worst)} % ({names.all(one.integrated.worst_set)})",
            "/".join(map(str, one.verdicts)),
            limits(*one.integrated.over_seeds).strip() or NONE,
            final_text(one.final, one.sets),
            signed(100 * one.area, 2),
            signed(100 * one.accuracy, 2),
            levels_text(one.levels),
            targets_text(one),
        )
        for one in summaries(result)
    )
    header = (
        "settings",
        "sets",
        "labels saved",
        "95 % over data sets",
        "worst set",
        "win/tie/loss",
        "95 % over seeds",
        "saved at final level",
        "area, points",
        "full budget, points",
        LEVELS,
        "target mean / worst: reached",
    )
    return Table(f"Claims: {result.claim.name}", header, rows, note(result, names))


def note(result: ClaimResult, names: Names) -> str:
    """Who is held against whom, over how many seeds, and what was not run."""
    lacks = "; ".join(result.missing)
    if result.ours is None:
        return f"Not held: {lacks}."
    seeds = sorted({one.seeds for one in result.sets})
    many = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds)) or "no"
    against = ", ".join(map(names.method, result.baselines))
    times = ", each with and without multiplying its probabilities by the prior's"
    own = ", of which each data set has its own" * result.by_set
    ours = f"{names.method(result.ours)} (configuration {result.ours.id})"
    text = f"{ours} against the best of {against}{times * result.times_prior}{own}; {many} seeds."
    return text + (f" Not run: {lacks}." if lacks else "")


def final_text(one: MeanSaving, sets: int) -> str:
    """`41 % [35, 47] (2 of 12 not reached)`, with the interval over seeds."""
    if one.missed == sets:
        return NOT_REACHED
    missed = f" ({one.missed} of {sets} not reached)" if one.missed else ""
    return f"{fraction(one.mean)} %{limits(*one.over_seeds)}{missed}"


def levels_text(levels: FinalLevels) -> str:
    """`46.1 / 58.0 / 64.2 / –`."""
    return " / ".join(map(percent, astuple(levels)))


def targets_text(summary: Summary) -> str:
    """`75 % / 60 %: no`; where one of the two is reached, `no (worst)` says which is not."""
    if not summary.targets:
        return NONE
    goals = {goal.what: f"{fraction(goal.fraction)} %" for goal in summary.targets}
    wanted = " / ".join(goals.get(what, NONE) for what in ("mean", "worst"))
    failed = [goal.what for goal in summary.targets if not goal.reached]
    only = f" ({failed[0]})" if 0 < len(failed) < len(summary.targets) else ""
    return f"{wanted}: {'no' + only if failed else 'yes'}"


def set_by_set(result: ClaimResult, names: Names) -> Table:
    """A claim's rows: one a setting, by kind of noise or by annotators."""
    there = {choice.group for one in result.sets for choice in one.rows[0].choices}
    groups = [group for group in ("noise", "annotators") if group in there]
    rows = [
        (
            names.all(one.set),
            names.all(one.rows[0]),
            *(saving_text(one.comparison.saving(form)) for form in ("integrated", "final")),
            ", ".join(opponent.name(names) for opponent in one.opponents),
            *(difference(apart) for apart in (one.comparison.area, one.comparison.final)),
            levels_text(one.levels),
            str(one.seeds),
        )
        for one in sorted(result.sets, key=lambda one: one.rows[0])
    ]
    header = (
        "set",
        " and ".join(groups) or "noise",
        "labels saved",
        "at its final level",
        "best opponent",
        "area, points ± SE",
        "full budget, points ± SE",
        LEVELS,
        "seeds",
    )
    note = (
        "Savings on isotonic mean curves, with paired 95 % intervals over seeds. Two opponents: "
        "one was chosen by each half of the seeds, and scored on the other."
    )
    return Table(f"Claims: {result.claim.name}, set by set", header, tuple(rows), note)
