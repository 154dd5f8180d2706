"""Tables of a report: levels, savings and comparisons, none smoothed or left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from al_bench.report.analysis import analyse
from al_bench.report.keys import Method
from al_bench.report.results import Results, read_runs
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.pivots import pivots
from al_bench.report.tables.render import DAGGER, Table
from al_bench.report.tables.tables import tables
from tests.fakes import fake_run, fake_runs

QUICK = ReportSpec()


def option(method: Method) -> str:
    return method.choice("strategy").option


def cell(table: Table, row: str, column: str) -> str:
    names = [cells[0] for cells in table.rows]
    found = [c for c, text in enumerate(table.header) if text.startswith(column)]
    return table.rows[names.index(row)][found[0]]


def test_a_decreasing_curve_stays_decreasing_in_the_table(tmp_path: Path) -> None:
    falling = [0.9 - 0.05 * step for step in range(10)]
    for seed in range(3):
        fake_run(tmp_path, "margin", seed=seed, curve=falling)
        fake_run(tmp_path, "random", seed=seed, curve=[0.3 + 0.01 * s for s in range(10)])
    first = tables(analyse(read_runs(tmp_path), QUICK))[0]
    assert cell(first, "margin", "final") == "45.0 ± 0.0"
    assert cell(first, "margin", "area") == "67.5 ± 0.0"


def test_shares_of_the_budget_stand_in_the_table_of_a_setting(tmp_path: Path) -> None:
    for seed in range(3):
        fake_run(tmp_path, "margin", seed=seed, curve=[min(0.2 * s, 1.0) for s in range(1, 11)])
        fake_run(tmp_path, "random", seed=seed, curve=[0.1 * s for s in range(1, 11)])
        fake_run(tmp_path, "badge", seed=seed, curve=[0.05 * s for s in range(1, 11)])
    first = tables(analyse(read_runs(tmp_path), ReportSpec(ours={"strategy": "margin"})))[0]
    assert cell(first, "margin", "budget to reach random") == "50"
    assert cell(first, "margin", "budget to reach the best") == "50"
    assert cell(first, "BADGE", "budget to reach random") == "not reached"
    assert cell(first, "random", "budget to reach random") == "–"


def test_runs_measured_once_have_a_score_and_no_shares(tmp_path: Path) -> None:
    for strategy, level in (("random", 0.5), ("margin", 0.7)):
        for seed in range(3):
            fake_run(tmp_path, strategy, seed=seed, rounds=1, curve=[level])
    shown = tables(analyse(read_runs(tmp_path), ReportSpec()))
    main = next(table for table in shown if table.title == "flowers")
    row = next(row for row in main.rows if row[0] == "margin")
    assert row[1:5] == ("70.0 ± 0.0", "70.0 ± 0.0", "–", "–")
    assert "20 labels alone" in main.note


def test_the_best_baseline_is_chosen_without_ours_and_without_truth_readers(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random", "margin", "codecision"))
    high = [0.97] * 10
    for seed in range(5):
        fake_run(tmp_path, "balanced_random", seed=seed, curve=high, reads_truth=True)
    spec = ReportSpec(ours={"strategy": "codecision"})
    analysis = analyse(read_runs(tmp_path), spec)
    found = analysis.settings[0]
    (ours,) = analysis.roles.ours
    chosen = [option(by[ours].baseline) for by in (found.over_random, found.over_best)]
    assert chosen == ["random", "margin"]
    assert "balanced_random" not in map(option, analysis.competitors)
    first = tables(analysis)[0]
    assert "balanced random" + DAGGER in [row[0] for row in first.rows]
    assert "reads the truth" in first.note
    assert {row for row, _ in first.bold} == {0}  # ours, not the reference, is printed bold


def test_a_setting_whose_baselines_are_not_run_yet_is_shown_without_a_comparison(
    tmp_path: Path,
) -> None:
    fake_runs(tmp_path, ("random", "margin", "codecision"), seeds=2)
    fake_runs(tmp_path, ("codecision",), seeds=2, dataset="trees")
    analysis = analyse(read_runs(tmp_path), ReportSpec(ours={"strategy": "codecision"}))
    flowers, trees = analysis.settings
    assert flowers.over_best
    assert not trees.over_best
    shown = {table.title: table for table in tables(analysis)}["trees"]
    assert "none has been run yet" in shown.note
    assert shown.rows[0][3:5] == ("–", "–")


def test_pairs_use_the_seeds_both_have_and_headers_name_the_split(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random",), seeds=5)
    fake_runs(tmp_path, ("margin",), seeds=3)
    analysis = analyse(read_runs(tmp_path), QUICK)
    (margin,) = (method for method in analysis.methods if option(method) == "margin")
    assert len(analysis.settings[0].over_random[margin].area.apart) == 3
    shown = tables(analysis)
    assert "final balanced accuracy (test), %" in shown[0].header
    every = [text for table in shown for text in table.header]
    assert "balanced accuracy (pool, transductive)" in every
    assert not [text for text in every if "pool" in text and "transductive" not in text]


def test_methods_that_miss_in_some_setting_are_not_ranked_and_said_so(tmp_path: Path) -> None:
    for noise in ("clean", 0.2):
        fake_runs(tmp_path, ("random", "margin", "galaxy"), seeds=2, noise=noise)
    fake_runs(tmp_path, ("badge",), seeds=2)
    shown = tables(analyse(read_runs(tmp_path), QUICK))
    ranking = next(table for table in shown if table.title == "Over all settings")
    assert [row[0] for row in ranking.rows] == ["GALAXY", "margin", "random"]
    assert [row[1] for row in ranking.rows] == ["1.00 ± 0.00", "2.00 ± 0.00", "3.00 ± 0.00"]
    assert "Not in every setting, so not ranked: BADGE." in ranking.note


LEVEL = {("margin", "labels"): 0.5, ("margin", "posterior_labels"): 0.8,
         ("random", "labels"): 0.4, ("random", "posterior_labels"): 0.6}  # fmt: skip
CROSSED = {"title": "Crossed", "rows": ["strategy", "init"], "columns": ["supervision"]}


def table(found: Results, asked: dict[str, Any]) -> Table:
    (made,) = pivots(analyse(found, ReportSpec(tables=[asked])))
    return made


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two query rules with two training rules, clean and noisy, where all are 20 points lower."""
    folder = tmp_path_factory.mktemp("crossing")
    for (strategy, supervision), value in LEVEL.items():
        for noise, seed in (("clean", 0), ("clean", 1), (0.2, 0)):
            curve = [value - 0.2 * (noise != "clean")] * 10
            fake_run(folder, strategy, supervision, noise=noise, seed=seed, curve=curve)
    return read_runs(folder)


