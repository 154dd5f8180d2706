"""What the panels of one figure share: line styles, a legend, labels at the edges."""

from __future__ import annotations

from typing import Any

from al_bench.analysis.analysis import Analysis, Found
from al_bench.analysis.keys import Method
from al_bench.report.figures.style import colours, dashes, markers
from al_bench.report.tables.cells import DAGGER

SHAPE = {True: (4.4, 3.2), False: (3.4, 2.75)}  # inches of a panel: alone, among others


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
    shown = [handles[label] for label in order]
    if len(axes) > 1:
        below(figure, shown, order, handlelength=2.6)
        return
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide + 0.065 * max(map(len, order)) + 0.6, high)
    figure.legend(shown, order, loc="outside right upper", handlelength=2.6)


def below(figure: Any, handles: list[Any], labels: list[str], handlelength: float) -> None:
    """A legend below all panels, in as many columns as fit."""
    wide, high = figure.get_size_inches()
    columns = max(min(int(wide / (0.065 * max(map(len, labels)) + 0.6)), len(labels)), 1)
    figure.set_size_inches(wide, high + 0.17 * -(-len(labels) // columns))
    place = {"loc": "outside lower center", "ncols": columns}
    figure.legend(handles, labels, handlelength=handlelength, **place)


def legend_name(analysis: Analysis, method: Method) -> str:
    name = analysis.names.method(method)
    return f"{name} {DAGGER} reads the truth" if method in analysis.oracles else name


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
