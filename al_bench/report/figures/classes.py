"""The figures of what was labelled: recall by the size of classes, right answers among labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al_bench.analysis.analysis import Analysis, Found
from al_bench.analysis.curves import one
from al_bench.report.figures.axes import SHAPE, finish, legend, legend_name, looks, once
from al_bench.report.figures.style import DOTTED, panels


def recall_by_size(analysis: Analysis) -> Any:
    """Recall after the last label against the class's size in the pool, over eight bins of size."""
    lasts = [last_rounds(analysis, found) for found in analysis.found]
    if any(last.empty or last["class_counts"].isna().any() for last in lasts):
        return None
    figure, axes = panels(len(analysis.found), *SHAPE[len(analysis.found) == 1], 3)
    styles = looks(analysis)
    for axis, found, last in zip(axes, analysis.found, lasts, strict=True):
        for method in (name for name in analysis.methods if name in found.setting.methods):
            runs = last[last["method"] == method]
            sizes = np.concatenate([np.asarray(c, dtype=float) for c in runs["class_counts"]])
            recall = np.concatenate([np.asarray(r, dtype=float) for r in runs["recall"]])
            if len(sizes) != len(recall):
                return None
            x, y = binned(sizes, recall, 8)
            label = legend_name(analysis, method)
            axis.plot(x, 100 * y, label=label, **styles[method])
        finish(analysis, axis, found)
        sizes = np.concatenate([np.asarray(c, dtype=float) for c in last["class_counts"]])
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
    once(axes)
    legend(figure, axes, analysis)
    return figure


def last_rounds(analysis: Analysis, found: Found) -> pd.DataFrame:
    """Of a setting, the rounds after the last label that have a recall by class."""
    part = analysis.parts[found.setting.place]
    there = part["recall"].map(len) > 0
    last: pd.DataFrame = part[there & (part["n_labels"] == found.setting.labels[-1])]
    return last


def binned(sizes: np.ndarray[Any, Any], recall: np.ndarray[Any, Any], bins: int) -> tuple[Any, Any]:
    """Geometric mean size and mean recall of classes in at most `bins` groups of like number."""
    known = ~np.isnan(recall) & (sizes > 0)
    sizes, recall = sizes[known], recall[known]
    levels = np.unique(sizes)
    edges = np.unique(np.quantile(levels, np.linspace(0, 1, bins + 1)))
    group = np.clip(np.searchsorted(edges, sizes, side="right") - 1, 0, max(len(edges) - 2, 0))
    used = np.unique(group)
    x = [np.exp(np.log(sizes[group == g]).mean()) for g in used]
    return np.array(x), np.array([recall[group == g].mean() for g in used])


def label_precision(analysis: Analysis) -> Any:
    """Share of right answers among all labelled; dotted: what buying at random expects."""
    frame = analysis.frame
    if "labelled_noise" not in frame.columns or not (frame["noise_rate"] > 0).any():
        return None
    shown = [found for found in analysis.found if found.setting.noisy]
    figure, axes = panels(len(shown), *SHAPE[len(shown) == 1], 3)
    styles = looks(analysis)
    for axis, found in zip(axes, shown, strict=True):
        part = analysis.parts[found.setting.place]
        setting = one(found.setting.place, part, "labelled_noise")
        for method in (name for name in analysis.methods if name in setting.methods):
            mean = 100 * (1 - setting.of(method).mean(axis=0))
            label = legend_name(analysis, method)
            axis.plot(setting.labels, mean, label=label, **styles[method])
        expected = 100 * (1 - part["noise_rate"].mean())
        axis.axhline(expected, label="whole pool", **DOTTED)
        finish(analysis, axis, found)
        axis.set_ylabel("right answers among labelled, %")
    once(axes)
    legend(figure, axes, analysis)
    return figure
