"""Claims: one method against the best of some baselines, set by set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from al_bench.analysis import stats
from al_bench.analysis.comparison import Comparison, held_against, resamples_of, strongest
from al_bench.analysis.curves import Floats, Setting, in_order
from al_bench.analysis.frame import SETTING
from al_bench.analysis.savings import all_forms
from al_bench.analysis.spec import Claim, ReportSpec

FORMS = ("final", "integrated")  # columns of a set's resamples


@dataclass(frozen=True)
class Place:
    """Where a setting belongs: its group (noise), the groups it is pooled in, its set's name."""

    group: str
    pooled: str
    name: str


@dataclass(frozen=True)
class Held:
    """One set of a claim: the comparison with its best baseline and (b, 2) resampled savings."""

    place: Place
    comparison: Comparison
    resampled: Floats


@dataclass(frozen=True)
class Claimed:
    """A claim's baselines, its sets in order, and in words what was not run."""

    claim: Claim
    baselines: tuple[str, ...]
    sets: tuple[Held, ...]
    missing: tuple[str, ...]

    def groups(self) -> dict[str, list[Held]]:
        """Sets by group in order, then by the kinds of noise that have more than one group."""
        found: dict[str, list[Held]] = {}
        pooled: dict[str, list[Held]] = {}
        for held in self.sets:
            found.setdefault(held.place.group, []).append(held)
            pooled.setdefault(held.place.pooled, []).append(held)
        found = {group: found[group] for group in sorted(found, key=in_order)}
        for name, sets in pooled.items():
            if name and len({held.place.group for held in sets}) > 1:
                found[name] = sets
        return found


def places(frame: pd.DataFrame, method: Sequence[str]) -> dict[str, Place]:
    """Group and set of every setting of a named frame.

    The group is the noise, with the prior where settings differ in nothing else; noise of one kind
    is pooled over its rates; a set is a data set, with what else tells it apart in its group.
    """
    first = frame.drop_duplicates("setting").set_index("setting")
    rest = [group for group in SETTING if group not in ("noise", "prior", *method)]
    priors = first.groupby([*rest, "noise"])["prior"].nunique().max() > 1
    by = ["noise", "prior"] if priors else ["noise"]
    plain = not first.duplicated([*by, "dataset"]).any()
    parts = ["dataset"] if plain else [g for g in rest if g == "dataset" or first[g].nunique() > 1]
    found = {}
    for setting, row in first.iterrows():
        kind, _, values = row["noise"].partition("(")
        every = f"{kind}, all {'rates' if values.startswith('rate=') else 'kinds'}"
        pooled = " · ".join([every, *row[by[1:]]]) if row["noise_rate"] != 0 else ""
        found[str(setting)] = Place(" · ".join(row[by]), pooled, " · ".join(row[parts]))
    return found


def rivals(
    claim: Claim, methods: Sequence[str], readers: frozenset[str], spec: ReportSpec
) -> list[str]:
    """The methods that a claim's patterns name, or the report's baselines; never the claim's own,
    nor one that reads the truth.

    Raises ValueError where a name or pattern is that of no method, or of no possible baseline.
    """
    this = f"report.claims {claim.name!r}"
    if claim.ours not in methods:
        raise ValueError(f"{this} has ours={claim.ours!r}; these runs have {sorted(methods)}")
    if claim.baselines is None:
        rest = [m for m in methods if spec.candidate(m) and m not in {claim.ours, *readers}]
        if not rest:
            raise ValueError(f"{this} has no baselines; name some, or list fewer in report.ours")
        return rest
    found: set[str] = set()
    for pattern in claim.baselines:
        # names have brackets, so these are no wildcards here
        named = {m for m in methods if fnmatchcase(m, pattern.replace("[", "[[]"))}
        if not named:
            raise ValueError(
                f"{this} has the baseline {pattern!r}, which is no method; these runs have "
                f"{sorted(methods)}"
            )
        fair = named - readers - {claim.ours}
        if not fair:
            why = "its own method" if named == {claim.ours} else "a method that reads the truth"
            raise ValueError(f"{this} has the baseline {pattern!r}, {why}; wanted a competitor")
        found |= fair
    return sorted(found)


def check_targets(claim: Claim, where: Iterable[Place]) -> None:
    """Raise ValueError where a target is for a group that the table does not have."""
    members: dict[str, set[str]] = {}
    for place in where:
        members.setdefault(place.pooled, set()).add(place.group)
    pooled = {name for name, inner in members.items() if name and len(inner) > 1}
    groups = sorted(pooled.union(*members.values()))
    for target in (claim.mean, claim.worst):
        unknown = [g for g in target if g not in groups] if isinstance(target, Mapping) else []
        if unknown:
            raise ValueError(
                f"report.claims {claim.name!r} has a target for {unknown[0]!r}; these runs have "
                f"{groups}"
            )


def hold(
    claim: Claim, settings: Sequence[Setting], frame: pd.DataFrame, spec: ReportSpec
) -> Claimed:
    """Compare a claim's method with the best of its baselines in every setting.

    Raises ValueError where the claim names a method or a group that the runs do not have.
    """
    where = places(frame, spec.method)
    check_targets(claim, where.values())
    methods = sorted({method for setting in settings for method in setting.methods})
    readers = frozenset[str]().union(*(setting.oracles for setting in settings))
    wanted = rivals(claim, methods, readers, spec)
    sets: list[Held] = []
    missing: dict[str, list[str]] = {}
    for setting in settings:
        lacks = [name for name in (claim.ours, *wanted) if name not in setting.methods]
        best = strongest(setting, [m for m in wanted if m not in lacks], len(setting.seeds))
        one = None
        if best is not None and claim.ours not in lacks:
            one = held_against(setting, claim.ours, best, 0, None, spec)
            lacks += [] if one else [f"{claim.ours} with a seed of {best}"]
        if lacks:
            without = f"{', '.join(lacks)} ({'compared without' if one else 'left out'})"
            missing.setdefault(without, []).append(setting.name)
        if one is not None:
            sets.append(Held(where[setting.name], one, resamples(setting, one, spec)))
    gone = tuple(f"{what} in {', '.join(names)}" for what, names in missing.items())
    return Claimed(claim, tuple(wanted), tuple(sets), gone)


def resamples(setting: Setting, one: Comparison, spec: ReportSpec) -> Floats:
    """(b, 2) savings of a comparison on its own resamples; (0, 2) with one seed."""
    a, b = setting.together(one.method, one.baseline)
    if len(a) < 2:
        return np.empty((0, len(FORMS)))

    def statistic(weights: Floats) -> Floats:
        return all_forms(weights @ a, weights @ b, setting.labels, np.empty(0), (True,))

    draws = resamples_of(setting, one.method, one.baseline, 0, spec)
    return stats.resampled(statistic, len(a), spec.bootstrap, draws)
