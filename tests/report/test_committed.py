"""What is committed under results/ can be vouched for: ids, problems, and one page a question."""

import json
from pathlib import Path

import pytest

from al_bench.report.results import check_problems, read_parquet
from al_bench.runs.component import name_of
from al_bench.runs.config import GROUPS, OPTIONAL

RESULTS = Path(__file__).parents[2] / "results"
FILES = sorted(RESULTS.glob("*.parquet"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_runs_of_one_problem_saw_the_same_and_ids_are_hashes_of_their_columns(path: Path) -> None:
    """Versions are among them: those that made the run, which need not be today's."""
    frame = read_parquet(path).frame.drop_duplicates("id")
    assert (frame["digest"].str.len() > 0).all()
    assert check_problems(frame).unchecked == 0
    for row in frame.to_dict("records"):
        science = {group: json.loads(row[f"{group}_config"]) for group in GROUPS}
        science |= {"seed": row["seed"]}
        chosen = [group for group in OPTIONAL if row[group] != "none"]
        science |= {group: json.loads(row[f"{group}_config"]) for group in chosen}
        assert name_of(science) == row["id"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_page_is_short_enough_to_be_read(path: Path) -> None:
    page = (RESULTS / "tables" / f"{path.stem}.md").read_text("utf-8")
    assert page.count("\n") <= 120
