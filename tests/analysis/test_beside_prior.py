"""Methods beside the prior alone, by hand: where they end, and from how many labels on above it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.analysis.analysis import analyse
from al_bench.analysis.beside_prior import Beside, beside_prior
from al_bench.analysis.curves import settings
from al_bench.analysis.frame import Results
from al_bench.analysis.keys import keyed
from al_bench.analysis.spec import ReportSpec
from al_bench.report.build import report
from al_bench.report.tables.beside_prior import beside_prior_tables
from al_bench.report.tables.cells import Table
from tests.analysis.frames import FAST, SLOW, WEAK, results, runs

PRIOR = 0.55


def held(curve: Any, seeds: tuple[float, ...] = (0.0, 0.0), alone: float = PRIOR) -> Beside:
    """One method with these curves beside the prior."""
    (setting,) = settings(keyed(runs("mine", curve, seeds=seeds, alone=alone)), "balanced_accuracy")
    return beside_prior(setting, setting.methods[0])


def test_a_curve_that_crosses_the_prior_says_with_how_many_labels() -> None:
    found = held(SLOW)  # 0.1 to 1.0 over 10 to 100
    assert found.needed == pytest.approx(55)
    assert found.end == pytest.approx(0.95)  # mean of the last two points
    assert (found.better, found.seeds) == (2, 2)


def test_a_curve_that_starts_above_the_prior_is_so_from_its_first_labels_on() -> None:
    assert held(SLOW, alone=0.05).needed == 10


def test_a_curve_that_falls_below_the_prior_again_is_not_above_it_for_good() -> None:
    falling = np.array([0.6] * 5 + [0.4] * 5)
    found = held(falling)
    assert found.needed == np.inf
    assert (found.end, found.better) == (pytest.approx(0.4), 0)


@pytest.mark.parametrize("apart", [0.0, 1e-12, -1e-12])
def test_a_curve_that_is_the_prior_but_for_rounding_is_never_above_it(apart: float) -> None:
    found = held(np.full(10, PRIOR + apart))
    assert (found.needed, found.better) == (np.inf, 0)


def test_seeds_are_counted_by_their_own_ends_and_the_mean_curve_decides_when() -> None:
    found = held(np.full(10, 0.5), seeds=(0.2, 0.2, -0.1))
    assert (found.better, found.seeds) == (2, 3)
    assert (found.needed, found.end) == (10, pytest.approx(0.6))


def test_runs_without_a_round_without_labels_have_no_prior_to_be_held_against() -> None:
    (setting,) = settings(keyed(runs("mine", SLOW)), "balanced_accuracy")
    message = "report.beside_prior needs the prior alone, .*dataset=one.*; wanted a round without"
    with pytest.raises(ValueError, match=message):
        beside_prior(setting, setting.methods[0])


def two_priors() -> Results:
    """Two priors of one data set, the better one named first, and one of another."""
    return results(
        runs("mine", FAST, prior="able", alone=0.55),
        runs("random", SLOW, prior="able", alone=0.55),
        runs("mine", SLOW, prior="weak", alone=0.25),
        runs("random", WEAK, prior="weak", alone=0.25),
        runs("truth", FAST + 1, prior="weak", alone=0.25, truth=True),
        runs("mine", WEAK, dataset="another", prior="weak", alone=0.75),
    )


def table(metric: str = "balanced_accuracy", found: Results | None = None) -> Table:
    spec = ReportSpec(bootstrap=10, beside_prior=[metric], ours={"strategy": "mine"})
    (made,) = beside_prior_tables(analyse(found or two_priors(), spec))
    return made


def test_the_table_has_settings_by_data_set_and_prior_and_the_best_fair_end_in_bold() -> None:
    made = table()
    assert made.title == "Beside the prior: balanced accuracy (test), %"
    assert made.header[:2] == ("setting", "prior alone")
    assert [row[:2] for row in made.rows] == [
        ("another · weak", "75.0"), ("one · weak", "25.0"), ("one · able", "55.0"),
    ]  # fmt: skip
    cells = [dict(zip(made.header, row, strict=True)) for row in made.rows]
    assert [row["mine"] for row in cells] == [
        "47.5 (never; 0 of 2)", "95.0 (from 25; 2 of 2)", "100.0 (from 28; 2 of 2)",
    ]  # fmt: skip
    assert [row["random"] for row in cells] == [
        "–", "47.5 (from 50; 2 of 2)", "95.0 (from 55; 2 of 2)",
    ]  # fmt: skip
    assert cells[1]["truth†"] == "200.0 (from 10; 2 of 2)"
    assert {(row, made.header[column]) for row, column in made.bold} == {
        (0, "mine"), (1, "mine"), (2, "mine"),
    }  # fmt: skip
    assert "reads the truth" in made.note


def test_the_prior_after_a_correction_is_a_level_more_where_it_was_measured() -> None:
    plain, found = table(), two_priors()
    at = found.frame["dataset"] == "one"
    found.frame.loc[at, "corrected_prior_balanced_accuracy"] = 0.6 + 0.1 * (
        found.frame["seed"] == 1
    )
    made = table(found=found)
    assert made.header == ("setting", "prior alone", "prior corrected", *plain.header[2:])
    assert [row[2] for row in made.rows] == ["–", "65.0", "65.0"]
    assert [(*row[:2], *row[3:]) for row in made.rows] == list(plain.rows)
    assert made.bold == {(row, column + 1) for row, column in plain.bold}
    assert "`prior corrected`" in made.note
    assert "`prior corrected`" not in plain.note
    found.frame["accuracy"] = found.frame["balanced_accuracy"]
    assert table("accuracy", found).header == plain.header  # no level of this metric


def test_each_metric_is_held_against_the_prior_by_the_same_metric() -> None:
    found = two_priors()
    found.frame["accuracy"] = 1 - found.frame["balanced_accuracy"]
    made = table("accuracy", found)
    assert [row[1] for row in made.rows] == ["25.0", "45.0", "75.0"]
    assert made.rows[1][0] == "one · able"  # the weaker one by this metric
    with pytest.raises(ValueError, match="no metric 'f2'"):
        table("f2")


def test_a_metric_where_lower_is_better_is_refused() -> None:
    with pytest.raises(ValueError, match=r"report.beside_prior has 'nll', where lower is better"):
        ReportSpec(beside_prior=["nll"])


def test_a_report_has_the_table_on_its_page_and_the_figure_of_the_ladder(tmp_path: Path) -> None:
    spec = ReportSpec(bootstrap=10, beside_prior=["balanced_accuracy"], figures=("ladder",),
                      details=False)  # fmt: skip
    written = report(two_priors(), "foundation", tmp_path, spec)
    assert [path.name for path in written][-2:] == [
        "foundation_ladder.png", "foundation_ladder.pdf",
    ]  # fmt: skip
    page = written[0].read_text("utf-8")
    assert "## Beside the prior: balanced accuracy (test), %" in page
    assert "Where each method ends against the prior alone" in page


def test_a_ladder_has_a_panel_for_settings_that_differ_in_their_prior_alone() -> None:
    from al_bench.report.figures.money import ladder

    more = [
        runs(method, curve, prior=prior, alone=alone, imbalance=50)
        for method, curve in (("mine", FAST), ("random", SLOW))
        for prior, alone in (("able", 0.55), ("weak", 0.25))
    ]
    analysis = analyse(results(two_priors().frame, *more), ReportSpec(bootstrap=10))
    axes = ladder(analysis).get_axes()
    assert [axis.get_title() for axis in axes] == [
        "one · natural skew", "one · long tail 50:1",
    ]  # fmt: skip
    lines = {line.get_label(): line for line in axes[0].get_lines()}
    assert lines["mine"].get_xdata() == pytest.approx([25, 55])
    assert lines["mine"].get_ydata() == pytest.approx([95, 100])
    alone = analyse(runs_of_one_prior(), ReportSpec(bootstrap=10))
    assert ladder(alone) is None


def runs_of_one_prior() -> Results:
    return results(runs("mine", FAST, alone=0.5), runs("random", SLOW, alone=0.5))
