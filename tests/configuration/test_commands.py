"""The way back from a component's config to what `albench run` is given."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from al_bench.analysis.frame import read_parquet
from al_bench.analysis.keys import GROUPS, Choice
from al_bench.cli.explore import asked_for
from al_bench.configuration.commands import arguments, said
from al_bench.configuration.config import composed, config_dir
from al_bench.configuration.identity import identified, run_id
from al_bench.configuration.options import options
from al_bench.configuration.plan import plan

FOLDERS = (config_dir(),)
RESULTS = Path(__file__).parents[2] / "results"


def node(group: str, option: str, **changed: Any) -> dict[str, Any]:
    return {**options(group, FOLDERS)[option], **changed}


def test_what_an_option_says_by_itself_is_not_said_again() -> None:
    found = arguments("learner", "linear", node("learner", "linear") | {"version": 2}, FOLDERS)
    assert found == ("learner=linear",)
    assert arguments("annotators", "none", {}, FOLDERS) == ()


def test_changed_values_are_said_in_the_grammar_of_overrides() -> None:
    changed = node("learner", "linear", balance="none", l2=0.5)
    found = arguments("learner", "linear", changed, FOLDERS)
    assert found == ("learner=linear", "learner.l2=0.5", "learner.balance=none")


def test_a_part_of_another_class_is_an_option_of_its_own() -> None:
    changed = node("strategy", "pcb", inner=node("strategy", "margin"))
    found = arguments("strategy", "pcb", changed, FOLDERS)
    assert found == ("strategy=pcb", "strategy@strategy.inner=margin")
    assert composed(list(found), None).strategy.inner._target_ == "al_bench.strategies.Margin"


def test_the_start_is_an_override_of_its_place() -> None:
    found = arguments("init", "random", node("init", "random"), FOLDERS)
    assert found == ("strategy@init=random",)


def test_an_option_that_no_folder_has_is_its_owners_alone() -> None:
    assert arguments("strategy", "mine", {"_target_": "tail.Tail"}, FOLDERS) is None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, "null"), (True, "true"), (0.25, "0.25"), ("drawn", "drawn"), ("", "''"),
        ([1, "a"], "[1,a]"), ({"a": None}, "{a:null}"), ("it's so", "'it\\'s so'"),
        ("sha256:12ab", "???"),
    ],
)  # fmt: skip
def test_values_are_said_so_that_hydra_reads_them(value: Any, wanted: str) -> None:
    assert said(value) == wanted


@pytest.mark.parametrize("name", ["savings", "annotators"])
def test_the_arguments_of_a_committed_choice_compose_to_its_config(name: str) -> None:
    """One run's of each query rule: what it says of itself is what its arguments stand for."""
    runs = read_parquet(RESULTS / f"{name}.parquet").frame.drop_duplicates("id")
    for row in runs.groupby("strategy").last().reset_index().head(3).to_dict("records"):
        every = [Choice(g, row[g], row[f"{g}_config"]) for g in GROUPS]
        words = [w for c in every for w in asked_for(c, FOLDERS) or ()]
        (job,) = plan([shlex.split(w)[0] for w in words] + [f"seed={row['seed']}"])
        for choice in every:
            if choice.config != "null":
                own = identified(job.science[choice.group])
                assert own == json.loads(choice.config), (choice.group, choice.option)
        assert run_id(job.science) == row["id"]
