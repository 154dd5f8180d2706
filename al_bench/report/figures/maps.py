"""Figures over settings and classes: ranks, noise x imbalance, priors, recall, precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al_bench.report import stats
from al_bench.report.analysis import Analysis, SettingResult, random_of
from al_bench.report.comparison import Comparison
from al_bench.report.curves import LearningCurves, curves_of
from al_bench.report.figures.style import (
    DOTTED,
    Looks,
    colours,
    legend_name,
    panels,
    small_multiples,
    strategy_of,
)
from al_bench.report.keys import Choice, Setting
from al_bench.report.savings import last_level
from al_bench.report.stats import Floats
from al_bench.report.tables.tables import ladders

NAMED = 25  # most methods named in the figure of ranks


def mean_ranks(analysis: Analysis) -> Any:
    """Mean ranks over settings with 95 % t intervals, best on top; of many only some are named."""
    methods, scores = analysis.ranked
    if len(analysis.settings) < 2 or len(methods) < 3:
        return None
    every = stats.ranks(scores)
    ranks, half = every.mean(axis=0), stats.t_band(every)
    also = {random_of(methods), *analysis.roles.ours}
    heights, names, height = [], [], 0.0
    for place, method in enumerate(methods):
        named = place < NAMED or method in also
        names.append(analysis.names.method(method) if named else "")
        height -= (1.0 if named else 0.4) if place else 0.0
        heights.append(height)
    figure, (axis,) = panels(1, 6.6, 0.8 - 0.165 * height, 1)
    hues = colours(methods)
    for i, (method, name, y) in enumerate(zip(methods, names, heights, strict=True)):
        colour, size = (hues[method], 4.2) if name else ("#B5B5B5", 2.4)
        ends = [ranks[i] - half[i], ranks[i] + half[i]]
        axis.plot(ends, [y, y], color=colour, linewidth=1.1, solid_capstyle="butt")
        axis.plot(ranks[i], y, "o", color=colour, markersize=size, markeredgewidth=0)
    shown = [i for i, name in enumerate(names) if name]
    axis.set_yticks([heights[i] for i in shown], [names[i] for i in shown])
    for i, tick in zip(shown, axis.get_yticklabels(), strict=True):
        tick.set_fontweight("bold" if methods[i] in analysis.roles.ours else "normal")
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="y", visible=False)
    axis.set_ylim(height - 0.8, 0.8)
    unnamed = names.count("")
    rest = f"; grey: {unnamed} more" if unnamed else ""
    axis.set_xlabel(f"mean rank of {len(methods)} over {len(scores)} settings (1 is best){rest}")
    return figure


def heat(analysis: Analysis) -> Any:
    """Gain in area over the best baseline, noise x imbalance, one panel per data set."""
    method, names = analysis.champion, analysis.names
    cells: dict[Setting, dict[tuple[Choice, Choice], Comparison]] = {}
    for found in analysis.settings:
        setting, compared = found.curves.setting, found.over_best.get(method)
        if compared is not None:
            where = setting.choice("noise"), setting.choice("imbalance")
            cells.setdefault(setting.without("noise", "imbalance"), {})[where] = compared
    noises, imbalances = (
        sorted({where[i] for part in cells.values() for where in part}) for i in (0, 1)
    )
    if min(len(noises), len(imbalances)) < 2:
        return None
    sizes = (1.5 + 0.75 * len(imbalances), 1.3 + 0.42 * len(noises))
    figure, axes = panels(len(cells), max(sizes[0], 3.8 if len(cells) == 1 else 2.6), sizes[1], 3)
    most = max(abs(c.area.difference) for part in cells.values() for c in part.values())
    most = max(100 * most, 0.1)
    for axis, (panel, part) in zip(axes, sorted(cells.items()), strict=True):
        grid = np.full((len(noises), len(imbalances)), np.nan)
        for (noise, imbalance), one in part.items():
            at = noises.index(noise), imbalances.index(imbalance)
            grid[at] = 100 * one.area.difference
            sure = "" if one.area.verdict == "tie" else "*"
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
        axis.set_title(names.setting(panel))
    bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02, aspect=14)
    bar.outline.set_visible(False)
    bar.set_label("gain in area, points")
    figure.suptitle(
        f"{names.method(method)} over the best baseline (* beyond two standard errors)", fontsize=8
    )
    return figure


def ladder(analysis: Analysis) -> Any:
    """Final gain from labels over the prior alone, in points with 95 % t intervals over seeds,
    against the quality of the prior alone. A dot per data set and prior, for the best of each
    query rule's methods."""
    found = [[analysis.settings[place].curves for place in places]
             for _, places in ladders(analysis)]  # fmt: skip
    if not found:
        return None

    hues = colours(analysis.methods)
    best = {strategy_of(method): method for method in reversed(analysis.methods)}

    def draw(axis: Any, rungs: list[LearningCurves], _: Looks) -> None:
        for method in reversed(best.values()):
            some = [curves for curves in rungs if method in curves.methods]
            ends = [100 * last_level(one.of(method), one.labels) for one in some]
            alone = np.array([100 * one.prior for one in some])
            gains = np.array([end.mean() for end in ends]) - alone
            half = [float(stats.t_band(end[:, None])[0]) for end in ends]
            look = {"color": hues[method], "label": legend_name(analysis, method), "fmt": "o"}
            size = 3.4 if method in analysis.roles.ours else 2.4
            thin = {"elinewidth": 0.5, "markeredgewidth": 0, "alpha": 0.75}
            axis.errorbar(alone, gains, half, markersize=size, **look, **thin)
        axis.axhline(0, label="foundation model alone", **DOTTED)
        axis.set_title(analysis.names.setting(rungs[0].setting.without("dataset", "prior")))
        axis.set_xlabel("foundation model alone, %")
        axis.set_ylabel("gain over it at the end, points")

    return small_multiples(analysis, found, draw)


