"""Figures: what they show, and that their files have the colours they were drawn in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from al_bench.report.analysis import analyse
from al_bench.report.figures.figures import figures, plot_learning_curves
from al_bench.report.figures.maps import ladder, mean_ranks
from al_bench.report.figures.style import KNOWN, panels, save_png, styled
from al_bench.report.results import load, read_runs
from al_bench.report.spec import ReportSpec
from tests.fakes import fake_runs
from tests.report.frames import FAST, SLOW, results, runs

QUICK = ReportSpec()


def colours_of(path: Path) -> set[tuple[int, ...]]:
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    return set(map(tuple, np.unique(pixels, axis=0).tolist()))


def as_bytes(colour: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in to_rgb(colour))


def test_every_methods_colour_is_in_the_png(tmp_path: Path) -> None:
    drawn_in_colour = dict(list(KNOWN.items())[:7])
    fake_runs(tmp_path / "runs", tuple(drawn_in_colour), seeds=3)
    spec = ReportSpec(figures=("curves",))
    drawn = figures(analyse(read_runs(tmp_path / "runs"), spec), tmp_path / "x")
    wanted = set(map(as_bytes, drawn_in_colour.values()))
    assert wanted <= colours_of(drawn["curves"][0])


def test_a_heat_map_keeps_the_hues_of_both_its_halves(tmp_path: Path) -> None:
    with styled():
        figure, (axis,) = panels(1, 3, 3, 1)
        axis.imshow(np.linspace(-1, 1, 64).reshape(8, 8), cmap="RdBu", vmin=-1, vmax=1)
        save_png(figure, tmp_path / "heat.png")
    found = np.array(sorted(colours_of(tmp_path / "heat.png")))
    red, blue = (found[:, i].astype(int) - found[:, 2 - i] for i in (0, 2))
    assert (red > 60).sum() > 15
    assert (blue > 60).sum() > 15


def test_of_many_methods_the_best_are_named_besides_ours_and_random() -> None:
    curves = {f"rule{number:02d}": FAST - 0.01 * number for number in range(30)}
    curves |= {"random": SLOW / 2, "mine": SLOW / 3}
    parts = [runs(m, c, dataset=d) for m, c in curves.items() for d in ("one", "two")]
    analysis = analyse(results(*parts), ReportSpec(ours={"strategy": "mine"}))
    (axis,) = mean_ranks(analysis).get_axes()
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == [*(f"rule{number:02d}" for number in range(25)), "random", "mine"]
    assert [label.get_fontweight() for label in axis.get_yticklabels()][-1] == "bold"
    dots = [line for line in axis.get_lines() if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == list(range(1, 33))
    assert list(axis.get_yticks()) == sorted(axis.get_yticks(), reverse=True)
    assert "of 32 over 2 settings" in axis.get_xlabel()
    assert "grey: 5 more" in axis.get_xlabel()


def test_a_ladder_shows_what_labels_add_to_each_foundation_model() -> None:
    more = [
        runs(method, curve, prior=prior, alone=alone, imbalance=imbalance)
        for method, curve in (("mine", FAST), ("random", SLOW))
        for prior, alone in (("able", 0.55), ("weak", 0.25))
        for imbalance in ("natural", 50)
    ]
    axes = ladder(analyse(results(*more), QUICK)).get_axes()
    assert [axis.get_title() for axis in axes] == ["natural skew", "long tail 50:1"]
    dots = {bars.get_label(): bars.lines[0] for bars in axes[0].containers}
    assert dots["mine"].get_xdata() == pytest.approx([25, 55])
    assert dots["mine"].get_ydata() == pytest.approx([75, 45])
    one_prior = results(runs("mine", FAST, alone=0.5), runs("random", SLOW, alone=0.5))
    assert ladder(analyse(one_prior, QUICK)) is None


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
        "flowers · no label noise", "flowers · 20 % label noise",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="the frame has 2 settings; wanted one for one axes"):
        plot_learning_curves(frame, ax=Figure().subplots())