def test_a_cell_is_the_mean_over_settings_of_what_has_its_row_and_column(crossing: Results) -> None:
    made = table(crossing, CROSSED)
    assert made.title == "Crossed: balanced accuracy (test)"
    assert made.header == ("query rule, start", "labels", "posterior labels")
    assert made.rows == (("margin", "40.0", "70.0"), ("random", "30.0", "50.0"))
    assert made.note.startswith("Area under the curve, fractions in %; mean over 2 settings")


def test_a_cell_of_fewer_settings_than_others_says_of_how_many(crossing: Results) -> None:
    frame = crossing.frame
    gone = (frame["strategy"] == "margin") & (frame["supervision"] == "posterior_labels")
    part = Results(frame[~(gone & (frame["noise"] == "clean"))], (), (), {})
    assert table(part, CROSSED).rows == (("margin", "40.0", "60.0 (1)"), ("random", "30.0", "50.0"))


def test_several_metrics_are_columns_and_those_that_count_are_no_per_cent(
    crossing: Results,
) -> None:
    metrics = ["balanced_accuracy", "product_balanced_accuracy", "oracle_calls"]
    asked = {"title": "t", "rows": ["method"], "metrics": metrics, "value": "last"}
    made = table(crossing, asked | {"where": {"supervision": "labels"}, "note": "Said."})
    assert made.title == "t"
    assert made.header == ("method", "balanced accuracy (test)",
                           "product balanced accuracy (test)", "oracle calls")  # fmt: skip
    assert made.rows == (("margin", "40.0", "42.0", "10.0"), ("random", "30.0", "32.0", "10.0"))
    assert made.note.endswith("; {supervision: labels}. Said.")


def test_levels_at_fractions_of_the_pool_are_those_of_rounds_that_end_there(tmp_path: Path) -> None:
    """Pools of 787 rows: 80 labels are 10.2 %, 160 labels are 20.3 %."""
    for seed in range(2):
        fake_run(tmp_path, "margin", seed=seed, curve=[0.05 * step for step in range(1, 11)])
        fake_run(tmp_path, "random", seed=seed, curve=[0.3 + 0.1 * seed] * 10)
    asked = {"title": "At", "rows": ["setting"], "columns": ["method"], "value": 0.1}
    found = read_runs(tmp_path)
    assert table(found, asked).rows == (("flowers", "35.0 ± 7.1", "20.0 ± 0.0"),)
    assert table(found, asked).header == ("setting", "random", "margin")  # by their mean rank
    assert table(found, asked).bold == {(0, 1)}
    assert table(found, asked | {"value": 0.2}).bold == {(0, 2)}
    assert table(found, asked | {"value": 0.9}).rows == ()  # no round ends there
    assert table(found, asked | {"value": "end"}).rows[0][2] == "47.5 ± 0.0"


def test_a_selection_that_no_run_is_of_leaves_a_table_without_rows(crossing: Results) -> None:
    assert table(crossing, CROSSED | {"where": {"strategy": "his"}}).rows == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": ["colour"]}, "'Crossed' has the group 'colour'; wanted some of"),
        ({"value": "median"}, "has value='median'; wanted one of .* or a fraction of the pool"),
        ({"value": 2}, "has value=2"),
        ({"where": "margin"}, "'Crossed' where has 'margin'; wanted columns and their values"),
        ({"bold": True}, "wanted title, rows and, if need be"),
        ({"metrics": ["f2"]}, "'Crossed' has the metric 'f2'; wanted one of"),
    ],
)
def test_a_wrong_table_is_one_sentence(
    crossing: Results, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        table(crossing, CROSSED | options)
