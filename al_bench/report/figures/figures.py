"""The figures of a report, and its learning curves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_bench.report import stats
from al_bench.report.analysis import Analysis, analyse
from al_bench.report.curves import LearningCurves
from al_bench.report.figures.claims import budget_figure, claims_figure
from al_bench.report.figures.classes import label_precision, recall_by_size
from al_bench.report.figures.maps import heat, ladder, mean_ranks
from al_bench.report.figures.style import DOTTED, GREY, Looks, looks, save, small_multiples, styled
from al_bench.report.results import Results
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
    return small_multiples(analysis, every, partial(draw_curves, analysis))


def draw_curves(analysis: Analysis, axis: Any, curves: LearningCurves, styles: Looks) -> None:
    """Draw the curves of one setting; bands of fractions are cut at 0 and 100 %."""
    for method in (method for method in analysis.methods if method in curves.methods):
        scores, style = 100 * curves.of(method), styles[method]
        mean, half = scores.mean(axis=0), stats.t_band(scores)
        axis.plot(curves.labels, mean, **style)
        if method not in analysis.oracles and style["color"] != GREY:
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

    frame: a table from `load_results`; ax: Matplotlib axes for a frame with one setting."""
    import matplotlib.pyplot as plt

    analysis = analyse(Results(frame, (), (), {}), ReportSpec(metric=metric))
    settings = [found.curves for found in analysis.settings]
    if ax is not None and len(settings) > 1:
        raise ValueError(f"the frame has {len(settings)} settings; wanted one for one axes")
    axes = ax
    if ax is None:
        wide = min(len(settings), 3)
        axes = plt.subplots(-(-len(settings) // wide), wide, squeeze=len(settings) == 1)[1]
    styles = looks(analysis)
    for axis, curves in zip(np.ravel(axes), settings, strict=False):
        draw_curves(analysis, axis, curves, styles)
        axis.legend()
    return axes


DRAW: dict[str, Callable[[Analysis], Any]] = {
    "claims": claims_figure,
    "budget": budget_figure,
    "curves": draw_learning_curves,
    "ranks": mean_ranks,
    "heat": heat,
    "recall": recall_by_size,
    "precision": label_precision,
    "ladder": ladder,
}
