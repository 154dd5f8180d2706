"""Learning curves of a frame, drawn on axes of the caller's or on new ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from al_bench.report.figures.figures import plot_learning_curves
from al_bench.report.results import load
from tests.fakes import fake_runs


def test_one_setting_is_drawn_on_the_axes_that_are_given(tmp_path: Path) -> None:
    frame = load(fake_runs(tmp_path, ("random", "margin"), seeds=3))
    axis = Figure().subplots()
    assert plot_learning_curves(frame, ax=axis) is axis
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert set(lines) == {"margin", "random", "prior alone (no labels)"}
    last = frame[(frame["strategy"] == "margin") & (frame["round"] == 10)]["balanced_accuracy"]
    assert lines["margin"].get_ydata()[-1] == pytest.approx(100 * last.mean())
    (low, high) = axis.collections[0].get_paths()[0].get_extents().intervaly
    assert 0 <= low < high <= 100


def test_bands_of_fractions_end_at_a_hundred_per_cent(tmp_path: Path) -> None:
    for number, seed in enumerate((0.2, 1.0)):
        fake_runs(tmp_path / str(number), ("margin",), seeds=1, curve=[seed] * 10)
    frames = [load(tmp_path / str(number)).assign(seed=number) for number in range(2)]
    frames[1]["id"] += "b"
    axis = Figure().subplots()
    plot_learning_curves(pd.concat(frames, ignore_index=True), ax=axis)
    (low, high) = axis.collections[0].get_paths()[0].get_extents().intervaly
    assert (low, high) == (0, 100)


def test_each_of_several_settings_has_axes_of_its_own(tmp_path: Path) -> None:
    for noise in ("clean", 0.2):
        fake_runs(tmp_path, ("random", "margin"), seeds=2, noise=noise)
    frame = load(tmp_path)
    axes = np.ravel(plot_learning_curves(frame, metric="accuracy"))
    assert [axis.get_title() for axis in axes] == [
        "flowers · no wrong answers", "flowers · 20 % wrong answers",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="the frame has 2 settings; wanted one for one axes"):
        plot_learning_curves(frame, ax=Figure().subplots())
