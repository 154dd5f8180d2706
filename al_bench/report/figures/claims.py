"""The figure of claims: every set's saving with its interval, and the means over sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.analysis.analysis import Analysis
from al_bench.analysis.claims import Claimed
from al_bench.analysis.keys import Place
from al_bench.analysis.over_sets import summaries
from al_bench.report.figures.axes import below
from al_bench.report.figures.style import COLOURS, panels

MEAN = "mean over sets"
SHAPES = "os^vPX*<>hp"  # a diamond is a mean


def claims_figure(analysis: Analysis) -> Any:
    """Savings over all levels, a panel a claim, a row a set, a dot with interval a group."""
    shown = [claimed for claimed in analysis.claims if claimed.sets]
    if not shown:
        return None
    every = [held for claimed in shown for held in claimed.sets]
    groups, sets = sorted({h.rows[0] for h in every}), sorted({h.set for h in every})
    rows = [*map(analysis.names.all, sets), MEAN]
    tall = 1.0 + max(0.2, 0.095 * len(groups)) * len(rows)
    figure, axes = panels(len(shown), 3.6, tall, 3)
    for axis, claimed in zip(axes, shown, strict=True):
        axis.axvline(0, color="#444444", linewidth=0.8, zorder=2)
        axis.axhline(0.5, color="#444444", linewidth=0.6)
        for row in range(2, len(rows), 2):
            axis.axhspan(row - 0.5, row + 0.5, color="#F5F5F5", linewidth=0, zorder=0)
        left = leftmost(claimed)
        for held in claimed.sets:
            saving = held.comparison.saving("integrated")
            row = len(sets) - sets.index(held.set)
            spot(axis, row, groups, held.rows[0], (saving.value, saving.low, saving.high), left)
        for summary in summaries(claimed):
            one = summary.integrated
            if summary.row in groups:
                ends = (one.mean, *one.these)
                spot(axis, 0, groups, summary.row, ends, left, mean=True)
        first = axis.get_subplotspec().is_first_col()
        axis.set_yticks(range(len(rows)), rows[::-1] if first else [""] * len(rows))
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
        axis.set_xlim(100 * left - 3, 103)
        axis.set_ylim(-0.5, len(rows) - 0.5)
        axis.set_title(claimed.claim.name)
        axis.set_xlabel("labels saved over the best baseline, %")
    legend(figure, axes[0], list(map(analysis.names.all, groups)))
    return figure


def leftmost(claimed: Claimed) -> float:
    """Where a panel begins: at the lowest end that is there, but no lower than -100 %."""
    savings = [held.comparison.saving("integrated") for held in claimed.sets]
    ends = [end for saving in savings for end in (saving.value, saving.low)]
    return float(max(min([-0.1, *(end for end in ends if not np.isnan(end))]), -1.0))


def spot(
    axis: Any,
    row: int,
    groups: list[Place],
    group: Place,
    ends: tuple[float, float, float],
    left: float,
    mean: bool = False,
) -> None:
    """A group's dot and interval in a row; an arrow at the edge where its interval goes on."""
    number = groups.index(group)
    middle = (len(groups) - 1) / 2
    height = row + 0.3 * (middle - number) / max(middle, 1)
    colour = COLOURS[number % len(COLOURS)]
    value, low, high = (100 * np.clip(end, left, 1.0) for end in ends)
    if not np.isnan(ends[1]):
        axis.plot([low, high], [height, height], color=colour, linewidth=1.1, zorder=3)
        if ends[1] < left:
            axis.plot(low, height, marker="<", markersize=3, color=colour, clip_on=False)
    marker, size = ("D", 5.0) if mean else (SHAPES[number % len(SHAPES)], 4.0)
    edge = {"markeredgecolor": "#222222" if mean else "white", "markeredgewidth": 0.6}
    axis.plot(value, height, marker=marker, markersize=size, color=colour, zorder=4, **edge)


def legend(figure: Any, axis: Any, groups: list[str]) -> None:
    """The groups below all panels."""
    for number, group in enumerate(groups):
        style = {"color": COLOURS[number % len(COLOURS)], "marker": SHAPES[number % len(SHAPES)]}
        axis.plot([], [], linestyle="", markersize=4, label=group, **style)
    axis.plot([], [], linestyle="", marker="D", markersize=5, color="#888888", label=MEAN)
    handles, labels = axis.get_legend_handles_labels()
    below(figure, handles, labels, handlelength=1.2)
