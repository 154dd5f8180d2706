"""The tables of a report: which ones it shows, one per setting, and the ranking over settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from al_bench.report import stats
from al_bench.report.analysis import Analysis, SettingResult
from al_bench.report.comparison import Comparison
from al_bench.report.keys import Method
from al_bench.report.savings import area
from al_bench.report.tables.beyond import beyond_prior
from al_bench.report.tables.cells import (
    DAGGER,
    NONE,
    Table,
    called,
    headed,
    labels_text,
    mean_and_sd,
    p_text,
    percent,
    saving_text,
)
from al_bench.report.tables.claims import over_sets, set_by_set
from al_bench.report.tables.pivots import area_table, final_metrics, pivots

HOW = (
    "savings with paired 95 % intervals at the baseline's mean over its last 10 % of budget, "
    "isotonic mean curves; best baseline: of this setting, by mean area under the curve over all "
    "seeds: "
)


def tables(analysis: Analysis) -> list[Table]:
    """All tables of a report, those of its page first."""
    return [*page_tables(analysis), *details(analysis)]


def page_tables(analysis: Analysis) -> list[Table]:
    """The tables of a report's page: those of its spec, the ranking and one of results."""
    several = len(analysis.settings) > 1
    shown = [over_sets(result, analysis.names) for result in analysis.claims]
    shown += beyond_prior(analysis) if "ladder" in analysis.spec.figures else []
    shown += pivots(analysis)
    shown += [ranking(analysis)] if several and analysis.ranked[0] else []
    return [*shown, area_table(analysis) if several else of_setting(analysis, analysis.settings[0])]


def details(analysis: Analysis) -> list[Table]:
    """All other tables: claims by set, and one per setting, or all metrics of a single setting."""
    every = [set_by_set(result, analysis.names) for result in analysis.claims]
    return [*every, *(setting_tables(analysis) or [final_metrics(analysis)])]


def setting_tables(analysis: Analysis) -> list[Table]:
    """The table of each setting, if there are several."""
    several = len(analysis.settings) > 1
    return [of_setting(analysis, found) for found in analysis.settings] if several else []


def of_setting(analysis: Analysis, found: SettingResult) -> Table:
    """The final metrics of each method, the labels that it saves, and its costs."""
    curves, names, metric = found.curves, analysis.names, headed(analysis.spec.metric)
    methods = [name for name in analysis.methods if name in curves.methods]
    part = analysis.parts[curves.setting]
    later = part[part["round"] > 1].groupby("method", observed=True)["seconds_select"]
    seconds: dict[Any, float] = later.median().reindex(methods).to_dict()
    runs = part.groupby(["method", "seed"], observed=True)["oracle_calls"].max()
    calls: dict[Any, float] = runs.groupby("method", observed=True).mean().to_dict()

    def saved(by: Mapping[Method, Comparison], method: Method, form: str) -> str:
        there = curves.is_curve and method in by
        return saving_text(getattr(by[method], form)) if there else NONE

    columns: dict[str, Callable[[Method], str]] = {
        "method": lambda m: called(analysis, m),
        f"final {metric}, %": lambda m: mean_and_sd(curves.of(m)[:, -1]),
        "area under curve, %": lambda m: mean_and_sd(area(curves.of(m), curves.labels)),
        "saving over random": lambda m: saved(found.over_random, m, "final"),
        "saving over best baseline": lambda m: saved(found.over_best, m, "final"),
        f"labels to {percent(found.target)} ({names.method(found.best)})": (
            lambda m: labels_text(found.needed(m)) if curves.is_curve else NONE
        ),
        "saving over it, all levels": lambda m: saved(found.over_best, m, "integrated"),
        "oracle calls": lambda m: f"{calls[m]:.0f}",
        "s / round, query": lambda m: NONE if np.isnan(seconds[m]) else f"{seconds[m]:.2g}",
    }
    scores = np.array([(curves.of(m)[:, -1].mean(), curves.area(m)) for m in methods])
    scores[[m in analysis.oracles for m in methods]] = -np.inf
    bold = frozenset((int(row), at + 1) for at, row in enumerate(scores.argmax(axis=0)))
    rivals = sorted({one.baseline for one in found.over_best.values() if one.baseline})
    prior = "" if np.isnan(curves.prior) else f" The prior alone: {percent(curves.prior)}."
    budget = f"{curves.labels[0]:.0f} to {curves.labels[-1]:.0f} labels"
    how = HOW + (", ".join(map(names.method, rivals)) or "none has been run yet")
    if not curves.is_curve:
        budget = f"{curves.labels[0]:.0f} labels alone"
        how = "one point is no curve, so nothing is said of savings"
    note = f"{len(curves.seeds)} seeds, {budget}; mean ± standard deviation; {how}.{prior}"
    if analysis.oracles & set(methods):
        note += f" {DAGGER} reads the truth: a reference, not a competitor."
    table = Table.of(names.setting(curves.setting), methods, columns)
    return replace(table, note=note, bold=bold)


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
    table = Table.of("Over all settings", range(len(methods)), columns)
    return replace(table, note=note, bold=frozenset({(0, 1)}))
