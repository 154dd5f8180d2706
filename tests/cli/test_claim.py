"""`albench claim`: the claims of an experiment, or one of one's own, from a parquet file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from al_bench.cli.claim import selection
from al_bench.cli.main import main
from al_bench.report.results import write_parquet
from tests.report.frames import FAST, SLOW, WEAK, results, runs

MINE = ["--ours", "strategy=mine"]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Ours twice as fast as margin on one set, as fast on another, where random has no run."""
    frames = [
        runs("mine", FAST, "one"), runs("margin", SLOW, "one"), runs("random", WEAK, "one"),
        runs("mine", SLOW, "two"), runs("margin", SLOW, "two"),
    ]  # fmt: skip
    return write_parquet(results(*frames), tmp_path / "mine.parquet")


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    """What the command prints in one line, its tables' frames taken away."""
    assert main(["claim", *map(str, arguments)]) == code
    out, err = capsys.readouterr()
    return " ".join((out if code == 0 else err).replace("│", " ").split())


def test_one_claim_of_ones_own_is_held_on_a_parquet_file(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, stored, *MINE, "--against", "strategy=margin", "strategy=random")
    assert "{strategy: mine} 75 [75, 75]" in text  # half the budget, and all


def test_sets_are_chosen_and_shown_one_by_one(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, stored, *MINE, "--against", "strategy=margin", "--sets", "one", "--each")
    assert "one no label noise +27.22 +0.00 50 [50, 50]" in text
    assert "set by set" in text
    assert "two no label noise" not in text
    wrong = said(capsys, stored, *MINE, "--sets", "one,three", code=1)
    assert wrong == "albench: --sets has 'three', of which there is no run; there is one, two"


def test_runs_on_other_problems_stop_it_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = (
        runs("mine", FAST).assign(digest="a"),
        runs("margin", SLOW).assign(digest="b", n_test=7),
    )
    path = write_parquet(results(*frames), tmp_path / "x.parquet")
    assert "not on one problem" in said(capsys, path, *MINE, code=1)


def test_the_claims_of_an_experiment_are_held_on_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configs/experiment").mkdir(parents=True)
    (tmp_path / "configs/experiment/one.yaml").write_text(
        "# @package _global_\ndefaults: [/experiment/common/savings]\nreport:\n"
        "  ours: &ours {strategy: codecision, supervision: posterior_labels_pool}\n"
        "  claims: [{name: labels alone, ours: *ours}]\n"
    )
    whole: dict[str, Any] = {"supervision": "posterior_labels_pool", "init": "fm_balanced"}
    frames = runs("codecision", FAST, **whole), runs("margin", SLOW)
    frames = tuple(f.assign(strategy_config=f["strategy_config"].str.replace("tests.", "al_bench."))
                   for f in frames)  # fmt: skip
    write_parquet(results(*frames), tmp_path / "one.parquet")
    line = "experiment=one", f"results={tmp_path}", "--config-dir", tmp_path / "configs"
    own = *MINE[:1], "strategy=codecision", "--against", "strategy=margin"
    assert "{strategy: codecision} 50 [50, 50]" in said(capsys, *line, *own)
    assert "labels alone 50" in said(capsys, *line)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["x.parquet"], "x.parquet without a claim; wanted experiment=<name>"),
        (["a.parquet", "b.parquet", *MINE], "has 2 parquet files; wanted one"),
        (["x.parquet", "--against", "strategy=margin"], "--against without --ours"),
        (["experiment=savings", "--against", "strategy=margin"], "--against without --ours"),
        (["experiment=demo"], "report.claims of demo is empty; wanted --ours"),
        (["x.parquet", *MINE], "no results at x.parquet"),
        (["x.parquet", "--ours", "mine"], "'mine' is no selection of a method; wanted"),
    ],
)
def test_a_wrong_request_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in said(capsys, *arguments, code=1)


def test_an_unknown_metric_is_said_with_those_there_are(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, stored, *MINE, "--metric", "macro_f1", code=1)
    assert text.startswith("albench: no metric 'macro_f1' in these runs; they have ")


def test_a_selection_has_the_values_that_a_config_would_have() -> None:
    assert selection("strategy=prioral,learner.balance=[none,weights],noise.rate=0.2") == {
        "strategy": "prioral", "learner.balance": ["none", "weights"], "noise.rate": 0.2,
    }  # fmt: skip
