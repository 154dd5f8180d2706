"""The figure of claims: every set's saving with its interval, and the means over sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.report.analysis import Analysis
from al_bench.report.figures.style import COLOURS, legend_below, panels, rows_named
from al_bench.report.summary import summaries

MEAN = "mean over sets"
SHAPES = "os^vPX*<>hp"  # no diamond, which marks a mean


def claims_figure(analysis: Analysis) -> Any:
    """Savings over all levels: a panel per claim, a row per set, a dot with interval per group."""
    shown = [result for result in analysis.claims if result.sets]
    if not shown:
        return None
    every = [one for result in shown for one in result.sets]
    groups, sets = sorted({one.rows[0] for one in every}), sorted({one.set for one in every})
    rows = [MEAN, *map(analysis.names.all, reversed(sets))]
    tall = 1.0 + max(0.2, 0.095 * len(groups)) * len(rows)
    figure, axes = panels(len(shown), 3.6, tall, 3)
    for axis, result in zip(axes, shown, strict=True):
        axis.axvline(0, color="#444444", linewidth=0.8, zorder=2)
        axis.axhline(0.5, color="#444444", linewidth=0.6)
        for row in range(2, len(rows), 2):
            axis.axhspan(row - 0.5, row + 0.5, color="#F5F5F5", linewidth=0, zorder=0)
        savings = [one.comparison.integrated for one in result.sets]
        ends = [end for saving in savings for end in (saving.value, saving.low)]
        left = float(max(min([-0.1, *(end for end in ends if not np.isnan(end))]), -1.0))
        for one, saving in zip(result.sets, savings, strict=True):
            height = len(sets) - sets.index(one.set)
            limits = (saving.value, saving.low, saving.high)
            spot(axis, height, groups.index(one.rows[0]), len(groups), limits, left)
        for summary in summaries(result):
            mean = summary.integrated
            if summary.row in groups:
                limits = (mean.mean, *mean.over_seeds)
                spot(axis, 0, groups.index(summary.row), len(groups), limits, left, mean=True)
        rows_named(axis, rows)
        axis.set_xlim(100 * left - 3, 103)
        axis.set_ylim(-0.5, len(rows) - 0.5)
        axis.set_title(result.claim.name)
        axis.set_xlabel("labels saved over the best baseline, %")
    for number, group in enumerate(groups):
        axes[0].plot([], [], linestyle="", markersize=4, label=analysis.names.all(group),
                     **look(number))  # fmt: skip
    axes[0].plot([], [], linestyle="", marker="D", markersize=5, color="#888888", label=MEAN)
    handles, labels = axes[0].get_legend_handles_labels()
    legend_below(figure, handles, labels, handlelength=1.2)
    return figure


def look(group: int) -> dict[str, str]:
    return {"color": COLOURS[group % len(COLOURS)], "marker": SHAPES[group % len(SHAPES)]}


def spot(
    axis: Any,
    row: int,
    group: int,
    groups: int,
    limits: tuple[float, float, float],
    left: float,
    mean: bool = False,
) -> None:
    """Draw a group's dot and interval in a row; an arrow at the edge if the interval exceeds it."""
    middle = (groups - 1) / 2
    height = row + 0.3 * (middle - group) / max(middle, 1)
    style = look(group) | ({"marker": "D"} if mean else {})
    value, low, high = (100 * np.clip(end, left, 1.0) for end in limits)
    if not np.isnan(limits[1]):
        axis.plot([low, high], [height, height], color=style["color"], linewidth=1.1, zorder=3)
        if limits[1] < left:
            edge = {"marker": "<", "markersize": 3, "color": style["color"]}
            axis.plot(low, height, clip_on=False, **edge)
    edge = {"markeredgecolor": "#222222" if mean else "white", "markeredgewidth": 0.6}
    axis.plot(value, height, markersize=5.0 if mean else 4.0, zorder=4, **style, **edge)
