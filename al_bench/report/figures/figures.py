"""The figures of a report, and its learning curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_bench.report import stats
from al_bench.report.analysis import Analysis, analyse
from al_bench.report.claims import ClaimResult, PairedResult, at_once, summaries
from al_bench.report.curves import LearningCurves
from al_bench.report.figures.maps import heat, label_precision, ladder, mean_ranks, recall_by_size
from al_bench.report.figures.style import (
    COLOURS,
    DOTTED,
    GREY,
    Looks,
    legend_below,
    looks,
    once,
    panels,
    save,
    small_multiples,
    styled,
)
from al_bench.report.keys import Setting
from al_bench.report.results import Results
from al_bench.report.spec import ReportSpec
from al_bench.report.stats import Floats
from al_bench.report.tables.render import headed

NEVER = 118.0  # where a share is drawn that is not reached
STEPS = np.linspace(0.0, 1.0, 41)  # of the budget


def claims_figure(analysis: Analysis) -> Any:
    """A row for each claim and row of its table: on the left the share of the budget, on the right
    the difference in area, with 95 % intervals over seeds."""
    shown = [result for result in analysis.claims if result.sets]
    if not shown:
        return None
    lines: list[tuple[str, Any]] = []
    for result in shown:
        lines.append((result.claim.name, None))
        lines += [(analysis.names.all(one.row), one) for one in summaries(result)]
    figure, axes = panels(2, 3.7, 0.7 + 0.155 * len(lines), 2)
    for height, (_, one) in enumerate(reversed(lines)):
        if one is not None:
            if one.share.sets:
                spot(axes[0], height, one.share.median, *one.share.over_seeds)
            spot(axes[1], height, one.area.mean, *one.area.over_seeds)
    axes[0].set_xlim(0, NEVER + 4)
    axes[0].set_xticks([0, 25, 50, 75, 100, NEVER], ["0", "25", "50", "75", "100", "never"])
    axes[0].axvline(100, color="#444444", linewidth=0.8)
    axes[1].axvline(0, color="#444444", linewidth=0.8)
    axes[0].set_xlabel("% of the budget to the\nopponent's final accuracy (median)")
    axes[1].set_xlabel("area under the budget curve,\npoints above the opponent's")
    for axis, names in zip(axes, ([name for name, _ in lines], [""] * len(lines)), strict=True):
        axis.set_yticks(range(len(lines)), names[::-1])
        axis.set_ylim(-0.7, len(lines) - 0.3)
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
    for tick, (_, one) in zip(axes[0].get_yticklabels(), reversed(lines), strict=True):
        tick.set_fontweight("bold" if one is None else "normal")
    return figure


def spot(axis: Any, height: int, value: float, low: float, high: float) -> None:
    """A dot with its interval, in per cent; what is not reached lies beyond the budget."""
    at, left, right = (100 * end if np.isfinite(end) else NEVER for end in (value, low, high))
    if not np.isnan(low):
        axis.plot([left, right], [height, height], color=COLOURS[0], linewidth=1.2, zorder=3)
    axis.plot(at, height, "o", color=COLOURS[0], markersize=4, markeredgewidth=0, zorder=4)


def budget_figure(analysis: Analysis) -> Any:
    """Mean curves over the sets, the claims of `report.lines` and ours, a panel for each row."""
    shown = at_once(analysis.claims, analysis.spec.lines)
    if not shown:
        return None
    rows = list(shown[0].rows())
    figure, axes = panels(len(rows), 2.5, 2.5, 3)
    for axis, row in zip(axes, rows, strict=True):
        draw_row(axis, shown, row, analysis)
        axis.set_title(analysis.names.all(row))
        axis.set_xlabel("labels, % of the budget")
        axis.set_ylabel("balanced accuracy, %")
        axis.set_xlim(0, 100)
    once(axes)
    handles, labels = axes[0].get_legend_handles_labels()
    legend_below(figure, handles, labels, 2.2)
    return figure


def draw_row(axis: Any, shown: Sequence[ClaimResult], row: Setting, analysis: Analysis) -> None:
    """The curves of one row: each opponent's, and ours on top; the prior is a dotted line."""
    sets = shown[0].rows()[row]
    for number, result in enumerate(shown):
        mean = mean_curve(result.rows().get(row, []), "theirs")
        if result.claim.prior_alone:
            axis.axhline(mean[-1], label=result.claim.name, **DOTTED)
        else:
            axis.plot(100 * STEPS, mean, color=COLOURS[2 + number], label=result.claim.name)
    assert shown[0].ours is not None
    name = analysis.names.method(shown[0].ours)
    ours = mean_curve(sets, "ours")
    axis.plot(100 * STEPS, ours, color=COLOURS[1], linewidth=2.2, zorder=5, label=name)


def mean_curve(sets: Sequence[PairedResult], whose: str) -> Floats:
    """(41,) the mean over sets, in %, at shares of the budget; NaN where a set has no round yet."""
    curves = [np.interp(STEPS * one.labels[-1], one.labels, getattr(one, whose), left=np.nan)
              for one in sets]  # fmt: skip
    return np.asarray(100 * np.mean(curves, axis=0))


def figures(analysis: Analysis, stem: Path) -> dict[str, list[Path]]:
    written = {}
    with styled():
        for name in analysis.spec.figures:
            figure = DRAW[name](analysis)
            if figure is not None:
                written[name] = save(figure, stem.with_name(f"{stem.name}_{name}"))
    return written


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
    "curves": lambda analysis: small_multiples(
        analysis, [one.curves for one in analysis.settings], partial(draw_curves, analysis)
    ),
    "ranks": mean_ranks,
    "heat": heat,
    "recall": recall_by_size,
    "precision": label_precision,
    "ladder": ladder,
}
