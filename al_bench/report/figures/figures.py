"""The figures of a report; learning curves and savings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_bench.report import stats
from al_bench.report.analysis import Analysis, analyse
from al_bench.report.curves import LearningCurves
from al_bench.report.figures.claims import claims_figure
from al_bench.report.figures.classes import label_precision, recall_by_size
from al_bench.report.figures.maps import heat, ladder, mean_ranks
from al_bench.report.figures.style import (
    DOTTED,
    Looks,
    legend,
    looks,
    once,
    panels,
    rows_named,
    save,
    small_multiples,
    styled,
)
from al_bench.report.results import Results
from al_bench.report.savings import Saving
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.cells import headed


def figures(analysis: Analysis, stem: Path) -> dict[str, list[Path]]:
    """Draw the figures of the spec for which the runs have data."""
    written = {}
    with styled():
        for name in analysis.spec.figures:
            figure = DRAW[name](analysis)
            if figure is not None:
                written[name] = save(figure, stem.with_name(f"{stem.name}_{name}"))
    return written


def draw_learning_curves(analysis: Analysis) -> Any:
    """Mean curves with 95 % t bands over seeds, one panel per setting; the prior as a line."""
    every = [found.curves for found in analysis.settings]
    return small_multiples(
        analysis, every, lambda axis, curves, styles: draw_curves(axis, curves, analysis, styles)
    )


def draw_curves(axis: Any, curves: LearningCurves, analysis: Analysis, styles: Looks) -> None:
    """Draw the curves of one setting; bands of fractions are cut at 0 and 100 %."""
    for method in (method for method in analysis.methods if method in curves.methods):
        scores, style = 100 * curves.of(method), styles[method]
        mean, half = scores.mean(axis=0), stats.t_band(scores)
        axis.plot(curves.labels, mean, **style)
        if method not in analysis.oracles:
            band = {"color": style["color"], "alpha": 0.13, "linewidth": 0}
            low, high = np.clip([mean - half, mean + half], 0, max(100, mean.max()))
            axis.fill_between(curves.labels, low, high, **band)
    if not np.isnan(curves.prior):
        axis.axhline(100 * curves.prior, label="prior alone (no labels)", **DOTTED)
    axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")
    axis.set_title(analysis.names.setting(curves.setting))
    axis.set_xlabel("labels")
    axis.set_xlim(0, curves.labels[-1] * 1.02)


def plot_learning_curves(
    frame: pd.DataFrame, metric: str = "balanced_accuracy", ax: Any = None
) -> Any:
    """Mean learning curves with 95 % t bands over seeds, one axes per setting; returns the axes.

    frame: a table from `load_results`; ax: Matplotlib axes for a frame with one setting; without it
    a figure with an array of axes is made. ValueError if `ax` is given for several settings.
    """
    import matplotlib.pyplot as plt

    analysis = analyse(Results(frame, (), (), {}), ReportSpec(metric=metric, bootstrap=1))
    settings = [found.curves for found in analysis.settings]
    if ax is not None and len(settings) > 1:
        raise ValueError(f"the frame has {len(settings)} settings; wanted one for one axes")
    axes = ax
    if ax is None:
        wide = min(len(settings), 3)
        axes = plt.subplots(-(-len(settings) // wide), wide, squeeze=len(settings) == 1)[1]
    styles = looks(analysis)
    for axis, curves in zip(np.ravel(axes), settings, strict=False):
        draw_curves(axis, curves, analysis, styles)
        axis.legend()
    return axes


def savings_bars(analysis: Analysis) -> Any:
    """Savings over all levels with 95 % intervals, over random and over the best baseline.

    One panel per setting and one row per method; the other way round for one or two methods.
    """
    methods, names = list(analysis.roles.ours or analysis.competitors), analysis.names
    turned = len(methods) <= 2 < len(analysis.settings)
    pairs = [[(method, found) for method in methods] for found in analysis.settings]
    if turned:
        pairs = [[(method, found) for found in analysis.settings] for method in methods]
    tall = 0.8 + (0.33 if turned else 0.27) * len(pairs[0])
    figure, axes = panels(len(pairs), 3.4 + 1.6 * turned, tall, 2 if turned else 3)
    bars = {"over random": ("#A6A6A6", 0.19), "over the best other baseline": ("#0072B2", -0.19)}
    for axis, rows in zip(axes, pairs, strict=True):
        settings = [names.setting(found.curves.setting) for _, found in rows]
        called = [names.method(method) for method, _ in rows]
        title, labels = (called[0], settings) if turned else (settings[0], called)
        shown = []
        for row, (method, found) in enumerate(reversed(rows)):
            for by, (colour, shift) in zip(
                (found.over_random, found.over_best), bars.values(), strict=True
            ):
                if (one := by.get(method)) is not None:
                    shown.append((row + shift, one.integrated, colour))
        ends = [value for _, s, _ in shown for value in (s.value, s.low) if not np.isnan(value)]
        limits = (max(min([-0.1, *ends]) * 1.08, -1.0), 1.0)
        for height, saving, colour in shown:
            interval_bar(axis, height, saving, colour, limits)
        axis.axvline(0, color="#444444", linewidth=0.8)
        rows_named(axis, labels[::-1])
        axis.set_xlim(100 * limits[0], 100 * limits[1])
        axis.set_ylim(-0.55, len(rows) - 0.45)
        axis.set_title(title)
        axis.set_xlabel("labels saved, %")
    once(axes)
    for label, (colour, _) in bars.items():
        axes[0].barh([np.nan], [0], color=colour, label=label)
    legend(figure, axes, analysis)
    return figure


def interval_bar(
    axis: Any, height: float, saving: Saving, colour: str, limits: tuple[float, float]
) -> None:
    """Draw a bar with its interval; arrows where it leaves the panel."""
    value, low, high = (100 * np.clip(v, *limits) for v in (saving.value, saving.low, saving.high))
    axis.barh(height, value, 0.36, color=colour, zorder=2)
    if not np.isnan(saving.low):
        axis.plot([low, high], [height, height], color="#222222", linewidth=0.9, zorder=3)
        if saving.low < limits[0]:
            axis.plot(low, height, marker="<", markersize=3, color="#222222", clip_on=False)


DRAW: dict[str, Callable[[Analysis], Any]] = {
    "claims": claims_figure,
    "curves": draw_learning_curves,
    "savings": savings_bars,
    "ranks": mean_ranks,
    "heat": heat,
    "recall": recall_by_size,
    "precision": label_precision,
    "ladder": ladder,
}
