"""The figures of a report: learning curves, savings, ranks, heat map, recall, label precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.analysis import Analysis
from al_bench.analysis.curves import Setting
from al_bench.analysis.savings import Saving
from al_bench.report.figures.axes import SHAPE, finish, legend, legend_name, looks, once
from al_bench.report.figures.classes import label_precision, recall_by_size
from al_bench.report.figures.forest import claims_figure
from al_bench.report.figures.maps import heat, ladder, mean_ranks
from al_bench.report.figures.style import DOTTED, panels, save, styled
from al_bench.report.tables.cells import headed


def figures(analysis: Analysis, stem: Path) -> dict[str, list[Path]]:
    """Draw the figures the spec names, as far as the runs have what they show."""
    draw: dict[str, Callable[[Analysis], Any]] = {
        "claims": claims_figure,
        "curves": learning_curves,
        "savings": savings_bars,
        "ranks": mean_ranks,
        "heat": heat,
        "recall": recall_by_size,
        "precision": label_precision,
        "ladder": ladder,
    }
    written = {}
    with styled():
        for name in analysis.spec.figures:
            figure = draw[name](analysis)
            if figure is not None:
                written[name] = save(figure, stem.with_name(f"{stem.name}_{name}"))
    return written


def learning_curves(analysis: Analysis) -> Any:
    """Mean curves with 95 % t bands over seeds, a panel a setting; the prior as a line."""
    figure, axes = panels(len(analysis.found), *SHAPE[len(analysis.found) == 1], 3)
    for axis, found in zip(axes, analysis.found, strict=True):
        draw_curves(axis, found.setting, analysis)
        finish(analysis, axis, found)
    once(axes)
    legend(figure, axes, analysis)
    return figure


def draw_curves(axis: Any, setting: Setting, analysis: Analysis) -> None:
    """The curves of one setting; the band of a fraction ends at 0 and 100 %."""
    styles = looks(analysis)
    for method in (method for method in analysis.methods if method in setting.methods):
        curves, style = 100 * setting.of(method), styles[method]
        mean, half = curves.mean(axis=0), stats.t_band(curves)
        axis.plot(setting.labels, mean, label=legend_name(analysis, method), **style)
        if method not in analysis.oracles:
            band = {"color": style["color"], "alpha": 0.13, "linewidth": 0}
            low, high = np.clip([mean - half, mean + half], 0, max(100, mean.max()))
            axis.fill_between(setting.labels, low, high, **band)
    if not np.isnan(setting.prior):
        axis.axhline(100 * setting.prior, label="prior alone (no labels)", **DOTTED)
    axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")


def savings_bars(analysis: Analysis) -> Any:
    """Savings summed over levels with 95 % intervals, over random and the best baseline.

    A panel a setting and a row a method; the other way round for one or two methods.
    """
    methods, names = list(analysis.sides.ours or analysis.competitors), analysis.names
    turned = len(methods) <= 2 < len(analysis.found)
    pairs = [[(method, found) for method in methods] for found in analysis.found]
    if turned:
        pairs = [[(method, found) for found in analysis.found] for method in methods]
    tall = 0.8 + (0.33 if turned else 0.27) * len(pairs[0])
    wide = 3.4 + 1.6 * turned
    figure, axes = panels(len(pairs), wide, tall, 2 if turned else 3)
    looks = {"over random": ("#A6A6A6", 0.19), "over the best other baseline": ("#0072B2", -0.19)}
    for axis, rows in zip(axes, pairs, strict=True):
        places = [names.place(found.setting.place) for _, found in rows]
        called = [names.method(method) for method, _ in rows]
        title, labels = (called[0], places) if turned else (places[0], called)
        shown = []
        for row, (method, found) in enumerate(reversed(rows)):
            for by, (colour, shift) in zip(
                (found.over_random, found.over_best), looks.values(), strict=True
            ):
                if (one := by.get(method)) is not None:
                    shown.append((row + shift, one.saving("integrated"), colour))
        ends = [value for _, s, _ in shown for value in (s.value, s.low) if not np.isnan(value)]
        limits = (max(min([-0.1, *ends]) * 1.08, -1.0), 1.0)
        for height, saving, colour in shown:
            bar(axis, height, saving, colour, limits)
        axis.axvline(0, color="#444444", linewidth=0.8)
        first = axis.get_subplotspec().is_first_col()
        axis.set_yticks(range(len(rows)), labels[::-1] if first else [""] * len(rows))
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
        axis.set_xlim(100 * limits[0], 100 * limits[1])
        axis.set_ylim(-0.55, len(rows) - 0.45)
        axis.set_title(title)
        axis.set_xlabel("labels saved, %")
    once(axes)
    for label, (colour, _) in looks.items():
        axes[0].barh([np.nan], [0], color=colour, label=label)
    legend(figure, axes, analysis)
    return figure


def bar(axis: Any, height: float, saving: Saving, colour: str, limits: tuple[float, float]) -> None:
    """A bar with its interval; arrows where it leaves the panel."""
    value, low, high = (100 * np.clip(v, *limits) for v in (saving.value, saving.low, saving.high))
    axis.barh(height, value, 0.36, color=colour, zorder=2)
    if not np.isnan(saving.low):
        axis.plot([low, high], [height, height], color="#222222", linewidth=0.9, zorder=3)
        if saving.low < limits[0]:
            axis.plot(low, height, marker="<", markersize=3, color="#222222", clip_on=False)
