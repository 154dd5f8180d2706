"""Claims: one method against the best of some baselines, set by set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.comparison import Comparison, held_against, resamples_of, strongest
from al_bench.analysis.curves import Floats, Setting
from al_bench.analysis.keys import ALL, Choice, Method, Place
from al_bench.analysis.names import Names, asked
from al_bench.analysis.savings import all_forms
from al_bench.analysis.selection import NoMatchError, chosen, matches, only, said
from al_bench.analysis.sides import Sides
from al_bench.analysis.spec import Claim, ReportSpec

FORMS = ("final", "integrated")  # columns of a set's resamples


@dataclass(frozen=True)
class Held:
    """One set of a claim: its setting, the rows it counts in (its kind of noise, and all rates of
    it; or its annotators, and all of them), what tells it apart there, the comparison with its best
    baseline and (b, 2) resamples."""

    place: Place
    rows: tuple[Place, ...]
    set: Place
    comparison: Comparison
    resampled: Floats


@dataclass(frozen=True)
class Claimed:
    """A claim's method and baselines, its sets in order, and in sentences what it lacks."""

    claim: Claim
    ours: Method | None
    baselines: tuple[Method, ...]
    sets: tuple[Held, ...]
    missing: tuple[str, ...]

    def rows(self) -> dict[Place, list[Held]]:
        """Sets by row in order; last the rows over all rates, where there are several."""
        found: dict[Place, list[Held]] = {}
        for held in self.sets:
            for row in held.rows:
                found.setdefault(row, []).append(held)
        return {
            row: found[row]
            for row in sorted(found)
            if not row.is_pooled or len({held.rows[0] for held in found[row]}) > 1
        }


def layout(places: Sequence[Place]) -> dict[Place, tuple[Place, Place]]:
    """The row and the set of every setting.

    A row is a kind of noise, or the annotators that are asked, with the prior where settings differ
    in nothing else; a set is a data set, with what else tells it apart in its row.
    """
    groups = [choice.group for choice in places[0].choices]
    rest = [group for group in groups if group != "prior"]
    priors = len({place.part(rest) for place in places}) < len(places)
    there = set(map(asked, places))
    by = [group for group, has in (("noise", False), ("annotators", True)) if has in there]
    by += ["prior"] if priors else []
    names = ["dataset"]
    if len({place.part([*by, "dataset"]) for place in places}) < len(places):
        others = [group for group in rest if group not in ("dataset", *by)]
        names += [g for g in others if len({place.choice(g) for place in places}) > 1]
    return {place: (place.part(by), place.part(names)) for place in places}


def pooled(row: Place) -> Place:
    """A row over all parameters of its kind of noise, or over all pools of annotators."""
    if asked(row):
        every = Choice("annotators", ALL, f'"{ALL}"')
        return Place(tuple(every if c.group == "annotators" else c for c in row.choices))
    return Place(tuple(c.pooled() if c.group == "noise" else c for c in row.choices))


def baselines_of(claim: Claim, ours: Method, sides: Sides) -> tuple[list[Method], list[str]]:
    """The methods a claim's baselines select, or the report's, and in sentences what has no run;
    never the claim's own method, nor one that reads the truth.

    Raises ValueError where there are none, or a selection is of none but those.
    """
    this = f"report.claims {claim.name!r}"
    found, missing = set[Method](), []
    for selection in claim.baselines:
        try:
            some = set(chosen(f"{this} baselines", selection, sides.methods))
        except NoMatchError as why:
            missing.append(str(why))
            continue
        if not some - sides.oracles - {ours}:
            why_not = "its own method" if some == {ours} else "a method that reads the truth"
            raise ValueError(f"{this} has the baseline {said(selection)}, {why_not}; wanted a "
                             "competitor")  # fmt: skip
        found |= some - sides.oracles - {ours}
    if not claim.baselines:
        found = set(sides.rivals - {ours})
        if not found:
            raise ValueError(f"{this} has no baselines; name some, or list fewer in report.ours")
    return sorted(found), missing


def held(
    claim: Claim, settings: Sequence[Setting], sides: Sides, spec: ReportSpec, names: Names
) -> Claimed:
    """The claim as far as it can be held with these runs; what cannot is said in `missing`."""
    try:
        return hold(claim, settings, sides, spec, names)
    except NoMatchError as why:
        return Claimed(claim, None, (), (), (str(why),))


def hold(
    claim: Claim, settings: Sequence[Setting], sides: Sides, spec: ReportSpec, names: Names
) -> Claimed:
    """Compare a claim's method with the best of its baselines in every setting.

    ValueError where a selection is of no run, of several methods or of no possible baseline.
    """
    ours = only(f"report.claims {claim.name!r} ours", claim.ours, sides.methods)
    wanted, missing = baselines_of(claim, ours, sides)
    where = layout([setting.place for setting in settings])
    sets: list[Held] = []
    lacking: dict[str, list[str]] = {}
    for setting in settings:
        lacks = [names.method(m) for m in (ours, *wanted) if m not in setting.methods]
        rivals = [m for m in wanted if m in setting.methods]
        best = strongest(setting, rivals, len(setting.seeds))
        one = None
        if best is not None and ours in setting.methods:
            one = held_against(setting, ours, best, 0, None, spec)
            lacks += [] if one else [f"{names.method(ours)} with a seed of {names.method(best)}"]
        if lacks:
            without = f"{', '.join(lacks)} ({'compared without' if one else 'left out'})"
            lacking.setdefault(without, []).append(names.place(setting.place))
        if one is not None:
            row, name = where[setting.place]
            rows = (row, pooled(row)) if setting.noisy else (row,)
            sets.append(Held(setting.place, rows, name, one, resamples(setting, one, spec)))
    missing += [f"{what} in {', '.join(places)}" for what, places in lacking.items()]
    claimed = Claimed(claim, ours, tuple(wanted), tuple(sets), tuple(missing))
    return replace(claimed, missing=(*missing, *untargeted(claimed)))


def untargeted(claimed: Claimed) -> Iterator[str]:
    """The targets of a claim that are for rows it does not have."""
    rows = list(claimed.rows())
    for target in claimed.claim.targets:
        if not any(matches(row, target.rows) for row in rows):
            yield f"no setting of the target's {said(target.rows)}"


def resamples(setting: Setting, one: Comparison, spec: ReportSpec) -> Floats:
    """(b, 2) savings of a comparison on its own resamples; (0, 2) with one seed."""
    a, b = setting.together(one.method, one.baseline)
    if len(a) < 2:
        return np.empty((0, len(FORMS)))

    def statistic(weights: Floats) -> Floats:
        return all_forms(weights @ a, weights @ b, setting.labels, np.empty(0), (True,))

    draws = resamples_of(setting, one.method, one.baseline, 0, spec)
    return stats.resampled(statistic, len(a), spec.bootstrap, draws)
