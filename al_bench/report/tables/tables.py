"""The tables of a report: which there are, one per setting, and the ranking over settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from al_bench.report import stats
from al_bench.report.analysis import Analysis, SettingResult
from al_bench.report.comparison import Comparison
from al_bench.report.keys import Method
from al_bench.report.savings import area
from al_bench.report.tables.beyond import beyond_prior
from al_bench.report.tables.claims import in_points, over_sets, set_by_set
from al_bench.report.tables.pivots import area_table, final_metrics, pivots
from al_bench.report.tables.render import (
    DAGGER,
    NONE,
    Table,
    called,
    headed,
    mean_and_sd,
    p_text,
    percent,
    shared,
)

SHARE = (
    "share of the budget: where the method reaches the other's final accuracy; best baseline: of "
    "this setting, by mean area under the curve over all seeds: "
)


def tables(analysis: Analysis) -> list[Table]:
    """All tables of a report; the first is the one of its page."""
    claims, names = analysis.claims, analysis.names
    several = len(analysis.settings) > 1
    found = [over_sets(claims, names), in_points(claims, names)] if claims else []
    found += [set_by_set(result, names) for result in claims]
    found += beyond_prior(analysis) if "ladder" in analysis.spec.figures else []
    found += pivots(analysis)
    found += [ranking(analysis)] if several and analysis.ranked[0] else []
    found += [area_table(analysis)] if several else []
    found += [of_setting(analysis, one) for one in analysis.settings]
    found += [] if several else [final_metrics(analysis)]
    return [*found, methods_table(analysis)]


def methods_table(analysis: Analysis) -> Table:
    """The configuration of every method."""
    groups = list(dict.fromkeys(c.group for m in analysis.methods for c in m.choices))
    columns: dict[str, Callable[[Method], str]] = {
        "method": lambda m: called(analysis, m),
        "configuration": lambda m: m.id,
        **{group: lambda m, group=group: m.choice(group).config for group in groups},  # type: ignore[misc]
    }
    return Table.of("Methods", analysis.methods, columns)


def of_setting(analysis: Analysis, found: SettingResult) -> Table:
    """The results of each method, the share of the budget that it needs, and its costs."""
    curves, names, metric = found.curves, analysis.names, headed(analysis.spec.metric)
    methods = [name for name in analysis.methods if name in curves.methods]
    part = analysis.parts[curves.setting]
    later = part[part["round"] > 1].groupby("method", observed=True)["seconds_select"]
    seconds: dict[Any, float] = later.median().reindex(methods).to_dict()
    runs = part.groupby(["method", "seed"], observed=True)["oracle_calls"].max()
    calls: dict[Any, float] = runs.groupby("method", observed=True).mean().to_dict()

    def needed(by: Mapping[Method, Comparison], method: Method) -> str:
        return shared(by[method]) if curves.is_curve and method in by else NONE

    columns: dict[str, Callable[[Method], str]] = {
        "method": lambda m: called(analysis, m),
        f"final {metric}, %": lambda m: mean_and_sd(curves.of(m)[:, -1]),
        "area under curve, %": lambda m: mean_and_sd(area(curves.of(m), curves.labels)),
        "budget to reach random, %": lambda m: needed(found.over_random, m),
        "budget to reach the best baseline, %": lambda m: needed(found.over_best, m),
        "oracle calls": lambda m: f"{calls[m]:.0f}",
        "s / round, query": lambda m: NONE if np.isnan(seconds[m]) else f"{seconds[m]:.2g}",
    }
    scores = np.array([(curves.of(m)[:, -1].mean(), curves.area(m)) for m in methods])
    scores[[m in analysis.oracles for m in methods]] = -np.inf
    bold = frozenset((int(row), at + 1) for at, row in enumerate(scores.argmax(axis=0)))
    rivals = sorted({one.baseline for one in found.over_best.values() if one.baseline})
    prior = "" if np.isnan(curves.prior) else f" The prior alone: {percent(curves.prior)}."
    budget = f"{curves.labels[0]:.0f} to {curves.labels[-1]:.0f} labels"
    how = SHARE + (", ".join(map(names.method, rivals)) or "none has been run yet")
    if not curves.is_curve:
        budget = f"{curves.labels[0]:.0f} labels alone"
        how = "one point is no curve, so nothing is said of labels"
    note = f"{len(curves.seeds)} seeds, {budget}; mean ± standard deviation; {how}.{prior}"
    if analysis.oracles & set(methods):
        note += f" {DAGGER} reads the truth: a reference, not a competitor."
    return Table.of(names.setting(curves.setting), methods, columns, note=note, bold=bold)


def ranking(analysis: Analysis) -> Table:
    """Mean ranks over settings, and wins over the best baseline of each."""
    methods, scores = analysis.ranked
    ranks, half = stats.ranks(scores), stats.t_band(stats.ranks(scores))

    def wins(method: Method) -> str:
        versus = (found.over_best.get(method) for found in analysis.settings)
        verdicts = [one.area.verdict for one in versus if one is not None]
        return "/".join(str(verdicts.count(word)) for word in ("win", "tie", "loss"))

    columns: dict[str, Callable[[int], str]] = {
        "method": lambda i: called(analysis, methods[i]),
        "mean rank": lambda i: f"{ranks[:, i].mean():.2f} ± {half[i]:.2f}",
        "mean area under curve, %": lambda i: percent(scores[:, i].mean()),
        "win/tie/loss against best baseline": lambda i: wins(methods[i]),
    }
    left_out = [name for name in analysis.competitors if name not in methods]
    many = len(methods) > 1
    critical = f"{stats.critical_difference(len(methods), len(scores)):.2f}" if many else NONE
    note = (
        f"{len(analysis.settings)} settings, by mean area under the curve; ties share ranks; ranks "
        f"with 95 % t intervals over settings; Friedman p {p_text(stats.friedman(scores))}; "
        f"Nemenyi critical difference {critical}; win and loss at two paired standard errors "
        "against the best other baseline of each setting."
    )
    if left_out:
        gone = ", ".join(map(analysis.names.method, left_out))
        note += f" Not in every setting, so not ranked: {gone}."
    best = frozenset({(0, 1)})
    return Table.of("Over all settings", range(len(methods)), columns, note=note, bold=best)
