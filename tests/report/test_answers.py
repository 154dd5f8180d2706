"""The sentence that answers a page's question, whether ours reaches the opponent's end or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_bench.report.analysis import analyse
from al_bench.report.results import read_runs
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.tables import answer
from tests.fakes import fake_run

RISING = [0.05 * step for step in range(1, 11)]  # after 20, 40, ... 200 labels


@pytest.mark.parametrize(
    ("ours", "wanted"),
    [
        (
            [2 * level for level in RISING],
            "codecision reaches the final accuracy of margin, 50.0 %, with 100 of 200 labels; the "
            "foundation model alone is at 55.0 %.",
        ),
        (
            [0.8 * level for level in RISING],
            "codecision does not reach the final accuracy of margin, 50.0 %: with all 200 labels "
            "it is at 40.0 %; the foundation model alone is at 55.0 %.",
        ),
    ],
)
def test_a_page_of_one_setting_says_how_many_labels_ours_needs(
    tmp_path: Path, ours: list[float], wanted: str
) -> None:
    for seed in range(2):
        fake_run(tmp_path, "margin", seed=seed, curve=RISING)
        fake_run(
            tmp_path, "codecision", "posterior_labels_pool", "fm_balanced",
            learner="linear_on_prior", seed=seed, curve=ours,
        )  # fmt: skip
    parts = ("strategy", "supervision", "init", "learner")
    spec = ReportSpec(ours={"strategy": "codecision"}, method=parts)
    analysis = analyse(read_runs(tmp_path), spec)
    assert answer(analysis) == wanted
