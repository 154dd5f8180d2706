"""The figure of a budget: mean curves over all data sets, of ours and of its opponents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from al_bench.report.analysis import Analysis
from al_bench.report.claims import PairedResult
from al_bench.report.figures.style import COLOURS, DOTTED, legend_below, once, panels
from al_bench.report.stats import Floats
from al_bench.report.tables.cells import headed

STEPS = np.linspace(0.0, 1.0, 41)  # of the budget
OURS, THEIRS = COLOURS[1], (COLOURS[0], *COLOURS[2:])


def budget_figure(analysis: Analysis) -> Any:
    """Mean curves over the sets, of the claims of `report.lines` and of their method, a panel for
    each row of the claims; the prior alone is a dotted line."""
    held = {result.claim.name: result for result in analysis.claims if result.sets}
    shown = [held[name] for name in analysis.spec.lines if name in held]
    if not shown:
        return None
    first, rows = shown[0], [result.rows() for result in shown]
    assert first.ours is not None
    figure, axes = panels(len(rows[0]), 2.5, 2.5, 3)
    for axis, row in zip(axes, rows[0], strict=True):
        hues = iter(THEIRS)
        for result, found in zip(shown, rows, strict=True):
            mean = mean_curve(found.get(row, ()), "theirs")
            if result.claim.prior_alone:
                axis.axhline(mean[-1], label=result.claim.name, **DOTTED)
            else:
                axis.plot(100 * STEPS, mean, color=next(hues), label=result.claim.name)
        look = {"color": OURS, "linewidth": 2.2, "zorder": 5}
        name = analysis.names.method(first.ours)
        axis.plot(100 * STEPS, mean_curve(rows[0][row], "ours"), label=name, **look)
        axis.set_title(analysis.names.all(row))
        axis.set_xlabel("labels, % of the budget")
        axis.set_ylabel(f"{headed(analysis.spec.metric)}, %")
        axis.set_xlim(0, 100)
    low, high = zip(*(axis.get_ylim() for axis in axes), strict=True)
    for axis in axes:
        axis.set_ylim(min(low), max(high))
    once(axes)
    legend_below(figure, *axes[0].get_legend_handles_labels(), 2.2)
    return figure


def mean_curve(sets: Sequence[PairedResult], whose: str) -> Floats:
    """(41,) the mean over sets, in %, at shares of the budget; NaN where a set has no round yet."""
    curves = [
        np.interp(STEPS * one.labels[-1], one.labels, getattr(one, whose), left=np.nan)
        for one in sets
    ]
    return np.asarray(100 * np.mean(curves, axis=0)) if curves else np.full(len(STEPS), np.nan)
