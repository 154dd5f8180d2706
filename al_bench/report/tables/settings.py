"""The table of one setting, a row a method."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.analysis.analysis import Analysis, Found
from al_bench.analysis.savings import area
from al_bench.report.tables.cells import (
    DAGGER,
    NONE,
    Table,
    called,
    headed,
    labels_text,
    percent,
    saving_text,
    spread,
)


def main(analysis: Analysis, found: Found) -> Table:
    """How good each method ends, how many labels it saves, and what it costs."""
    setting, metric = found.setting, headed(analysis.spec.metric)
    methods = [name for name in analysis.methods if name in setting.methods]
    part = analysis.parts[setting.place]
    seconds = part[part["round"] > 1].groupby("method")["seconds_select"].median().to_dict()
    calls = part.groupby(["method", "seed"])["oracle_calls"].max().groupby("method").mean()
    oracle_calls: dict[Any, float] = calls.to_dict()
    rows, scores = [], []
    for method in methods:
        curves = setting.of(method)
        areas = area(curves, setting.labels, log=False)
        select = seconds.get(method, np.nan)
        compared = [
            (by.get(method) if setting.is_curve else None, form)
            for by, form in (
                (found.over_random, "final"),
                (found.over_best, "final"),
                (found.over_best, "integrated"),
            )
        ]
        *savings, over_levels = (saving_text(one.saving(f) if one else None) for one, f in compared)
        rows.append(
            (
                called(analysis, method),
                spread(curves[:, -1]),
                spread(areas),
                *savings,
                labels_text(found.needed(method)) if setting.is_curve else NONE,
                over_levels,
                f"{oracle_calls[method]:.0f}",
                NONE if np.isnan(select) else f"{select:.2g}",
            )
        )
        reader = method in analysis.oracles
        scores.append((-np.inf, -np.inf) if reader else (curves[:, -1].mean(), areas.mean()))
    best = np.array(scores).argmax(axis=0)
    rivals = sorted({one.baseline for one in found.over_best.values()})
    rival = map(analysis.names.method, rivals)
    prior = "" if np.isnan(setting.prior) else f" The prior alone: {percent(setting.prior)}."
    target = f"{percent(found.target)} ({analysis.names.method(found.best)})"
    header = (
        "method",
        f"final {metric}, %",
        "area under curve, %",
        "saving over random",
        "saving over best baseline",
        f"labels to {target}",
        "saving over it, all levels",
        "oracle calls",
        "s / round, query",
    )
    budget = f"{setting.labels[0]:.0f} to {setting.labels[-1]:.0f} labels"
    how = (
        "savings with paired 95 % intervals at the baseline's mean over its last 10 % of budget, "
        "isotonic mean curves; best baseline: of this setting, by mean area under the curve over "
        f"all seeds: {', '.join(rival) or 'none has been run yet'}"
    )
    if not setting.is_curve:
        budget = f"{setting.labels[0]:.0f} labels alone"
        how = "one point is no curve, so nothing is said of savings"
    note = f"{len(setting.seeds)} seeds, {budget}; mean ± standard deviation; {how}.{prior}"
    if analysis.oracles & set(methods):
        note += f" {DAGGER} reads the truth: a reference, not a competitor."
    bold = frozenset((int(row), column + 1) for column, row in enumerate(best))
    return Table(analysis.names.place(setting.place), header, tuple(rows), note, bold)
