"""Tables of a report: levels, savings and comparisons, none smoothed or left out."""

from __future__ import annotations

from pathlib import Path

from al_bench.report.analysis import ReportSpec, analyse
from al_bench.report.keys import Method
from al_bench.report.results import read_runs
from al_bench.report.tables.cells import DAGGER, Table
from al_bench.report.tables.tables import tables
from tests.fakes import fake_run, fake_runs

QUICK = ReportSpec(bootstrap=200)


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
    assert "labels to 47.5 (margin)" in first.header


def test_savings_and_labels_to_target_stand_in_the_main_table(tmp_path: Path) -> None:
    for seed in range(3):
        fake_run(tmp_path, "margin", seed=seed, curve=[min(0.2 * s, 1.0) for s in range(1, 11)])
        fake_run(tmp_path, "random", seed=seed, curve=[0.1 * s for s in range(1, 11)])
        fake_run(tmp_path, "badge", seed=seed, curve=[0.05 * s for s in range(1, 11)])
    first = tables(
        analyse(read_runs(tmp_path), ReportSpec(ours={"strategy": "margin"}, bootstrap=50))
    )[0]
    assert cell(first, "margin", "saving over random") == "50 % [50, 50]"
    assert cell(first, "margin", "saving over best") == "50 % [50, 50]"
    assert cell(first, "margin", "labels to 95.0 (random)") == "95"
    assert cell(first, "badge", "saving over random") == "not reached"
    assert cell(first, "badge", "labels to") == "not reached"
    assert cell(first, "random", "saving over random") == "–"


def test_runs_measured_once_have_a_score_and_no_savings(tmp_path: Path) -> None:
    for strategy, level in (("random", 0.5), ("margin", 0.7)):
        for seed in range(3):
            fake_run(tmp_path, strategy, seed=seed, rounds=1, curve=[level])
    shown = tables(analyse(read_runs(tmp_path), ReportSpec()))
    main = next(table for table in shown if table.title == "flowers")
    row = next(row for row in main.rows if row[0] == "margin")
    assert row[1:7] == ("70.0 ± 0.0", "70.0 ± 0.0", "–", "–", "–", "–")
    assert "20 labels alone" in main.note


def test_the_best_baseline_is_chosen_without_ours_and_without_truth_readers(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random", "margin", "codecision"))
    high = [0.97] * 10
    for seed in range(5):
        fake_run(tmp_path, "balanced_random", seed=seed, curve=high, oracle=True)
    spec = ReportSpec(ours={"strategy": "codecision"}, bootstrap=50)
    analysis = analyse(read_runs(tmp_path), spec)
    found = analysis.settings[0]
    (ours,) = analysis.roles.ours
    chosen = [option(by[ours].baseline) for by in (found.over_random, found.over_best)]
    assert chosen == ["random", "margin"]
    assert "balanced_random" not in map(option, analysis.competitors)
    first = tables(analysis)[0]
    assert first.rows[-1][0] == "balanced_random" + DAGGER or any(
        row[0] == "balanced_random" + DAGGER for row in first.rows
    )
    assert "reads the truth" in first.note
    assert {row for row, _ in first.bold} == {0}  # ours, not the reference, is printed bold


def test_a_setting_whose_baselines_are_not_run_yet_is_shown_without_a_comparison(
    tmp_path: Path,
) -> None:
    fake_runs(tmp_path, ("random", "margin", "codecision"), seeds=2)
    fake_runs(tmp_path, ("codecision",), seeds=2, dataset="trees")
    analysis = analyse(
        read_runs(tmp_path), ReportSpec(ours={"strategy": "codecision"}, bootstrap=50)
    )
    flowers, trees = analysis.settings
    assert flowers.over_best
    assert not trees.over_best
    shown = {table.title: table for table in tables(analysis)}["trees"]
    assert "none has been run yet" in shown.note
    assert shown.rows[0][3:5] == ("–", "–")


def test_pairs_use_the_seeds_both_methods_have(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random",), seeds=5)
    fake_runs(tmp_path, ("margin",), seeds=3)
    analysis = analyse(read_runs(tmp_path), QUICK)
    (margin,) = (method for method in analysis.methods if option(method) == "margin")
    assert analysis.settings[0].over_random[margin].final.seeds == 3


def test_headers_name_the_split_and_flag_the_pool_as_transductive(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random", "margin"), seeds=2)
    shown = tables(analyse(read_runs(tmp_path), QUICK))
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
    assert [row[0] for row in ranking.rows] == ["galaxy", "margin", "random"]
    assert [row[1] for row in ranking.rows] == ["1.00 ± 0.00", "2.00 ± 0.00", "3.00 ± 0.00"]
    assert "Not in every setting, so not ranked: badge." in ranking.note
