"""Figures over settings: critical differences, noise x imbalance, prior quality."""

from __future__ import annotations

from typing import Any

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.analysis import Analysis
from al_bench.analysis.comparison import Comparison
from al_bench.analysis.keys import Choice, Place
from al_bench.report.figures.style import colours, panels


def rank_diagram(analysis: Analysis) -> Any:
    """Mean ranks over settings; a bar joins methods within Nemenyi's distance (Demšar, 2006)."""
    methods, scores = list(analysis.ranked[0]), analysis.ranked[1]
    keep = [i for i, method in enumerate(methods) if method in analysis.competitors]
    if len(analysis.found) < 2 or len(keep) < 3:
        return None
    ranks = stats.ranks(scores[:, keep]).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    ranks, methods = ranks[order], [methods[keep[i]] for i in order]
    names = list(map(analysis.names.method, methods))
    distance = stats.critical_difference(len(names), len(scores))
    left = (len(names) + 1) // 2
    groups = joined(ranks, distance)
    top = 0.35 + 0.16 * len(groups)
    room = 0.14 * max(max(map(len, names)) - 24, 0)  # long names stand on both sides
    figure, (axis,) = panels(1, 5.6 + room, 0.9 + 0.2 * (left + 0.8 * len(groups)), 1)
    axis.set_xlim(1 - 0.02 * len(names), len(names) * 1.02)
    axis.set_ylim(top + 0.3 * left + 0.2, -0.75)
    axis.axis("off")
    axis.plot([1, len(names)], [0, 0], color="#222222", linewidth=1.0)
    for tick in range(1, len(names) + 1):
        axis.plot([tick, tick], [0, -0.1], color="#222222", linewidth=0.8)
        if tick % (1 + len(names) // 16) == 0 or tick == 1:
            axis.text(tick, -0.16, str(tick), ha="center", va="bottom", fontsize=7.5)
    width = min(distance, len(names) - 1.0)
    axis.plot([1, 1 + width], [-0.55, -0.55], color="#222222", linewidth=1.6)
    beyond = "" if distance <= len(names) - 1 else ", wider than the scale"
    axis.text(1 + width + 0.05, -0.55, f"critical difference {distance:.2f}{beyond}", va="center")
    hues = colours(methods)
    for place, (method, name, rank) in enumerate(zip(methods, names, ranks, strict=True)):
        first = place < left
        height = top + 0.3 * (place if first else len(names) - 1 - place)
        edge = 1 if first else len(names)
        axis.plot([rank, rank, edge], [0, height, height], color=hues[method], linewidth=1.0)
        weight = "bold" if method in analysis.sides.ours else "normal"
        text, side = f"{name}  {rank:.2f}", "right" if first else "left"
        gap = -0.03 * len(names) if first else 0.03 * len(names)
        axis.text(edge + gap / 2, height, text, ha=side, va="center", fontweight=weight)
    for number, (low, high) in enumerate(groups):
        height = 0.2 + 0.16 * number
        ends = [ranks[low] - 0.03, ranks[high] + 0.03]
        axis.plot(ends, [height, height], color="#222222", linewidth=3, solid_capstyle="butt")
    return figure


def joined(ranks: stats.Floats, distance: float) -> list[tuple[int, int]]:
    """Maximal runs (first, last) of ascending ranks that lie within the distance."""
    last = [int(np.searchsorted(ranks, rank + distance, side="right")) - 1 for rank in ranks]
    runs = [(first, end) for first, end in enumerate(last) if end > first]
    return [run for run in runs if not any(a < run[0] and run[1] <= b for a, b in runs)]


def heat(analysis: Analysis) -> Any:
    """Gain in area over the best baseline, noise x imbalance, a panel a data set."""
    method, names = analysis.champion, analysis.names
    cells: dict[Place, dict[tuple[Choice, Choice], Comparison]] = {}
    for found in analysis.found:
        place, compared = found.setting.place, found.against(method, "here")
        if compared is not None:
            rest = place.part(
                [c.group for c in place.choices if c.group not in ("noise", "imbalance")]
            )
            where = place.choice("noise"), place.choice("imbalance")
            cells.setdefault(rest, {})[where] = compared
    noises, imbalances = (
        sorted({where[i] for part in cells.values() for where in part}) for i in (0, 1)
    )
    if min(len(noises), len(imbalances)) < 2:
        return None
    sizes = (1.5 + 0.75 * len(imbalances), 1.3 + 0.42 * len(noises))
    figure, axes = panels(len(cells), max(sizes[0], 3.8 if len(cells) == 1 else 2.6), sizes[1], 3)
    most = max(abs(c.paired.difference) for part in cells.values() for c in part.values())
    most = max(100 * most, 0.1)
    for axis, (panel, part) in zip(axes, sorted(cells.items()), strict=True):
        grid = np.full((len(noises), len(imbalances)), np.nan)
        for (noise, imbalance), one in part.items():
            at = noises.index(noise), imbalances.index(imbalance)
            grid[at] = 100 * one.paired.difference
            sure = "" if one.paired.verdict == "tie" else "*"
            text = f"{grid[at]:+.1f}{sure}".replace("-", "−")
            dark = abs(grid[at]) > 0.6 * most
            colour = "white" if dark else "#222222"
            axis.text(at[1], at[0], text, ha="center", va="center", fontsize=7, color=colour)
        image = axis.imshow(grid, cmap="RdBu", vmin=-most, vmax=most, aspect="auto")
        axis.set_xticks(
            range(len(imbalances)), map(names.choice, imbalances), rotation=20, ha="right"
        )
        axis.set_yticks(range(len(noises)), map(names.choice, noises))
        axis.grid(visible=False)
        axis.tick_params(length=0)
        axis.set_xticks(np.arange(len(imbalances) - 1) + 0.5, minor=True)
        axis.set_yticks(np.arange(len(noises) - 1) + 0.5, minor=True)
        axis.grid(which="minor", color="white", linewidth=2)
        axis.tick_params(which="minor", length=0)
        axis.spines[:].set_visible(False)
        axis.set_title(names.place(panel))
    bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02, aspect=14)
    bar.outline.set_visible(False)
    bar.set_label("gain in area, points")
    figure.suptitle(
        f"{names.method(method)} over the best baseline (* beyond two standard errors)", fontsize=8
    )
    return figure


def prior_quality(analysis: Analysis) -> Any:
    """How good the prior is by itself against the labels saved over random, a dot a setting."""
    method = analysis.champion
    dots = [
        (100 * found.setting.prior, compared.saving("integrated"))
        for found in analysis.found
        if (compared := found.against(method, "random")) is not None
    ]
    dots = [(x, s) for x, s in dots if np.isfinite(x)]
    if len({round(x, 6) for x, _ in dots}) < 3:
        return None
    figure, (axis,) = panels(1, 4.0, 2.9, 1)
    for x, saving in dots:
        low = max(saving.low, -2.0)
        axis.plot([x, x], [100 * low, 100 * saving.high], color="#BBBBBB", linewidth=1.2, zorder=2)
        axis.plot(x, 100 * saving.value, "o", color=colours([method])[method], markersize=5)
    axis.axhline(0, color="#444444", linewidth=0.8)
    axis.set_xlabel("prior alone, %")
    axis.set_ylabel("labels saved over random, %")
    axis.set_title(f"{analysis.names.method(method)}: prior quality and saving")
    return figure
