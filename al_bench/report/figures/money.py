"""Figures of what labels cost and of what a better foundation model is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Setting
from al_bench.analysis.savings import last_level
from al_bench.report.figures.axes import SHAPE, legend, once
from al_bench.report.figures.style import COLOURS, DASHES, panels
from al_bench.report.tables.cells import headed
from al_bench.report.tables.costs import way_name


def cost_curves(analysis: Analysis) -> Any:
    """Money against accuracy, a panel a data set, at the middle price; dotted: the level."""
    if not analysis.costs:
        return None
    price = sorted(analysis.prices)[len(analysis.prices) // 2]
    figure, axes = panels(len(analysis.costs), *SHAPE[len(analysis.costs) == 1], 3)
    names = sorted({way_name(analysis, w) for costed in analysis.costs for w in costed.ways})
    for axis, costed in zip(axes, analysis.costs, strict=True):
        for way in costed.ways:
            name = way_name(analysis, way)
            place = names.index(name)
            look = {
                "color": COLOURS[place % len(COLOURS)],
                "linestyle": DASHES[place // len(COLOURS) % len(DASHES)],
            }
            money, mean = way.cost(price).mean(axis=0), 100 * way.curves.mean(axis=0)
            axis.plot(money, mean, label=name, marker="o" if len(money) == 1 else "", **look)
        axis.axhline(100 * costed.level, color="#222222", linewidth=1.0, linestyle=(0, (1, 1.6)))
        axis.set_xscale("log")
        axis.set_title(analysis.names.all(costed.place.part(("dataset",))))
        axis.set_xlabel(f"money (a person's answer 1, a model's {price:g})")
        axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")
    once(axes)
    legend(figure, axes, analysis)
    return figure


def ladder(analysis: Analysis) -> Any:
    """Where each method ends against the quality of the prior alone, a panel for each data set and
    noise; dotted: the prior alone."""
    groups: dict[Any, list[Setting]] = {}
    for found in analysis.found:
        place = found.setting.place
        groups.setdefault(place.part(("dataset", "noise")), []).append(found.setting)
    groups = {place: some for place, some in sorted(groups.items()) if len(some) > 1}
    if not groups:
        return None
    figure, axes = panels(len(groups), *SHAPE[len(groups) == 1], 2)
    names = [analysis.names.method(method) for method in analysis.methods]
    for axis, (place, places) in zip(axes, groups.items(), strict=True):
        for number, method in enumerate(analysis.methods):
            some = sorted((p for p in places if method in p.methods), key=lambda p: p.prior)
            ends = [100 * last_level(p.of(method), p.labels).mean() for p in some]
            axis.plot(
                [100 * p.prior for p in some],
                ends,
                label=names[number],
                marker="o",
                color=COLOURS[number % len(COLOURS)],
                linestyle=DASHES[number // len(COLOURS) % len(DASHES)],
            )
        line = np.array([100 * min(p.prior for p in places), 100 * max(p.prior for p in places)])
        axis.plot(line, line, color="#222222", linewidth=1.0, linestyle=(0, (1, 1.6)))
        axis.set_title(analysis.names.all(place))
        axis.set_xlabel("prior alone, %")
        axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")
    once(axes)
    legend(figure, axes, analysis)
    return figure
