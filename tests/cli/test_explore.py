"""`albench explore`: one file from parquet files, and one sentence where that cannot be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from al_bench.cli.claim import modality
from al_bench.cli.main import main
from al_bench.report.keys import Choice
from al_bench.report.results import write_parquet
from al_bench.runs.config import config_dir
from al_bench.runs.options import options
from tests.report.frames import FAST, SLOW, results, runs


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return write_parquet(
        results(runs("margin", FAST), runs("random", SLOW)), tmp_path / "a.parquet"
    )


def made(path: Path) -> list[dict[str, Any]]:
    """The data inside a page, tab by tab."""
    found = re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_a_page_is_one_file_that_loads_nothing(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "page.html"
    arguments = ["explore", str(stored), "--out", str(out), "--title", "<mine>"]
    assert main([*arguments, "--metrics", "balanced_accuracy"]) == 0
    text = out.read_text("utf-8")
    assert "<h1>&lt;mine&gt;</h1>" in text
    assert not re.search(r"<(?:script|link|img)[^>]*(?:src|href)=", text)
    assert [method["name"] for method in made(out)[0]["methods"]] == ["margin", "random"]
    assert out.stat().st_size < 5e6
    first = out.read_bytes()
    assert main([*arguments, "--metrics", "balanced_accuracy"]) == 0
    assert out.read_bytes() == first


def test_each_of_several_files_is_a_tab(stored: Path, tmp_path: Path) -> None:
    more = write_parquet(results(runs("badge", SLOW), runs("random", SLOW)), tmp_path / "b.parquet")
    out = tmp_path / "page.html"
    files = [str(stored), str(more), "--metrics", "balanced_accuracy", "--single", "strategy=badge"]
    assert main(["explore", *files, "--out", str(out)]) == 0
    assert [tab["single"] for tab in made(out)] == [-1, 0]
    names = [[method["name"] for method in tab["methods"]] for tab in made(out)]
    assert names == [["margin", "random"], ["BADGE", "random"]]
    assert "<h1>a, b</h1>" in out.read_text("utf-8")
    assert '<a href="#tab=1" data-tab="1">b</a>' in out.read_text("utf-8")


def test_what_cannot_be_is_said_in_one_sentence(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", str(tmp_path / "none.parquet")]) == 1
    assert "no results at" in capsys.readouterr().err
    out = tmp_path / "page.html"
    assert main(["explore", str(stored), "--metrics", "charm", "--out", str(out)]) == 1
    assert "no metric 'charm' in these runs; they have" in capsys.readouterr().err
    assert not out.exists()


OURS = options("dataset", (config_dir(),))


@pytest.mark.parametrize(
    ("node", "wanted"),
    [
        (OURS["vader"], "text"),
        (OURS["openclipart"], "image"),
        (OURS["trec"], "text"),
        (OURS["cifar10"], "image"),
        ({"_target_": "al_bench.data.Halved", "whole": OURS["vader"]}, "text"),
        ({"_target_": "al_bench.data.Features", "path": "mine.npz"}, "not said"),
    ],
)
def test_a_data_sets_modality_is_what_its_config_its_file_or_the_set_inside_it_says(
    node: dict[str, Any], wanted: str
) -> None:
    assert modality(Choice("dataset", "any", json.dumps(node))) == wanted
