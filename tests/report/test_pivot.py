"""The tables that an experiment asks for: any groups down, any across, one number a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from al_bench.report.analysis import analyse
from al_bench.report.results import Results, read_runs
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.cells import Table
from al_bench.report.tables.pivots import pivots
from tests.fakes import fake_run

LEVEL = {("margin", "labels"): 0.5, ("margin", "vetted"): 0.8,
         ("random", "labels"): 0.4, ("random", "vetted"): 0.6}  # fmt: skip
CROSSED = {"title": "Crossed", "rows": ["strategy", "init"], "columns": ["supervision"]}


def table(found: Results, asked: dict[str, Any]) -> Table:
    (made,) = pivots(analyse(found, ReportSpec(tables=[asked], bootstrap=20)))
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
    assert made.header == ("strategy, init", "labels", "vetted")
    assert made.rows == (("margin", "40.0", "70.0"), ("random", "30.0", "50.0"))
    assert made.note.startswith("Area under the curve, fractions in %; mean over 2 settings")


def test_a_cell_of_fewer_settings_than_others_says_of_how_many(crossing: Results) -> None:
    frame = crossing.frame
    gone = (frame["strategy"] == "margin") & (frame["supervision"] == "vetted")
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
