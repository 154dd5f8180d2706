"""The tables of claims: all of a page over sets, each set by set, and a page at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeAlias

from al_bench.report.claims import ClaimResult, MeanDifference, PairedResult, Summary, summaries
from al_bench.report.keys import Setting
from al_bench.report.names import TITLES, Names, has_annotators
from al_bench.report.savings import MedianShare
from al_bench.report.tables.render import NONE, Table, interval, percent, share_text, shared, signed

OF_BUDGET = "share of the budget, %"
SHARES = (
    "Share of the budget: where ours reaches the opponent's final accuracy, the median over data "
    "sets (> 100: never); one less it is the saving. Sets: those whose opponent rises by two "
    "points or more. CIs hold the opponent fixed."
)
POINTS = (
    "Balanced accuracy of ours less the opponent's, in points, means over data sets: after the "
    "last label, and as area under the budget curve, by which sets are won, tied and lost at two "
    "standard errors."
)
Item: TypeAlias = tuple[ClaimResult, Summary]


def over_sets(results: Sequence[ClaimResult], names: Names) -> list[Table]:
    """All claims over sets: the share of the budget to each opponent's accuracy, and points."""
    items = [(result, one) for result in results for one in summaries(result)]
    rows = [one.row for _, one in items]
    first: dict[str, Callable[[Item], str]] = {"opponent": lambda item: item[0].claim.name}
    if len(set(rows)) > 1:
        first[row_of(rows)] = lambda item: names.all(item[1].row)
    shares: dict[str, Callable[[Item], str]] = {
        OF_BUDGET: lambda item: median_text(item[1].share),
        "95 % CI over seeds": lambda item: interval(*item[1].share.over_seeds),
        "95 % CI over data sets": lambda item: interval(*item[1].share.over_sets),
        "sets": lambda item: str(item[1].share.sets),
        "not reached in": lambda item: str(item[1].share.missed) if item[1].share.sets else NONE,
    }
    points: dict[str, Callable[[Item], str]] = {
        "at full budget": lambda item: signed(100 * item[1].end.mean),
        "by area": lambda item: signed(100 * item[1].area.mean),
        "worst set by area": lambda item: signed(100 * item[1].worst),
        **{
            f"sets {word}": lambda item, at=at: str(item[1].verdicts[at])  # type: ignore[misc]
            for at, word in enumerate(("won", "tied", "lost"))
        },
    }
    return [
        Table.of("Which share of the budget is enough?", items, first | shares, note=SHARES),
        Table.of("How many points above each opponent?", items, first | points, note=POINTS),
    ]


def row_of(rows: Sequence[Setting]) -> str:
    """What tells the rows of a table of claims apart."""
    groups = dict.fromkeys(choice.group for row in rows for choice in row.choices)
    told = [g for g in groups if g != "noise" or not any(map(has_annotators, rows))]
    return ", ".join(TITLES[group].lower() for group in told) or "noise"


def in_points(results: Sequence[ClaimResult], names: Names) -> Table:
    """The differences of every claim in points, with both intervals and the worst set."""
    items = [(result, one) for result in results for one in summaries(result)]

    def columns_of(what: str) -> dict[str, Callable[[Item], str]]:
        of: Callable[[Summary], MeanDifference] = attrgetter(what)
        return {
            f"{what}, points": lambda item: signed(100 * of(item[1]).mean, 2),
            f"{what}, 95 % CI over seeds": lambda item: interval(*of(item[1]).over_seeds, 1),
            f"{what}, 95 % CI over data sets": lambda item: interval(*of(item[1]).over_sets, 1),
        }

    columns = {
        "opponent": lambda item: f"{item[0].claim.name}, {names.all(item[1].row)}",
        **columns_of("end"),
        **columns_of("area"),
        "worst set by area, points": lambda item: signed(100 * item[1].worst, 2),
        "worst set": lambda item: names.all(item[1].worst_set),
        "largest share of the budget, %": lambda item: share_text(item[1].share.worst),
        "flat sets": lambda item: str(item[1].share.flat),
    }
    return Table.of("Claims in points", items, columns)


def at_a_glance(results: Sequence[ClaimResult], names: Names) -> Table:
    """A row a setting: final accuracies, and the share of the budget that ours needs for each."""
    by_row = [{one.row: one for one in summaries(result)} for result in results]
    rows = [row for row in by_row[0] if all(row in found for found in by_row)]
    columns: dict[str, Callable[[Setting], str]] = {"": names.all}
    for result, found in zip(results, by_row, strict=True):
        columns[f"{result.claim.name}, %"] = lambda row, found=found: percent(found[row].theirs)  # type: ignore[misc]
    columns["ours, %"] = lambda row: percent(by_row[0][row].ours)
    for result, found in zip(results, by_row, strict=True):
        reached = f"budget to reach {result.claim.name}, %"
        columns[reached] = lambda row, found=found: median_text(found[row].share)  # type: ignore[misc]
    note = (
        "Balanced accuracy after the last label, means over sets; the share of the budget at which "
        "ours reaches the opponent's, medians over sets."
    )
    return Table.of("At a glance", rows, columns, note=note)


def set_by_set(result: ClaimResult, names: Names) -> Table:
    """The results of a claim, one row per setting, by kind of noise or by annotators."""
    sets = sorted(result.sets, key=lambda one: one.row)
    columns: dict[str, Callable[[PairedResult], str]] = {
        "set": lambda one: names.all(one.set),
        row_of([one.row for one in sets]): lambda one: names.all(one.row),
        "area, points": lambda one: signed(100 * one.comparison.area.difference, 2),
        "full budget, points": lambda one: signed(100 * one.comparison.end.difference, 2),
        OF_BUDGET: lambda one: shared(one.comparison),
        "95 % CI over seeds": lambda one: interval(
            one.comparison.efficiency.low, one.comparison.efficiency.high
        ),
        "best opponent": lambda one: ", ".join(rival.name(names) for rival in one.opponents),
        "opponent at full budget, %": lambda one: percent(float(one.theirs[-1])),
        "ours at full budget, %": lambda one: percent(float(one.ours[-1])),
        "standard error of the area, points": lambda one: percent(one.comparison.area.error, 2),
        "verdict": lambda one: one.comparison.area.verdict,
        "seeds": lambda one: str(one.seeds),
    }
    title = f"Against {result.claim.name}, set by set"
    return Table.of(title, sets, columns, note=note(result, names))


def note(result: ClaimResult, names: Names) -> str:
    lacks = "; ".join(result.missing)
    if result.ours is None:
        return f"Not held: {lacks}."
    seeds = sorted({one.seeds for one in result.sets})
    many = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else "".join(map(str, seeds)) or "no"
    against = "the prior alone, a method without labels"
    if result.baselines:
        against = f"the best of {', '.join(map(names.method, result.baselines))}"
    times = ", each with and without multiplying its probabilities by the prior's"
    own = ", of which each data set has its own" * result.by_set
    ours = f"{names.method(result.ours)} (configuration {result.ours.id})"
    halves = " Two opponents: one half of the seeds chose each, and it is scored on the other half."
    text = f"{ours} against {against}{times * result.times_prior}{own}; {many} seeds."
    text += halves if any(len(one.opponents) > 1 for one in result.sets) else ""
    return text + (f" Not run: {lacks}." if lacks else "")


def median_text(share: MedianShare) -> str:
    """The median share in %, `not reached`, or `flat` where no set says anything."""
    return "flat" if not share.sets else share_text(share.median)
