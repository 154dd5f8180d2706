"""What a report says, computed once: tables and figures only show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from al_bench.analysis import stats
from al_bench.analysis.claims import Claimed, hold
from al_bench.analysis.comparison import Comparison, held_against, strongest
from al_bench.analysis.curves import Floats, Setting, aligned, settings
from al_bench.analysis.frame import Results, named
from al_bench.analysis.savings import area, isotonic, labels_needed, last_level
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
    best: str
    comparisons: tuple[Comparison, ...]

    def against(self, method: str, rule: str) -> Comparison | None:
        """The comparison of a method by a rule, if that rule finds a baseline for it."""
        found = [c for c in self.comparisons if c.method == method and c.rule == rule]
        return found[0] if found else None

    @property
    def target(self) -> float:
        """The best baseline's mean over its last 10 % of budget."""
        return level_of(self.setting, self.best)

    def needed(self, method: str) -> float:
        """Labels at which a method's isotonic mean curve reaches the target; inf if never."""
        curve = isotonic(self.setting.of(method).mean(axis=0, keepdims=True))
        return float(labels_needed(curve, self.setting.labels, np.array([[self.target]]))[0, 0])


def level_of(setting: Setting, method: str) -> float:
    curve = setting.of(method).mean(axis=0, keepdims=True)
    return float(last_level(curve, setting.labels)[0])


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows: the named frame, settings in order, methods by mean rank."""

    spec: ReportSpec
    results: Results
    frame: pd.DataFrame
    found: tuple[Found, ...]
    overall: str | None
    claims: tuple[Claimed, ...]

    @cached_property
    def ranked(self) -> tuple[tuple[str, ...], Floats]:
        """Methods that have runs in every setting, and their mean AUC (settings, methods)."""
        return complete([found.setting for found in self.found])

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """All methods: ours first, then by mean rank, then those that miss in some setting."""
        names, scores = self.ranked
        order = [names[i] for i in np.argsort(stats.ranks(scores).mean(axis=0), kind="stable")]
        rest = sorted(set(self.frame["method"]) - set(order))
        every = [*order, *rest]
        ours = [name for name in every if name in self.spec.ours]
        return (*ours, *(name for name in every if name not in ours))

    @cached_property
    def parts(self) -> dict[str, pd.DataFrame]:
        """The frame's rows by setting."""
        return {str(name): part for name, part in self.frame.groupby("setting")}

    @cached_property
    def oracles(self) -> frozenset[str]:
        return frozenset().union(*(found.setting.oracles for found in self.found))

    @cached_property
    def competitors(self) -> tuple[str, ...]:
        """All methods but those that read the truth."""
        return tuple(name for name in self.methods if name not in self.oracles)


def analyse(results: Results, spec: ReportSpec) -> Analysis:
    """Compute a report's numbers; ValueError where there is nothing to report, or a wrong name."""
    if not len(results.frame):
        raise ValueError(f"no finished run to report on: {results.summary()}")
    frame = aligned(named(results.frame, spec.method))
    methods, places = set(frame["method"]), set(frame["setting"])
    for what, names, wanted in (
        ("ours", spec.ours, methods),
        ("baselines", spec.baselines, methods),
        ("references", spec.references, places),
    ):
        for name in names:
            if name not in wanted:
                raise ValueError(f"report.{what} has {name!r}; these runs have {sorted(wanted)}")
    parts = settings(frame, spec.metric)
    names, scores = complete(parts)
    order = [names[i] for i in np.argsort(stats.ranks(scores).mean(axis=0), kind="stable")]
    readers = {method for part in parts for method in part.oracles}
    ranking = [name for name in order if name not in readers and spec.candidate(name)]
    found = tuple(analyse_setting(part, spec, ranking) for part in parts)
    claims = tuple(hold(claim, parts, frame, spec) for claim in spec.claimed)
    return Analysis(spec, results, frame, found, ranking[0] if ranking else None, claims)


def complete(parts: list[Setting]) -> tuple[tuple[str, ...], Floats]:
    """Methods in every setting and their mean AUC (settings, methods)."""
    names = sorted(set.intersection(*(set(part.methods) for part in parts)))
    areas = [[area(p.of(m), p.labels, log=False).mean() for m in names] for p in parts]
    return tuple(names), np.array(areas).reshape(len(parts), len(names))


def random_of(methods: Sequence[str]) -> str | None:
    """The method that asks at random; the plainest where there are several."""
    found = [name for name in methods if name.split(" ")[0] == "random"]
    return min(found, key=lambda name: (len(name), name)) if found else None


def analyse_setting(setting: Setting, spec: ReportSpec, ranking: list[str]) -> Found:
    """Compare every method of a setting with the baselines of all rules.

    Where no baseline has been run yet there is no comparison, and the level is that of our best.
    """
    fair = [m for m in setting.methods if m not in setting.oracles]
    if not fair:
        raise ValueError(f"no competitor in {setting.name}; it has {list(setting.methods)}")
    rivals = [m for m in fair if spec.candidate(m)]
    half = max(len(setting.seeds) // 2, 1)
    best = strongest(setting, rivals or fair, len(setting.seeds))
    if setting.name in spec.references:
        reference, declared = spec.references[setting.name], "full data"
    else:
        reference = max(level_of(setting, method) for method in fair)
        declared = "best final level of any method"
    comparisons: list[Comparison] = []
    for method in setting.methods:
        shown = not spec.ours or method in spec.ours  # in the table of all forms and rules
        others = [name for name in rivals if name != method]
        present = [name for name in ranking if name in others]
        chosen = {"random": random_of(setting.methods)}
        chosen["here"] = strongest(setting, others, len(setting.seeds))
        if shown:
            chosen["overall"] = present[0] if present else None
            chosen["half"] = strongest(setting, others, half)
        made: dict[tuple[str, int], Comparison | None] = {}
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
