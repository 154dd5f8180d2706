"""The tables of claims: what each comes to over sets, and set by set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.claims import Claimed
from al_bench.analysis.names import Names
from al_bench.analysis.over_sets import Average, Extreme, Summary, summaries
from al_bench.report.tables.cells import NONE, Table, difference, fraction, saving_text, signed

READING = (
    "The best baseline is chosen in each setting by mean area under the curve over all seeds. "
    "Means over sets, with 95 % bootstrap intervals that resample the seeds within each set and "
    "keep the sets. Not reached: sets where ours does not get to the level are counted in "
    "brackets; they are no part of the mean, but the worst. Area and full budget: differences from "
    "the baseline; win and loss at two paired standard errors of the area. Targets refer to the "
    "saving over all levels; with a set that is not reached they are not reached."
)


def claim_tables(analysis: Analysis) -> list[Table]:
    """What the claims come to over sets; how to read it stands below the first."""
    shown = [over_sets(claimed, analysis.names) for claimed in analysis.claims]
    return [replace(table, note=f"{table.note} {READING}") for table in shown[:1]] + shown[1:]


def over_sets(claimed: Claimed, names: Names) -> Table:
    """What a claim comes to over the sets of each row, and whether it reaches its targets."""
    rows = []
    for summary in summaries(claimed):
        savings = (summary.integrated, summary.final)
        apart = (summary.area, summary.accuracy)
        rows.append(
            (
                names.all(summary.row),
                str(summary.sets),
                *(text for one in savings for text in (average_text(one), worst_text(one, names))),
                *(text for one in apart for text in extreme_texts(one, names)),
                "/".join(map(str, summary.verdicts)),
                targets_text(summary),
            )
        )
    header = (
        "settings",
        "sets",
        "saving over all levels, mean",
        "saving over all levels, worst set",
        "saving at final level, mean",
        "saving at final level, worst set",
        "area, points, mean",
        "area, points, worst set",
        "full budget, points, mean",
        "full budget, points, worst set",
        "win/tie/loss",
        "target mean / worst: reached",
    )
    return Table(f"Claims: {claimed.claim.name}", header, tuple(rows), note(claimed, names))


def note(claimed: Claimed, names: Names) -> str:
    """Who is held against whom, over how many seeds, and what was not run."""
    lacks = "; ".join(claimed.missing)
    if claimed.ours is None:
        return f"Not held: {lacks}."
    seeds = sorted({held.comparison.savings[0].seeds for held in claimed.sets})
    many = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds)) or "no"
    rivals = ", ".join(map(names.method, claimed.baselines))
    text = f"{names.method(claimed.ours)} against the best of {rivals}; {many} seeds."
    return text + (f" Not run: {lacks}." if lacks else "")


def average_text(one: Average) -> str:
    """`41 % [35, 47] (2 of 12 not reached)`."""
    if np.isnan(one.mean):
        return f"not reached ({one.missed} of {one.sets})"
    limits = "" if np.isnan(one.low) else f" [{fraction(one.low)}, {fraction(one.high)}]"
    missed = f" ({one.missed} of {one.sets} not reached)" if one.missed else ""
    return f"{fraction(one.mean)} %{limits}{missed}"


def worst_text(one: Average, names: Names) -> str:
    """`−5 % (cifar10)`, or `not reached` with the sets where it is not."""
    where = f"({', '.join(map(names.all, one.where))})"
    if one.missed:
        return f"not reached {where}"
    return f"{fraction(one.worst)} % {where}"


def extreme_texts(one: Extreme, names: Names) -> tuple[str, str]:
    return signed(100 * one.mean, 2), f"{signed(100 * one.worst, 2)} ({names.all(one.where)})"


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
    rows = []
    told = {c.group for held in claimed.sets for c in held.rows[0].choices}
    groups = [group for group in ("noise", "annotators") if group in told]
    for held in sorted(claimed.sets, key=lambda held: held.rows[0]):
        one = held.comparison
        rows.append(
            (
                names.all(held.set),
                names.all(held.rows[0]),
                names.method(one.baseline),
                *(saving_text(one.saving(form)) for form in ("integrated", "final")),
                *(difference(apart) for apart in (one.paired, one.final)),
                f"{one.savings[0].seeds}, {one.saving('integrated').kind}",
            )
        )
    header = (
        "set",
        " and ".join(groups) or "noise",
        "best baseline",
        "saving over all levels",
        "saving at its final level",
        "difference of area, points ± SE",
        "difference at full budget, points ± SE",
        "seeds, interval",
    )
    words = "Savings on isotonic mean curves, with paired 95 % intervals over seeds."
    return Table(f"Claims: {claimed.claim.name}, set by set", header, tuple(rows), words)
