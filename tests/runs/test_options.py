"""The way back from a component's config to what `albench run` is given."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from al_bench.report.keys import GROUPS, Choice
from al_bench.report.results import read_parquet
from al_bench.runs.component import identified, run_id
from al_bench.runs.config import config_dir
from al_bench.runs.options import Asked, as_override_value, options, override_of
from al_bench.runs.plan import composed, plan

FOLDERS = (config_dir(),)
RESULTS = Path(__file__).parents[2] / "results"


def node(group: str, option: str, **changed: Any) -> dict[str, Any]:
    return {**options(group, FOLDERS)[option], **changed}


def words(group: str, option: str, of: dict[str, Any]) -> tuple[str, ...]:
    """The arguments of a component whose form is today's."""
    found = override_of(group, option, identified(of), FOLDERS)
    assert found is not None
    assert not found.renewed
    return found.arguments


def test_what_an_option_says_by_itself_is_not_said_again() -> None:
    assert words("learner", "linear", node("learner", "linear")) == ("learner=linear",)
    assert words("annotators", "none", {}) == ()


def test_what_changes_no_number_is_not_missed() -> None:
    asked = words("prior", "endpoint", node("prior", "endpoint", model="m"))
    assert asked == ("prior=endpoint", "prior.model=m")


def test_changed_values_are_said_in_the_grammar_of_overrides() -> None:
    changed = node("learner", "linear", balance="none", l2=0.5)
    found = words("learner", "linear", changed)
    assert found == ("learner=linear", "learner.l2=0.5", "learner.balance=none")


def test_what_is_only_there_where_it_is_given_is_said_as_it_was_given() -> None:
    found = words("dataset", "vader", node("dataset", "vader", limit=100))
    assert found == ("dataset=vader", "dataset.limit=100")
    found = words("learner", "mlp", node("learner", "mlp", trainer={"max_steps": 9}))
    assert found == ("learner=mlp", "trainer.max_steps=9")


def test_a_part_of_another_class_is_an_option_of_its_own() -> None:
    changed = node("strategy", "pcb", inner=node("strategy", "margin"))
    found = words("strategy", "pcb", changed)
    assert found == ("strategy=pcb", "strategy@strategy.inner=margin")
    assert composed(list(found), None).strategy.inner._target_ == "al_bench.strategies.Margin"


def test_the_start_is_an_override_of_its_place() -> None:
    found = words("init", "random", node("init", "random"))
    assert found == ("strategy@init=random",)


def test_an_option_that_no_folder_has_is_its_owners_alone() -> None:
    assert override_of("strategy", "mine", {"_target_": "tail.Tail"}, FOLDERS) is None


def test_a_part_of_the_same_class_is_changed_in_its_place() -> None:
    changed = node("strategy", "codecision")
    changed["belief"] = changed["belief"] | {"folds": 7}
    found = words("strategy", "codecision", changed)
    assert found == ("strategy=codecision", "strategy.belief.folds=7")


@pytest.mark.parametrize("change", [{"version": 1}, {"former": 3}])
def test_what_was_renewed_since_is_told_and_its_nearest_asked_for(
    change: dict[str, int],
) -> None:
    own = identified(node("learner", "linear")) | change
    assert override_of("learner", "linear", own, FOLDERS) == Asked(("learner=linear",), True)
    assert override_of(
        "strategy", "pcb", node("strategy", "pcb") | {"inner": own}, FOLDERS
    ) == Asked(("strategy=pcb", "learner@strategy.inner=linear"), True)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, "null"), (True, "true"), (0.25, "0.25"), ("drawn", "drawn"), ("", "''"),
        ([1, "a"], "[1,a]"), ({"a": None}, "{a:null}"), ("it's so", "'it\\'s so'"),
        ("sha256:12ab", "???"),
    ],
)  # fmt: skip
def test_values_are_said_so_that_hydra_reads_them(value: Any, wanted: str) -> None:
    assert as_override_value(value) == wanted


@pytest.mark.parametrize("name", ["savings", "annotators"])
def test_a_committed_runs_arguments_name_the_very_run_unless_it_was_renewed(name: str) -> None:
    runs = read_parquet(RESULTS / f"{name}.parquet").frame.drop_duplicates("id")
    tested = 0
    for row in runs.groupby("strategy").last().reset_index().to_dict("records")[:4]:
        choices = [Choice(g, row[g], row[f"{g}_config"]) for g in GROUPS]
        found = [override_of(c.group, c.option, c.node, FOLDERS) for c in choices]
        assert None not in found
        if any(one.renewed for one in found if one):
            continue
        given = [word for one in found if one for word in shlex.split(" ".join(one.arguments))]
        (job,) = plan([*given, f"seed={row['seed']}"])
        assert run_id(job.science) == row["id"]
        tested += 1
    assert tested
