"""The tables of claims: what each comes to over sets, and set by set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace

import numpy as np

from al_bench.analysis.beside_prior import Beside
from al_bench.analysis.claims import Claimed, Ends, Held, Rival
from al_bench.analysis.names import Names
from al_bench.analysis.over_sets import Above, Average, Extreme, Summary, summaries
from al_bench.report.tables.cells import (
    NONE,
    Table,
    difference,
    fraction,
    labels_text,
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
    "geometric mean of the ratios of labels, with two 95 % intervals: of the mean over these sets "
    "for other seeds, and over other sets like these. Not reached: sets in which ours does not get "
    "to the opponent's final level. Area and full budget: differences from the opponent; win and "
    "loss at two paired standard errors of the area. Levels are means over sets at the full "
    "budget. Targets refer to the saving over all levels."
)


def claim_tables(claims: Sequence[Claimed], names: Names, metric: str) -> list[Table]:
    """What the claims come to over sets; how to read it stands below the first."""
    shown = [over_sets(claimed, names, metric) for claimed in claims]
    return [replace(table, note=f"{table.note} {READING}") for table in shown[:1]] + shown[1:]


def over_sets(claimed: Claimed, names: Names, metric: str) -> Table:
    """What a claim comes to over the sets of each row, and whether it reaches its targets."""
    rows = []
    for summary in summaries(claimed):
        savings = (summary.integrated, summary.final)
        apart = (summary.area, summary.accuracy)
        rows.append(
            (
                names.all(summary.row),
                str(summary.sets),
                *(t for one in savings for t in (average_text(one, summary), worst(one, names))),
                *(text for one in apart for text in extreme_texts(one, names)),
                "/".join(map(str, summary.verdicts)),
                ends_text(summary.ends),
                *(above_text(one, summary) for one in summary.above),
                targets_text(summary),
            )
        )
    header = (
        "settings",
        "sets",
        "saving over all levels, mean [these sets] [sets like these]",
        "saving over all levels, worst set",
        "saving at final level, mean [these sets] [sets like these]",
        "saving at final level, worst set",
        "area, points, mean",
        "area, points, worst set",
        "full budget, points, mean",
        "full budget, points, worst set",
        "win/tie/loss",
        ENDS,
        *(
            f"above {level_name(level)}: sets, from labels, points"
            for level in claimed.claim.levels
        ),
        "target mean / worst: reached",
    )
    title = f"Claims: {claimed.claim.name}"
    return Table(title, header, tuple(rows), note(claimed, names, metric))


def note(claimed: Claimed, names: Names, metric: str) -> str:
    """Who is held against whom, over how many seeds, and what was not run."""
    lacks = "; ".join(claimed.missing)
    if claimed.ours is None:
        return f"Not held: {lacks}."
    seeds = sorted({held.seeds for held in claimed.sets})
    many = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds)) or "no"
    metrics = claimed.claim.rival_metrics or (metric,)
    rivals = (Rival(method, one) for one in metrics for method in claimed.baselines)
    against = ", ".join(rival_name(rival, names, metric) for rival in rivals)
    own = ", of which each data set has its own" if claimed.claim.by_set else ""
    ours = f"{names.method(claimed.ours)} (configuration {claimed.ours.id})"
    text = f"{ours} against the best of {against}{own}; {many} seeds."
    if claimed.claim.levels:
        levels = " and ".join(map(level_name, claimed.claim.levels))
        text += (
            f" Above {levels}: the sets in which ours ends above it, the median of the labels from "
            "which it is, and how far it ends above; where it does not in every set, no target is "
            "reached."
        )
    return text + (f" Not run: {lacks}." if lacks else "")


def rival_name(rival: Rival, names: Names, metric: str) -> str:
    """A baseline; with the prior where its model is multiplied by that at test time."""
    if rival.metric == metric:
        return names.method(rival.method)
    by = " x prior" if rival.metric == f"product_{metric}" else f" by {words(rival.metric)}"
    return names.method(rival.method) + by


def level_name(metric: str) -> str:
    """`prior alone` for the prior's own metrics and those of the models before the first label."""
    return "the prior alone" + ("" if metric.startswith("prior_") else f", {words(metric)}")


