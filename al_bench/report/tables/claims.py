"""The tables of claims: summaries over sets, and results by set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace

from al_bench.report.claims import ClaimResult, FinalLevels, PairedResult
from al_bench.report.names import Names
from al_bench.report.summary import MeanSaving, Summary, summaries
from al_bench.report.tables.cells import (
    NONE,
    NOT_REACHED,
    Table,
    difference,
    limits,
    percent,
    saving_text,
    share_of_budget,
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
    """The summary of a claim over the sets of each row, and whether it reaches its targets."""
    columns: dict[str, Callable[[Summary], str]] = {
        "settings": lambda one: names.all(one.row),
        "sets": lambda one: str(one.sets),
        "labels saved": lambda one: f"{share_of_budget(one.integrated.mean)} %",
        "95 % over data sets": lambda one: limits(*one.integrated.over_sets).strip() or NONE,
        "worst set": lambda one: (
            f"{share_of_budget(one.integrated.worst)} % ({names.all(one.integrated.worst_set)})"
        ),
        "win/tie/loss": lambda one: "/".join(map(str, one.verdicts)),
        "95 % over seeds": lambda one: limits(*one.integrated.over_seeds).strip() or NONE,
        "saved at final level": lambda one: final_text(one.final, one.sets),
        "area, points": lambda one: signed(100 * one.area, 2),
        "full budget, points": lambda one: signed(100 * one.accuracy, 2),
        LEVELS: lambda one: levels_text(one.levels),
        "target mean / worst: reached": targets_text,
    }
    table = Table.of(f"Claims: {result.claim.name}", summaries(result), columns)
    return replace(table, note=note(result, names))


def set_by_set(result: ClaimResult, names: Names) -> Table:
    """The results of a claim, one row per setting, by kind of noise or by annotators."""
    sets = sorted(result.sets, key=lambda one: one.rows[0])
    there = {choice.group for one in sets for choice in one.rows[0].choices}
    groups = [group for group in ("noise", "annotators") if group in there]
    columns: dict[str, Callable[[PairedResult], str]] = {
        "set": lambda one: names.all(one.set),
        " and ".join(groups) or "noise": lambda one: names.all(one.rows[0]),
        "labels saved": lambda one: saving_text(one.comparison.integrated),
        "at its final level": lambda one: saving_text(one.comparison.final),
        "best opponent": lambda one: ", ".join(rival.name(names) for rival in one.opponents),
        "area, points ± SE": lambda one: difference(one.comparison.area),
        "full budget, points ± SE": lambda one: difference(one.comparison.end),
        LEVELS: lambda one: levels_text(one.levels),
        "seeds": lambda one: str(one.seeds),
    }
    note = (
        "Savings on isotonic mean curves, with paired 95 % intervals over seeds. Two opponents: "
        "one was chosen by each half of the seeds, and scored on the other."
    )
    table = Table.of(f"Claims: {result.claim.name}, set by set", sets, columns)
    return replace(table, note=note)


def note(result: ClaimResult, names: Names) -> str:
    """The compared methods, the number of seeds, and the missing runs."""
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
    return f"{share_of_budget(one.mean)} %{limits(*one.over_seeds)}{missed}"


def levels_text(levels: FinalLevels) -> str:
    """`46.1 / 58.0 / 64.2 / –`."""
    return " / ".join(map(percent, astuple(levels)))


def targets_text(summary: Summary) -> str:
    """`75 % / 60 %: no`; if only one of the two is reached, `no (worst)` names the other."""
    if not summary.targets:
        return NONE
    goals = {goal.what: f"{share_of_budget(goal.fraction)} %" for goal in summary.targets}
    wanted = " / ".join(goals.get(what, NONE) for what in ("mean", "worst"))
    failed = [goal.what for goal in summary.targets if not goal.reached]
    only = f" ({failed[0]})" if 0 < len(failed) < len(summary.targets) else ""
    return f"{wanted}: {'no' + only if failed else 'yes'}"