def recall_by_size(analysis: Analysis) -> Any:
    """Recall after the last label against the class size in the pool, in eight bins of size."""
    lasts = [last_rounds(analysis, found) for found in analysis.settings]
    for last in lasts:
        counts = last["class_counts"]
        if last.empty or counts.isna().any() or (counts.map(len) != last["recall"].map(len)).any():
            return None

    def draw(axis: Any, last: pd.DataFrame, styles: Looks) -> None:
        there = last["method"].unique()
        for method in (method for method in analysis.methods if method in there):
            runs = last[last["method"] == method]
            x, y = binned(over_classes(runs["class_counts"]), over_classes(runs["recall"]), 8)
            axis.plot(x, 100 * y, **styles[method])
        axis.set_title(analysis.names.setting(last["setting"].iloc[0]))
        sizes = over_classes(last["class_counts"])
        sizes = sizes[sizes > 0]
        axis.set_xlim(sizes.min() / 1.15, sizes.max() * 1.15)
        axis.set_xscale("log")
        ticks = [base * 10**power for power in range(7) for base in (1, 2, 5)]
        ticks = [tick for tick in ticks if sizes.min() <= tick <= sizes.max()]
        axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axis.minorticks_off()
        axis.set_ylim(-2, 102)
        axis.set_xlabel("rows of the class in the pool")
        axis.set_ylabel("recall (test), %")

    return small_multiples(analysis, lasts, draw)


def last_rounds(analysis: Analysis, found: SettingResult) -> pd.DataFrame:
    """The rounds after the last label in a setting that have a recall by class."""
    part = analysis.parts[found.curves.setting]
    there = part["recall"].map(len) > 0
    return pd.DataFrame(part[there & (part["n_labels"] == found.curves.labels[-1])])


def over_classes(lists: pd.Series[Any]) -> Floats:
    return np.concatenate([np.asarray(one, dtype=float) for one in lists])


def binned(sizes: Floats, recall: Floats, bins: int) -> tuple[Floats, Floats]:
    """Geometric mean size and mean recall of classes, in at most `bins` groups of equal number."""
    known = ~np.isnan(recall) & (sizes > 0)
    sizes, recall = sizes[known], recall[known]
    edges = np.unique(np.quantile(np.unique(sizes), np.linspace(0, 1, bins + 1)))
    group = np.clip(np.searchsorted(edges, sizes, side="right") - 1, 0, max(len(edges) - 2, 0))
    used = np.unique(group)
    x = [np.exp(np.log(sizes[group == g]).mean()) for g in used]
    return np.array(x), np.array([recall[group == g].mean() for g in used])


def label_precision(analysis: Analysis) -> Any:
    """Fraction of right answers among all labels; dotted: its expectation for random queries."""
    every = [found.curves for found in analysis.settings]
    shown = [one for one in every if analysis.parts[one.setting]["noise_rate"].max() > 0]
    if "labelled_noise" not in analysis.frame or not shown:
        return None
    parts = [analysis.parts[curves.setting] for curves in shown]

    def draw(axis: Any, part: pd.DataFrame, styles: Looks) -> None:
        curves = curves_of(part["setting"].iloc[0], part, "labelled_noise")
        for method in (method for method in analysis.methods if method in curves.methods):
            axis.plot(curves.labels, 100 * (1 - curves.of(method).mean(axis=0)), **styles[method])
        expected = 100 * (1 - part["noise_rate"].mean())
        axis.axhline(expected, label="whole pool", **DOTTED)
        axis.set_title(analysis.names.setting(curves.setting))
        axis.set_xlabel("labels")
        axis.set_xlim(0, curves.labels[-1] * 1.02)
        axis.set_ylabel("right answers among labelled, %")

    return small_multiples(analysis, parts, draw)
