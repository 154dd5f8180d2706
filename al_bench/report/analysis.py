"""What a report says, computed once: tables and figures only show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from al_bench.analysis import stats
from al_bench.analysis.claims import Claimed, claims_on
from al_bench.analysis.comparison import Comparison, held_against, strongest
from al_bench.analysis.curves import Floats, Setting
from al_bench.analysis.frame import Results
from al_bench.analysis.ground import Ground, Sides, ground
from al_bench.analysis.keys import Method, Place, by_setting
from al_bench.analysis.names import Names, plainest
from al_bench.analysis.savings import area, isotonic, labels_needed, last_level
from al_bench.analysis.spec import ReportSpec


@dataclass(frozen=True)
class Found:
    """One setting: its curves, its best baseline by mean area under the curve (or its best method
    where no baseline has been run), and by method what it saves over random and over the best other
    baseline, where there is one."""

    setting: Setting
    best: Method
    over_random: Mapping[Method, Comparison]
    over_best: Mapping[Method, Comparison]

    @property
    def target(self) -> float:
        """The best baseline's mean over its last 10 % of budget."""
        curve = self.setting.of(self.best).mean(axis=0, keepdims=True)
        return float(last_level(curve, self.setting.labels)[0])

    def needed(self, method: Method) -> float:
        """Labels at which a method's isotonic mean curve reaches the target; inf if never."""
        curve = isotonic(self.setting.of(method).mean(axis=0, keepdims=True))
        return float(labels_needed(curve, self.setting.labels, np.array([[self.target]]))[0, 0])


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows: what it stands on, settings in order, and claims."""

    spec: ReportSpec
    results: Results
    on: Ground
    found: tuple[Found, ...]
    claims: tuple[Claimed, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The keyed runs, without those that labelled a whole pool."""
        return self.on.frame

    @property
    def names(self) -> Names:
        """What methods and settings are called."""
        return self.on.names

    @property
    def sides(self) -> Sides:
        """Who is put forward and who may be a baseline."""
        return self.on.sides

    @cached_property
    def ranked(self) -> tuple[tuple[Method, ...], Floats]:
        """Competitors that have runs in every setting, the best first by mean rank, and their mean
        AUC (settings, methods)."""
        parts = [found.setting for found in self.found]
        shared = set.intersection(*(set(part.methods) for part in parts)) - self.oracles
        methods = sorted(shared)
        areas = [[area(p.of(m), p.labels, log=False).mean() for m in methods] for p in parts]
        scores = np.array(areas).reshape(len(parts), len(methods))
        order = np.argsort(stats.ranks(scores).mean(axis=0), kind="stable")
        return tuple(methods[i] for i in order), scores[:, order]

    @cached_property
    def methods(self) -> tuple[Method, ...]:
        """All methods: ours first, then by mean rank, then those that have none."""
        order = self.ranked[0]
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
    found = tuple(analyse_setting(part, spec, on.sides) for part in on.settings[spec.metric])
    return Analysis(spec, results, on, found, claims_on(on, spec))


def random_of(methods: Sequence[Method]) -> Method | None:
    """The method that queries at random; the plainest where there are several."""
    found = plainest(m for m in methods if m.choice("strategy").option == "random")
    return found[0] if found else None


def analyse_setting(setting: Setting, spec: ReportSpec, sides: Sides) -> Found:
    """Compare every method of a setting with random sampling and with the best other baseline; a
    ValueError where all of them read the truth."""
    fair = [m for m in setting.methods if m not in setting.oracles]
    if not fair:
        raise ValueError(f"no competitor in {setting.place}; there is "
                         f"{'; '.join(map(str, setting.methods))}")  # fmt: skip
    rivals = [m for m in fair if m in sides.rivals]
    over_random, over_best = dict[Method, Comparison](), dict[Method, Comparison]()
    random = random_of(setting.methods)
    for method in setting.methods:
        best = strongest(setting, [m for m in rivals if m != method])
        for baseline, found in ((random, over_random), (best, over_best)):
            if baseline is None or baseline == method:
                continue
            known = over_random.get(method)
            same = known if known and known.baseline == baseline else None
            one = same or held_against(setting, method, baseline, spec)
            if one is not None:
                found[method] = one
    return Found(setting, strongest(setting, rivals or fair) or fair[0], over_random, over_best)
