"""Claims: one method against the best of some baselines, set by set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from al_bench.analysis.comparison import Compared, compared, crossed
from al_bench.analysis.curves import Setting
from al_bench.analysis.ground import PRODUCT, Ground, Sides
from al_bench.analysis.keys import ALL, Choice, Method, Place
from al_bench.analysis.names import Names, asked
from al_bench.analysis.selection import NoMatchError, chosen, matches, only, said
from al_bench.analysis.spec import Claim, ReportSpec


@dataclass(frozen=True, order=True)
class Rival:
    """A baseline by a metric of its models: as they are, or times the prior at test time."""

    method: Method
    metric: str

    @property
    def times_prior(self) -> bool:
        return self.metric.startswith(PRODUCT)


def rival_name(rival: Rival, names: Names) -> str:
    """`margin`, or `margin x prior` where its model is multiplied by the prior at test time."""
    return names.method(rival.method) + " x prior" * rival.times_prior


def without_wrong_answers(on: Ground, spec: ReportSpec) -> dict[Place, float]:
    """What the whole pool teaches by settings whatever their noise, where one without is known."""
    return {
        quiet(setting.place): on.full[setting.place]
        for setting in on.settings[spec.metric]
        if not setting.noisy and setting.place in on.full
    }


def quiet(place: Place) -> Place:
    """A setting whatever its noise."""
    return place.part([choice.group for choice in place.choices if choice.group != "noise"])


@dataclass(frozen=True)
class Ends:
    """Levels of one set at the full budget: the prior alone, the opponent, ours, and the whole pool
    without wrong answers; NaN where one is not known."""

    prior: float
    theirs: float
    ours: float
    full: float


@dataclass(frozen=True)
class Held:
    """One set of a claim: its setting, the rows it counts in (its kind of noise, and all rates of
    it; or its annotators, and all of them), what tells it apart there, the comparison with its
    opponents (two where the halves of the seeds choose differently), and where both end."""

    place: Place
    rows: tuple[Place, ...]
    set: Place
    comparison: Compared
    opponents: tuple[Rival, ...]
    ends: Ends

    @property
    def seeds(self) -> int:
        return len(self.comparison.paired.apart)


@dataclass(frozen=True)
class Claimed:
    """A claim's method and baselines, its sets in order, and in sentences what it lacks; by_set:
    whether some baselines have runs on some data sets alone; times_prior: whether each baseline is
    an opponent once more, times the prior."""

    claim: Claim
    ours: Method | None
    baselines: tuple[Method, ...]
    sets: tuple[Held, ...]
    missing: tuple[str, ...]
    by_set: bool = False
    times_prior: bool = False

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


def claims_on(on: Ground, spec: ReportSpec) -> tuple[Claimed, ...]:
    """The claims as far as they can be held; what cannot is said in `missing`."""
    return tuple(held(claim, on, spec) for claim in spec.claimed)


def held(claim: Claim, on: Ground, spec: ReportSpec) -> Claimed:
    """The same of one claim."""
    try:
        return hold(claim, on, spec)
    except NoMatchError as why:
        return Claimed(claim, None, (), (), (str(why),))


def hold(claim: Claim, on: Ground, spec: ReportSpec) -> Claimed:
    """Compare a claim's method with the best of its baselines in every setting.

    ValueError where a selection is of no run, of several methods or of no possible baseline.
    """
    ours = only(f"report.claims {claim.name!r} ours", claim.ours, on.sides.methods)
    wanted, missing = baselines_of(claim, ours, on.sides)
    settings, names, full = on.settings[spec.metric], on.names, without_wrong_answers(on, spec)
    where = layout([setting.place for setting in settings])
    sets: list[Held] = []
    lacking: dict[str, list[str]] = {}
    expected = by_data_set(settings, wanted)
    for number, setting in enumerate(settings):
        expect = expected[setting.place.choice("dataset")]
        lacks = [names.method(m) for m in (ours, *expect) if m not in setting.methods]
        by = {metric: some[number] for metric, some in on.settings.items()}
        rivals = [Rival(m, metric) for metric in by for m in wanted if m in setting.methods]
        found = None
        if rivals and ours in setting.methods:
            found = against(ours, rivals, setting, by, spec)
            lacks += [] if found else [f"{names.method(ours)} with a seed of its best baseline"]
        if lacks:
            without = f"{', '.join(lacks)} ({'compared without' if found else 'left out'})"
            lacking.setdefault(without, []).append(names.place(setting.place))
        if found is not None:
            one, opponents, theirs = found
            row, name = where[setting.place]
            rows = (row, pooled(row)) if setting.noisy else (row,)
            level = full.get(quiet(setting.place), np.nan)
            ends = Ends(setting.prior, theirs, float(setting.of(ours)[:, -1].mean()), level)
            sets.append(Held(setting.place, rows, name, one, opponents, ends))
    missing += [f"{what} in {', '.join(places)}" for what, places in lacking.items()]
    by_set = any(len(some) < len(wanted) for some in expected.values())
    held_on = tuple(wanted), tuple(sets), tuple(missing)
    claimed = Claimed(claim, ours, *held_on, by_set, len(on.settings) > 1)
    return replace(claimed, missing=(*missing, *untargeted(claimed)))


def by_data_set(
    settings: Sequence[Setting], methods: Sequence[Method]
) -> dict[Choice, list[Method]]:
    """Those of some methods that have a run on each data set: on others they are no opponents."""
    found: dict[Choice, set[Method]] = {}
    for setting in settings:
        found.setdefault(setting.place.choice("dataset"), set()).update(setting.methods)
    return {dataset: [m for m in methods if m in has] for dataset, has in found.items()}


def against(
    ours: Method,
    rivals: Sequence[Rival],
    setting: Setting,
    by: Mapping[str, Setting],
    spec: ReportSpec,
) -> tuple[Compared, tuple[Rival, ...], float] | None:
    """A method against the best of some rivals, over its own seeds: the comparison, who was the
    best, and where that ends; None where they have no seed in common."""
    curves = [by[r.metric].curves[setting.methods.index(r.method)] for r in rivals]
    mine = setting.curves[setting.methods.index(ours)]
    own = ~np.isnan(mine).any(axis=1)
    theirs, best = crossed(np.stack(curves)[:, own], setting.labels)
    opponents = tuple(rivals[one] for one in best)
    who = " and ".join(f"{one.method.text} by {one.metric}" for one in opponents)
    found = compared(setting, mine[own], theirs, f"{ours.text} against {who}", spec)
    if found is None:
        return None
    return found, opponents, float(np.nanmean(theirs[:, -1]))


def untargeted(claimed: Claimed) -> Iterator[str]:
    """The targets of a claim that are for rows it does not have."""
    rows = list(claimed.rows())
    for target in claimed.claim.targets:
        if not any(matches(row, target.rows) for row in rows):
            yield f"no setting of the target's {said(target.rows)}"
