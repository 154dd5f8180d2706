"""What a report says, computed once: tables and figures only show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from al_bench.analysis import stats
from al_bench.analysis.claims import Claimed, claims_on
from al_bench.analysis.comparison import Comparison, held_against, strongest
from al_bench.analysis.costs import Costs, costs_of
from al_bench.analysis.curves import Floats, Setting
from al_bench.analysis.frame import Results
from al_bench.analysis.ground import ground
from al_bench.analysis.keys import Method, Place, by_setting
from al_bench.analysis.names import Names, plainest
from al_bench.analysis.savings import area, isotonic, labels_needed, last_level
from al_bench.analysis.sides import Sides
from al_bench.analysis.spec import ReportSpec

RULES = {
    "random": "random",
    "here": "best baseline of this setting (by mean area under the curve, all seeds)",
    "overall": "best baseline over all settings (by mean rank)",
    "half": "best baseline by the first half of the seeds, compared on the other half",
}


@dataclass(frozen=True)
class Found:
    """One setting: its curves, the reference its targets refer to, and all comparisons in it."""

    setting: Setting
    reference: float
    declared: str
    best: Method
    comparisons: tuple[Comparison, ...]

    def against(self, method: Method, rule: str) -> Comparison | None:
        """The comparison of a method by a rule, if that rule finds a baseline for it."""
        found = [c for c in self.comparisons if c.method == method and c.rule == rule]
        return found[0] if found else None

    @property
    def target(self) -> float:
        """The best baseline's mean over its last 10 % of budget."""
        return level_of(self.setting, self.best)

    def needed(self, method: Method) -> float:
        """Labels at which a method's isotonic mean curve reaches the target; inf if never."""
        curve = isotonic(self.setting.of(method).mean(axis=0, keepdims=True))
        return float(labels_needed(curve, self.setting.labels, np.array([[self.target]]))[0, 0])


def level_of(setting: Setting, method: Method) -> float:
    curve = setting.of(method).mean(axis=0, keepdims=True)
    return float(last_level(curve, setting.labels)[0])


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows: the keyed frame, settings in order, methods by mean rank.

    sides: who is put forward and who may be a baseline; unchecked: runs that do not say what
    problem they met; costs: what a level costs, where the spec asks for it.
    """

    spec: ReportSpec
    results: Results
    frame: pd.DataFrame
    names: Names
    sides: Sides
    found: tuple[Found, ...]
    claims: tuple[Claimed, ...]
    unchecked: int
    costs: Costs | None

    @cached_property
    def ranked(self) -> tuple[tuple[Method, ...], Floats]:
        """Methods that have runs in every setting, and their mean AUC (settings, methods)."""
        return complete([found.setting for found in self.found])

    @cached_property
    def methods(self) -> tuple[Method, ...]:
        """All methods: ours first, then by mean rank, then those that miss in some setting."""
        order = by_rank(*self.ranked)
        every = [*order, *sorted(set(self.frame["method"]) - set(order))]
        ours = [method for method in every if method in self.sides.ours]
        return (*ours, *(method for method in every if method not in ours))

    @cached_property
    def parts(self) -> dict[Place, pd.DataFrame]:
        """The frame's rows by setting."""
        return by_setting(self.frame)

    @property
    def oracles(self) -> frozenset[Method]:
        return self.sides.oracles

    @cached_property
    def competitors(self) -> tuple[Method, ...]:
        """All methods but those that read the truth."""
        return tuple(method for method in self.methods if method not in self.oracles)

    @property
    def champion(self) -> Method:
        """The method that is shown where there is place for one: the first of ours, else the best
        ranked."""
        return (self.sides.ours or self.competitors)[0]


def analyse(results: Results, spec: ReportSpec) -> Analysis:
    """Compute a report's numbers; ValueError where there is nothing to report, a selection is of no
    run, or runs of one setting met different problems."""
    if not len(results.frame):
        raise ValueError(f"no finished run to report on: {results.summary()}")
    on = ground(results.frame, spec, results.partial)
    parts, sides, names = list(on.settings[spec.metric]), on.sides, on.names
    ranking = [method for method in by_rank(*complete(parts)) if method in sides.rivals]
    found = tuple(
        analyse_setting(part, spec, sides, ranking, on.full.get(part.place)) for part in parts
    )
    costs = costs_of(on.every, spec.costs, spec, results.partial) if spec.costs else None
    claims = claims_on(on, spec)
    return Analysis(spec, results, on.frame, names, sides, found, claims, on.unchecked, costs)


def complete(parts: list[Setting]) -> tuple[tuple[Method, ...], Floats]:
    """Methods in every setting and their mean AUC (settings, methods)."""
    methods = sorted(set.intersection(*(set(part.methods) for part in parts)))
    areas = [[area(p.of(m), p.labels, log=False).mean() for m in methods] for p in parts]
    return tuple(methods), np.array(areas).reshape(len(parts), len(methods))


def by_rank(methods: Sequence[Method], scores: Floats) -> list[Method]:
    """Methods by their mean rank over settings, scores (settings, methods)."""
    order = np.argsort(stats.ranks(scores).mean(axis=0), kind="stable")
    return [methods[i] for i in order]


def random_of(methods: Sequence[Method]) -> Method | None:
    """The method that queries at random; the plainest where there are several."""
    found = plainest(m for m in methods if m.choice("strategy").option == "random")
    return found[0] if found else None


def analyse_setting(
    setting: Setting, spec: ReportSpec, sides: Sides, ranking: list[Method], full: float | None
) -> Found:
    """Compare every method of a setting with the baselines of all rules.

    Where no baseline has been run yet there is no comparison, and the level is that of our best;
    full: the level that all labels reach, if it is known.
    """
    fair = [m for m in setting.methods if m not in setting.oracles]
    if not fair:
        raise ValueError(f"no competitor in {setting.place}; there is "
                         f"{'; '.join(map(str, setting.methods))}")  # fmt: skip
    rivals = [m for m in fair if m in sides.rivals]
    half = max(len(setting.seeds) // 2, 1)
    best = strongest(setting, rivals or fair, len(setting.seeds))
    reference, declared = full, "full data"
    if reference is None:
        reference = max(level_of(setting, method) for method in fair)
        declared = "best final level of any method"
    comparisons: list[Comparison] = []
    for method in setting.methods:
        shown = not sides.ours or method in sides.ours  # in the table of all forms and rules
        others = [m for m in rivals if m != method]
        chosen = {"random": random_of(setting.methods)}
        chosen["here"] = strongest(setting, others, len(setting.seeds))
        if shown:
            chosen["overall"] = next((m for m in ranking if m in others), None)
            chosen["half"] = strongest(setting, others, half)
        made: dict[tuple[Method, int], Comparison | None] = {}
        for rule, baseline in chosen.items():
            if baseline is None or baseline == method:
                continue
            skip = half if rule == "half" else 0
            if (baseline, skip) not in made:
                level = reference if shown else None
                made[baseline, skip] = held_against(setting, method, baseline, skip, level, spec)
            one = made[baseline, skip]
            comparisons += [replace(one, rule=rule)] if one else []
    return Found(setting, reference, declared, best or fair[0], tuple(comparisons))
