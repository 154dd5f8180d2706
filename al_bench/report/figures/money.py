"""Figures of what labels cost and of what a better foundation model is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Setting
from al_bench.analysis.keys import Place
from al_bench.analysis.savings import last_level
from al_bench.report.figures.axes import SHAPE, legend, legend_name, looks, once
from al_bench.report.figures.style import COLOURS, DASHES, panels
from al_bench.report.tables.cells import headed

DOTTED = {"color": "#222222", "linewidth": 1.0, "linestyle": (0, (1, 1.6)), "zorder": 2}


def cost_curves(analysis: Analysis) -> Any:
    """Money against accuracy, a panel a data set, at the middle price; dotted: the level."""
    from matplotlib.ticker import LogLocator, NullFormatter

    costs = analysis.costs
    if costs is None:
        return None
    price = sorted(costs.prices)[len(costs.prices) // 2]
    figure, axes = panels(len(costs.sets), *SHAPE[len(costs.sets) == 1], 3)
    keys = costs.keys
    for axis, costed in zip(axes, costs.sets, strict=True):
        for way in costed.ways:
            number = keys.index(way.key)
            look = {
                "color": COLOURS[number % len(COLOURS)],
                "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
            }
            money, mean = way.cost(price).mean(axis=0), 100 * way.curves.mean(axis=0)
            mark = "o" if len(money) == 1 else ""
            axis.plot(money, mean, label=costs.called(way.key), marker=mark, **look)
        axis.axhline(100 * costed.level, **DOTTED)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")  # as names, not as math
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(costs.names.place(costed.place))
        axis.set_xlabel(f"money (a person's answer 1, a model's {price:g})")
        axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")
    once(axes)
    legend(figure, axes, analysis)
    return figure


def ladder(analysis: Analysis) -> Any:
    """Where each method ends against the quality of the prior alone, a panel for all settings that
    differ in their prior alone; dotted: the prior alone."""
    groups: dict[Place, list[Setting]] = {}
    for found in analysis.found:
        place = found.setting.place
        rest = place.part([choice.group for choice in place.choices if choice.group != "prior"])
        groups.setdefault(rest, []).append(found.setting)
    ladders = {place: some for place, some in sorted(groups.items()) if len(some) > 1}
    if not ladders:
        return None
    figure, axes = panels(len(ladders), *SHAPE[len(ladders) == 1], 2)
    styles = looks(analysis)
    for axis, (place, rungs) in zip(axes, ladders.items(), strict=True):
        rungs.sort(key=lambda setting: setting.prior)
        for method in analysis.methods:
            some = [setting for setting in rungs if method in setting.methods]
            ends = [100 * last_level(one.of(method), one.labels).mean() for one in some]
            name, priors = legend_name(analysis, method), [100 * one.prior for one in some]
            axis.plot(priors, ends, label=name, **styles[method])
        line = np.array([100 * rungs[0].prior, 100 * rungs[-1].prior])
        axis.plot(line, line, label="prior alone (no labels)", **DOTTED)
        axis.set_title(analysis.names.place(place))
        axis.set_xlabel("prior alone, %")
        axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")
    once(axes)
    legend(figure, axes, analysis)
    return figure
