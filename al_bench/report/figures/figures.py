"""The figures of a report: learning curves, savings, ranks, heat map, recall, label precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.analysis import stats
from al_bench.analysis.analysis import Analysis, Found
from al_bench.analysis.curves import Setting, one
from al_bench.analysis.keys import Method
from al_bench.analysis.savings import Saving
from al_bench.report.figures.forest import claims_figure
from al_bench.report.figures.maps import heat, prior_quality, rank_diagram
from al_bench.report.figures.style import colours, dashes, markers, panels, save, styled
from al_bench.report.tables.cells import DAGGER, headed

SHAPE = {True: (4.4, 3.2), False: (3.4, 2.75)}  # inches of a panel: alone, among others


def figures(analysis: Analysis, stem: Path) -> dict[str, list[Path]]:
    """Draw the figures the spec names, as far as the runs have what they show."""
    draw: dict[str, Callable[[Analysis], Any]] = {
        "claims": claims_figure,
        "curves": learning_curves,
        "savings": savings_bars,
        "ranks": rank_diagram,
        "heat": heat,
        "recall": recall_by_size,
        "precision": label_precision,
        "prior": prior_quality,
    }
    written = {}
    with styled():
        for name in analysis.spec.figures:
            figure = draw[name](analysis)
            if figure is not None:
                written[name] = save(figure, stem.with_name(f"{stem.name}_{name}"))
    return written


def looks(analysis: Analysis) -> dict[Method, dict[str, Any]]:
    """Line styles of all methods: ours on top and thicker, truth readers thin and dashed."""
    names, readers, ours = analysis.methods, analysis.oracles, analysis.sides.ours
    hues, lines, points = colours(names), dashes(names, readers), markers(names)
    found = {}
    for method in names:
        style = {"color": hues[method], "marker": points[method], "linewidth": 1.3, "zorder": 3}
        if method in readers:
            style |= {"color": "#222222", "marker": "", "linewidth": 1.0}
        if method in ours:
            style |= {"linewidth": 2.2, "zorder": 5}
        found[method] = style | {"linestyle": lines[method], "markeredgewidth": 0}
    return found


def legend(figure: Any, axes: list[Any], analysis: Analysis) -> None:
    """One legend in the order of the mean ranks: beside a single panel, else below all of them."""
    handles: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    order = [text for name in analysis.methods if (text := legend_name(analysis, name)) in handles]
    order += [label for label in handles if label not in order]
    shown, length = [handles[label] for label in order], max(map(len, order))
    wide, high = figure.get_size_inches()
    if len(axes) == 1:
        figure.set_size_inches(wide + 0.065 * length + 0.6, high)
        figure.legend(shown, order, loc="outside right upper", handlelength=2.6)
        return
    columns = max(min(int(wide / (0.065 * length + 0.6)), len(order)), 1)
    figure.set_size_inches(wide, high + 0.17 * -(-len(order) // columns))
    figure.legend(shown, order, loc="outside lower center", ncols=columns, handlelength=2.6)


def legend_name(analysis: Analysis, method: Method) -> str:
    name = analysis.names.method(method)
    return f"{name} {DAGGER} reads the truth" if method in analysis.oracles else name


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
    """The curves of one setting; their bands end where the metric, a fraction, does."""
    styles = looks(analysis)
    for method in (method for method in analysis.methods if method in setting.methods):
        curves, style = 100 * setting.of(method), styles[method]
        mean, half = curves.mean(axis=0), stats.t_band(curves)
        axis.plot(setting.labels, mean, label=legend_name(analysis, method), **style)
        if method not in analysis.oracles:
            band = {"color": style["color"], "alpha": 0.13, "linewidth": 0}
            low, high = np.clip([mean - half, mean + half], 0, 100)
            axis.fill_between(setting.labels, low, high, **band)
    if not np.isnan(setting.prior):
        line = {"color": "#222222", "linewidth": 1.0, "linestyle": (0, (1, 1.6)), "zorder": 2}
        axis.axhline(100 * setting.prior, label="prior alone (no labels)", **line)
    axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")


def finish(analysis: Analysis, axis: Any, found: Found) -> None:
    axis.set_title(analysis.names.place(found.setting.place))
    axis.set_xlabel("labels")
    axis.set_xlim(0, found.setting.labels[-1] * 1.02)


def once(axes: list[Any]) -> None:
    """Axis labels at the left and below only."""
    columns = axes[0].get_gridspec().ncols
    for number, axis in enumerate(axes):
        if number % columns:
            axis.set_ylabel("")
        if number + columns < len(axes):
            axis.set_xlabel("")


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
    rules = {"random": ("#A6A6A6", 0.19), "here": ("#0072B2", -0.19)}
    for axis, rows in zip(axes, pairs, strict=True):
        places = [names.place(found.setting.place) for _, found in rows]
        called = [names.method(method) for method, _ in rows]
        title, labels = (called[0], places) if turned else (places[0], called)
        shown = []
        for row, (method, found) in enumerate(reversed(rows)):
            for rule, (colour, shift) in rules.items():
                if (one := found.against(method, rule)) is not None:
                    shown.append((row + shift, one.saving("integrated"), colour))
        ends = [value for _, s, _ in shown for value in (s.value, s.low) if np.isfinite(value)]
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
    for label, rule in (("over random", "random"), ("over the best other baseline", "here")):
        axes[0].barh([np.nan], [0], color=rules[rule][0], label=label)
    legend(figure, axes, analysis)
    return figure


def bar(axis: Any, height: float, saving: Saving, colour: str, limits: tuple[float, float]) -> None:
    """A bar with its interval, or the words `not reached`; arrows where it leaves the panel."""
    if not np.isfinite(saving.value):
        axis.text(1.5, height, "not reached", va="center", fontsize=6, color="#444444")
        return
    value, low, high = (100 * np.clip(v, *limits) for v in (saving.value, saving.low, saving.high))
    axis.barh(height, value, 0.36, color=colour, zorder=2)
    if not np.isnan(saving.low):
        axis.plot([low, high], [height, height], color="#222222", linewidth=0.9, zorder=3)
        if saving.low < limits[0]:
            axis.plot(low, height, marker="<", markersize=3, color="#222222", clip_on=False)


def recall_by_size(analysis: Analysis) -> Any:
    """Recall after the last label against the class's size in the pool, over eight bins of size."""
    frame = analysis.frame
    if frame["class_counts"].isna().any() or (frame["recall"].map(len) == 0).any():
        return None
    figure, axes = panels(len(analysis.found), *SHAPE[len(analysis.found) == 1], 3)
    styles = looks(analysis)
    for axis, found in zip(axes, analysis.found, strict=True):
        part = analysis.parts[found.setting.place]
        last = part[part["n_labels"] == found.setting.labels[-1]]
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
        line = {"color": "#222222", "linewidth": 1.0, "linestyle": (0, (1, 1.6)), "zorder": 2}
        axis.axhline(expected, label="whole pool", **line)
        finish(analysis, axis, found)
        axis.set_ylabel("right answers among labelled, %")
    once(axes)
    legend(figure, axes, analysis)
    return figure