def words(metric: str) -> str:
    return metric.replace("_", " ")


def average_text(one: Average, summary: Summary) -> str:
    """`41 % [35, 47] [29, 52] (2 of 12 not reached)`."""
    missed = f" ({one.missed} of {summary.sets} not reached)" if one.missed else ""
    return f"{fraction(one.mean)} %{limits(*one.these)}{limits(*one.others)}{missed}"


def worst(one: Average, names: Names) -> str:
    """`−5 % (cifar10)`."""
    return f"{fraction(one.worst)} % ({names.all(one.where)})"


def extreme_texts(one: Extreme, names: Names) -> tuple[str, str]:
    return signed(100 * one.mean, 2), f"{signed(100 * one.worst, 2)} ({names.all(one.where)})"


def ends_text(ends: Ends) -> str:
    """`46.1 / 58.0 / 64.2 / –`."""
    return " / ".join(map(percent, astuple(ends)))


def above_text(one: Above, summary: Summary) -> str:
    """`11 of 12, from 40, +8.2`."""
    return (
        f"{one.sets} of {summary.sets}, from {labels_text(one.needed)}, {signed(100 * one.apart)}"
    )


def targets_text(summary: Summary) -> str:
    """`75 % / 60 %: no`; where one of the two is reached, `no (worst)` says which is not."""
    if not summary.targets:
        return NONE
    places = {goal.what: f"{fraction(goal.fraction)} %" for goal in summary.targets}
    wanted = " / ".join(places.get(what, NONE) for what in ("mean", "worst"))
    failed = [goal.what for goal in summary.targets if not goal.reached]
    only = f" ({failed[0]})" if 0 < len(failed) < len(summary.targets) else ""
    return f"{wanted}: {'no' + only if failed else 'yes'}"


def set_by_set(claimed: Claimed, names: Names, metric: str) -> Table:
    """A claim's rows: one a setting, by kind of noise or by annotators."""
    told = {c.group for held in claimed.sets for c in held.rows[0].choices}
    groups = [group for group in ("noise", "annotators") if group in told]
    rows = [
        tuple(cells(held, names, metric))
        for held in sorted(claimed.sets, key=lambda held: held.rows[0])
    ]
    header = (
        "set",
        " and ".join(groups) or "noise",
        "best opponent",
        "saving over all levels",
        "saving at its final level",
        "difference of area, points ± SE",
        "difference at full budget, points ± SE",
        ENDS,
        *(f"above {level_name(level)}: from labels, points" for level in claimed.claim.levels),
        "seeds",
    )
    note = (
        "Savings on isotonic mean curves, with paired 95 % intervals over seeds. Two opponents: "
        "one was chosen by each half of the seeds, and scored on the other."
    )
    return Table(f"Claims: {claimed.claim.name}, set by set", header, tuple(rows), note)


def cells(held: Held, names: Names, metric: str) -> Iterator[str]:
    """The cells of one set."""
    one = held.comparison
    yield names.all(held.set)
    yield names.all(held.rows[0])
    yield ", ".join(rival_name(rival, names, metric) for rival in held.opponents)
    yield from (saving_text(one.saving(form)) for form in ("integrated", "final"))
    yield from (difference(apart) for apart in (one.paired, one.final))
    yield ends_text(held.ends)
    yield from map(beside_text, held.beside)
    yield str(held.seeds)


def beside_text(one: Beside) -> str:
    """`from 40, +8.2`, or `never, −3.1`."""
    since = f"from {one.needed:.0f}" if np.isfinite(one.needed) else "never"
    return f"{since}, {signed(100 * (one.end - one.level))}"
