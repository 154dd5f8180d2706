"""Learning curves of any tidy frame, drawn where the caller wants them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from al_bench.analysis.analysis import analyse
from al_bench.analysis.frame import Results
from al_bench.analysis.spec import ReportSpec
from al_bench.report.figures.figures import draw_curves


def plot_learning_curves(
    frame: pd.DataFrame, metric: str = "balanced_accuracy", ax: Any = None
) -> Any:
    """Mean learning curves with 95 % t bands over seeds, one setting an axes; returns the axes.

    frame: as `al_bench.analysis.load` gives it; ax: Matplotlib axes for a frame of one setting,
    else a figure is made, with an array of axes. ValueError where a frame of several is to be drawn
    on one axes.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    analysis = analyse(Results(frame, (), (), {}), ReportSpec(metric=metric, bootstrap=1))
    settings = [found.setting for found in analysis.found]
    if ax is not None and len(settings) > 1:
        raise ValueError(f"the frame has {len(settings)} settings; wanted one for one axes")
    axes = ax
    if ax is None:
        wide = min(len(settings), 3)
        axes = plt.subplots(-(-len(settings) // wide), wide, squeeze=len(settings) == 1)[1]
    for axis, setting in zip(np.ravel(axes), settings, strict=False):
        draw_curves(axis, setting, analysis)
        axis.set(title=analysis.names.place(setting.place), xlabel="labels")
        axis.legend()
    return axes
