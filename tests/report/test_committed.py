"""What is committed under results/ can be vouched for: ids, problems, and one page a question."""

import json
from pathlib import Path

import pandas as pd
import pytest

from al_bench.analysis.frame import read_parquet
from al_bench.runs.component import name_of
from al_bench.runs.config import GROUPS, OPTIONAL, PROBLEM

RESULTS = Path(__file__).parents[2] / "results"
FILES = sorted(RESULTS.glob("*.parquet"))


def runs(path: Path) -> pd.DataFrame:
    return read_parquet(path).frame.drop_duplicates("id")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_runs_of_one_problem_saw_one_and_the_same(path: Path) -> None:
    frame = runs(path)
    assert (frame["digest"].str.len() > 0).all()
    same = frame.groupby([*(f"{group}_config" for group in PROBLEM), "seed"])["digest"].nunique()
    assert same.max() == 1, same[same > 1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_runs_id_is_the_hash_of_what_its_columns_say(path: Path) -> None:
    """Versions are among it: those that made the run, which need not be today's."""
    for row in runs(path).to_dict("records"):
        science = {group: json.loads(row[f"{group}_config"]) for group in GROUPS}
        science |= {"seed": row["seed"]}
        chosen = [group for group in OPTIONAL if row[group] != "none"]
        science |= {group: json.loads(row[f"{group}_config"]) for group in chosen}
        assert name_of(science) == row["id"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_page_is_short_enough_to_be_read(path: Path) -> None:
    page = (RESULTS / "tables" / f"{path.stem}.md").read_text("utf-8")
    assert page.count("\n") <= 200
