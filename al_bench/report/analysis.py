"""The numbers of a report, computed once; tables and figures only show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from al_bench.report import stats
from al_bench.report.claims import ClaimResult, evaluate_claim
from al_bench.report.comparison import (
    Comparison,
    ComparisonData,
    MethodRoles,
    compare,
    comparison_data,
    strongest,
)
from al_bench.report.curves import LearningCurves
from al_bench.report.keys import Method, Setting, by_setting
from al_bench.report.names import plainest
from al_bench.report.results import Results
from al_bench.report.spec import ReportSpec
from al_bench.report.stats import Floats


@dataclass(frozen=True)
class SettingResult:
    """The results of one setting: curves, best baseline by area (or best method), and each method's
    comparisons with random sampling and the best other baseline."""

    curves: LearningCurves
    best: Method
    over_random: Mapping[Method, Comparison]
    over_best: Mapping[Method, Comparison]


@dataclass(frozen=True)
class Analysis(ComparisonData):
    """Everything a report shows: compared data, settings in order, and claims."""

    spec: ReportSpec
    results: Results
    settings: tuple[SettingResult, ...]
    claims: tuple[ClaimResult, ...]

    @cached_property
    def ranked(self) -> tuple[tuple[Method, ...], Floats]:
        """Competitors of all settings by mean rank, and their (settings, methods) areas."""
        parts = [found.curves for found in self.settings]
        shared = set.intersection(*(set(part.methods) for part in parts)) - self.oracles
        methods = sorted(shared)
        areas = [[part.area(method) for method in methods] for part in parts]
        scores = np.array(areas).reshape(len(parts), len(methods))
        order = np.argsort(stats.ranks(scores).mean(axis=0), kind="stable")
        return tuple(methods[i] for i in order), scores[:, order]

    @cached_property
    def methods(self) -> tuple[Method, ...]:
        """All methods: ours first, then by mean rank, then those without a rank."""
        order = self.ranked[0]
        every = [*order, *(method for method in self.roles.methods if method not in order)]
        return tuple(sorted(every, key=lambda method: method not in self.roles.ours))

    @cached_property
    def parts(self) -> dict[Setting, pd.DataFrame]:
        return by_setting(self.frame)

    @property
    def oracles(self) -> frozenset[Method]:
        return self.roles.oracles

    @cached_property
    def competitors(self) -> tuple[Method, ...]:
        return tuple(method for method in self.methods if method not in self.oracles)

    @property
    def champion(self) -> Method:
        """The method shown where only one is: the first of ours, else the best by mean rank."""
        return (self.roles.ours or self.competitors)[0]


def analyse(results: Results, spec: ReportSpec) -> Analysis:
    """Compute a report's numbers; ValueError if there is nothing to report."""
    if not len(results.frame):
        raise ValueError(f"no finished run to report on: {results.summary()}")
    data = comparison_data(results.frame, spec, results.partial)
    settings = tuple(analyse_setting(one, data.roles) for one in data.curves[spec.metric])
    return Analysis(**vars(data), spec=spec, results=results, settings=settings,
                    claims=tuple(evaluate_claim(c, data, spec) for c in spec.claimed))  # fmt: skip


def random_of(methods: Sequence[Method]) -> Method | None:
    """The method that queries at random; if there are several, the plainest."""
    found = plainest(m for m in methods if m.choice("strategy").option == "random")
    return found[0] if found else None


def analyse_setting(curves: LearningCurves, roles: MethodRoles) -> SettingResult:
    """Compare every method of a setting with random sampling and with the best other baseline."""
    fair = [m for m in curves.methods if m not in curves.oracles]
    if not fair:
        raise ValueError(f"no competitor in {curves.setting}; there is "
                         f"{'; '.join(map(str, curves.methods))}")  # fmt: skip
    baselines = [m for m in fair if m in roles.baselines]
    over_random, over_best = dict[Method, Comparison](), dict[Method, Comparison]()
    random = random_of(curves.methods)
    for method in curves.methods:
        best = strongest(curves, [m for m in baselines if m != method])
        rivals = [one for one in {random, best} if one is not None and one != method]
        a, *others = (curves.scores[curves.methods.index(one)] for one in (method, *rivals))
        known = {
            one: compare(curves.labels, a, b, one) for one, b in zip(rivals, others, strict=True)
        }
        for baseline, found in ((random, over_random), (best, over_best)):
            if baseline is not None and (comparison := known.get(baseline)):
                found[method] = comparison
    return SettingResult(curves, strongest(curves, baselines or fair) or fair[0], over_random,
                         over_best)  # fmt: skip
