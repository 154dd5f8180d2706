"""The sentence that answers a page's question, whether ours reaches the opponent's end or not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from al_bench.report.analysis import analyse
from al_bench.report.results import read_runs
from al_bench.report.spec import ReportSpec
from al_bench.report.tables.tables import answer
from tests.fakes import fake_run

PARTS = ("strategy", "supervision", "init", "learner")
WHOLE = {
    "supervision": "posterior_labels_pool",
    "start": "fm_balanced",
    "learner": "linear_on_prior",
}
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
        fake_run(tmp_path, "codecision", **WHOLE, seed=seed, curve=ours)
    spec = ReportSpec(ours={"strategy": "codecision"}, method=PARTS)
    analysis = analyse(read_runs(tmp_path), spec)
    assert answer(analysis) == wanted


def test_a_page_of_claims_answers_with_the_one_that_it_names_for_the_first_and_last_row(
    tmp_path: Path,
) -> None:
    for noise, faster in (("clean", 2.0), (0.2, 2.0), (0.4, 0.8)):
        for seed in range(2):
            fake_run(tmp_path, "margin", noise=noise, seed=seed, curve=RISING)
            fake_run(tmp_path, "random", noise=noise, seed=seed, curve=[0.1] * 10)
            ours = [faster * level for level in RISING]
            fake_run(tmp_path, "codecision", **WHOLE, noise=noise, seed=seed, curve=ours)
    ours, rival = {"strategy": "codecision"}, {"strategy": "margin"}
    claims = [{"name": "random rows", "ours": ours, "baselines": {"strategy": "random"}},
              {"name": "the margin", "ours": ours, "baselines": rival}]  # fmt: skip
    spec = ReportSpec(method=PARTS, claims=claims, answer="the margin")
    said = answer(analyse(read_runs(tmp_path), spec))
    assert re.sub(r"\d+\.\d", "#", said) == (
        "With no label noise, codecision reaches the final accuracy of the margin with 52 % of the "
        "budget, and ends # points above it. With 40 % label noise, it does not reach "
        "the final accuracy of the margin, and ends # points below it."
    )
    with pytest.raises(ValueError, match=r"report.answer has 'the best'; wanted names of"):
        ReportSpec(claims=claims, answer="the best")


def test_a_page_of_settings_says_in_how_many_ours_is_ahead(tmp_path: Path) -> None:
    for noise in ("clean", 0.2):
        for seed in range(2):
            fake_run(tmp_path, "margin", noise=noise, seed=seed, curve=[0.4 + 0.01 * seed] * 10)
            fake_run(tmp_path, "badge", noise=noise, seed=seed, curve=[0.6 + 0.01 * seed] * 10)
    analysis = analyse(read_runs(tmp_path), ReportSpec(ours={"strategy": "badge"}))
    assert answer(analysis) == (
        "BADGE is ahead of the best other method in 2 of 2 settings and behind it in 0, at two "
        "standard errors of the area under the curve of balanced accuracy (test); on average it is "
        "20.0 points above it."
    )


def test_a_page_of_a_table_tells_its_best_row_and_ours(tmp_path: Path) -> None:
    """Methods with protocols of their own are never in one setting, so that none can be ranked."""
    for strategy, level, protocol in (("margin", 0.4, "few"), ("badge", 0.3, "many")):
        node = protocol, {"_target_": "mine.Budget", "name": protocol}
        fake_run(tmp_path, strategy, curve=[level] * 10, asking={"protocol": node})
    pivot = {"title": "t", "rows": ["method"], "value": "last",
             "metrics": ["balanced_accuracy", "oracle_calls"]}  # fmt: skip
    spec = ReportSpec(ours={"strategy": "badge"}, tables=[pivot])
    assert answer(analyse(read_runs(tmp_path), spec)) == (
        "Margin has the highest balanced accuracy (test), 40.0 at oracle calls 10.0. "
        "BADGE has 30.0 at oracle calls 10.0."
    )
