"""The figures about classes and labels: recall by class size, and the precision of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al_bench.report.analysis import Analysis, SettingResult
from al_bench.report.curves import curves_of
from al_bench.report.figures.style import DOTTED, Looks, small_multiples
from al_bench.report.stats import Floats


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
