"""The tables of claims: what each comes to over sets, and set by set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

from al_bench.analysis.claims import Claimed, Ends, Held, rival_name
from al_bench.analysis.names import Names
from al_bench.analysis.over_sets import Average, Summary, summaries
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

ENDS = "prior alone / best opponent / ours / all labels without wrong ones, %"
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


def over_sets(claimed: Claimed, names: Names) -> Table:
    """What a claim comes to over the sets of each row, and whether it reaches its targets."""
    rows = tuple(
        (
            names.all(one.row),
            str(one.sets),
            f"{fraction(one.integrated.mean)} %",
            limits(*one.integrated.others).strip() or NONE,
            f"{fraction(one.integrated.worst)} % ({names.all(one.integrated.where)})",
            "/".join(map(str, one.verdicts)),
            limits(*one.integrated.these).strip() or NONE,
            final_text(one.final, one.sets),
            signed(100 * one.area, 2),
            signed(100 * one.accuracy, 2),
            ends_text(one.ends),
            targets_text(one),
        )
        for one in summaries(claimed)
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
        ENDS,
        "target mean / worst: reached",
    )
    return Table(f"Claims: {claimed.claim.name}", header, rows, note(claimed, names))


def note(claimed: Claimed, names: Names) -> str:
    """Who is held against whom, over how many seeds, and what was not run."""
    lacks = "; ".join(claimed.missing)
    if claimed.ours is None:
        return f"Not held: {lacks}."
    seeds = sorted({held.seeds for held in claimed.sets})
    many = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds)) or "no"
    against = ", ".join(map(names.method, claimed.baselines))
    times = ", each with and without multiplying its probabilities by the prior's"
    own = ", of which each data set has its own" * claimed.by_set
    ours = f"{names.method(claimed.ours)} (configuration {claimed.ours.id})"
    text = f"{ours} against the best of {against}{times * claimed.times_prior}{own}; {many} seeds."
    return text + (f" Not run: {lacks}." if lacks else "")


def final_text(one: Average, sets: int) -> str:
    """`41 % [35, 47] (2 of 12 not reached)`, with the interval over seeds."""
    if one.missed == sets:
        return NOT_REACHED
    missed = f" ({one.missed} of {sets} not reached)" if one.missed else ""
    return f"{fraction(one.mean)} %{limits(*one.these)}{missed}"


def ends_text(ends: Ends) -> str:
    """`46.1 / 58.0 / 64.2 / –`."""
    return " / ".join(map(percent, astuple(ends)))


def targets_text(summary: Summary) -> str:
    """`75 % / 60 %: no`; where one of the two is reached, `no (worst)` says which is not."""
    if not summary.targets:
        return NONE
    places = {goal.what: f"{fraction(goal.fraction)} %" for goal in summary.targets}
    wanted = " / ".join(places.get(what, NONE) for what in ("mean", "worst"))
    failed = [goal.what for goal in summary.targets if not goal.reached]
    only = f" ({failed[0]})" if 0 < len(failed) < len(summary.targets) else ""
    return f"{wanted}: {'no' + only if failed else 'yes'}"


def set_by_set(claimed: Claimed, names: Names) -> Table:
    """A claim's rows: one a setting, by kind of noise or by annotators."""
    told = {c.group for held in claimed.sets for c in held.rows[0].choices}
    groups = [group for group in ("noise", "annotators") if group in told]
    rows = [
        tuple(cells(held, names)) for held in sorted(claimed.sets, key=lambda held: held.rows[0])
    ]
    header = (
        "set",
        " and ".join(groups) or "noise",
        "labels saved",
        "at its final level",
        "best opponent",
        "area, points ± SE",
        "full budget, points ± SE",
        ENDS,
        "seeds",
    )
    note = (
        "Savings on isotonic mean curves, with paired 95 % intervals over seeds. Two opponents: "
        "one was chosen by each half of the seeds, and scored on the other."
    )
    return Table(f"Claims: {claimed.claim.name}, set by set", header, tuple(rows), note)


def cells(held: Held, names: Names) -> Iterator[str]:
    """The cells of one set."""
    one = held.comparison
    yield names.all(held.set)
    yield names.all(held.rows[0])
    yield from (saving_text(one.saving(form)) for form in ("integrated", "final"))
    yield ", ".join(rival_name(rival, names) for rival in held.opponents)
    yield from (difference(apart) for apart in (one.paired, one.final))
    yield ends_text(held.ends)
    yield str(held.seeds)
