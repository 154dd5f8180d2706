"""What the results explorer is given: whole numbers, indices, and the words to filter by."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.report import explorer
from al_bench.report.explorer.data import UNIT, explorer_data, in_thirds
from al_bench.report.keys import GROUPS, Choice
from al_bench.report.results import Results, merged_results
from al_bench.runs.options import Asked
from tests.report.frames import FAST, LABELS, SLOW, WEAK, results, runs

METRIC = "balanced_accuracy"


def modality(choice: Choice) -> str:
    return "image" if choice.option == "one" else "text"


def asked(choice: Choice) -> Asked | None:
    return None if choice.option == "mine" else Asked((f"{choice.group}={choice.option}",), False)


def data(*parts: Any) -> dict[str, Any]:
    return explorer_data(results(*parts), [METRIC], modality, asked)


def facet(found: dict[str, Any], key: str) -> dict[str, Any]:
    (one,) = (f for f in found["facets"] if f["key"] == key)
    return one  # type: ignore[no-any-return]


@pytest.fixture
def two_sets() -> dict[str, Any]:
    """Two methods on one set, one of them also on another, where seed 1 is missing."""
    return data(
        runs("mine", FAST, "one", alone=0.3), runs("random", SLOW, "one", alone=0.3),
        runs("random", WEAK, "two", 0.2, seeds=(0.25,), alone=0.6),
    )  # fmt: skip


def test_a_method_alone_or_times_the_prior_is_whichever_is_better_in_each_setting() -> None:
    product = [f"product_{METRIC}"]
    parts = [
        runs("random", curve, name, alone=0.3).assign(**{product[0]: SLOW[5]})
        for name, curve in (("one", FAST), ("two", WEAK))
    ]
    found = explorer_data(results(*parts), [METRIC, *product], modality, asked)
    assert found["metrics"][found["start"]] == f"{METRIC}, alone or times the prior"
    assert [setting["better"] for setting in found["settings"]] == [[[[0, 0]]], [[[0, 1]]]]
    assert found["settings"][0]["prior"] == [3000, 6000, 3000]


def test_curves_are_hundredths_of_a_point_of_each_seed(two_sets: dict[str, Any]) -> None:
    (first, second) = two_sets["settings"]
    assert first["labels"] == LABELS.tolist()
    assert first["curves"] == [
        [[0, [[round(v * UNIT) for v in FAST]] * 2], [1, [[round(v * UNIT) for v in SLOW]] * 2]]
    ]
    assert second["curves"] == [[[1, [[round((v + 0.25) * UNIT) for v in WEAK]]]]]
    assert (first["prior"], first["full"], first["better"]) == ([3000], [None], [])
    found = data(runs("random", SLOW), runs("margin", FAST, seeds=(0.0,)))
    rows = dict(found["settings"][0]["curves"][0])
    assert [rows[0][1] is None, rows[1][1] is None] == [True, False]  # a seed that it lacks


def test_methods_settings_and_facets_agree_by_index(two_sets: dict[str, Any]) -> None:
    names = [method["name"] for method in two_sets["methods"]]
    assert names == ["mine", "random"]
    assert facet(two_sets, "modality")["values"] == ["image", "text"]
    assert facet(two_sets, "modality")["at"] == [0, 1]
    assert facet(two_sets, "noise")["values"] == ["no label noise", "20 % label noise"]
    assert facet(two_sets, "quality")["values"] == ["30–30 %", "60–60 %"]
    assert facet(two_sets, "strategy") | {"title": ""} == {
        "key": "strategy", "title": "", "of": "method", "values": ["mine", "random"], "at": [0, 1],
    }  # fmt: skip
    place = [two_sets["choices"][i]["option"] for i in two_sets["settings"][1]["choices"]]
    assert "two" in place


def test_the_page_starts_with_the_single_opponent_that_is_asked_for() -> None:
    parts = results(runs("mine", FAST), runs("random", SLOW))
    for single, place in (({"strategy": "random"}, 1), ({"strategy": "his"}, -1), (None, -1)):
        assert explorer_data(parts, [METRIC], modality, asked, single)["single"] == place


def test_scripts_read_of_a_method_what_the_data_say_of_it(two_sets: dict[str, Any]) -> None:
    scripts = "".join(
        path.read_text("utf-8") for path in Path(str(explorer.__file__)).parent.glob("*.js")
    )
    read = set(re.findall(r"\bmethods\[[^\]]+\]\??\.(\w+)", scripts))
    assert {"name", "reads_truth"} <= read <= two_sets["methods"][0].keys()


def test_choices_have_one_order_and_those_that_are_not_ours_no_arguments(
    two_sets: dict[str, Any],
) -> None:
    said = {(c["group"], c["option"]): c["arguments"] for c in two_sets["choices"]}
    assert said["strategy", "mine"] is None
    assert said["dataset", "two"] == ["dataset=two"]
    groups = [GROUPS.index(group) for group, _ in said]
    assert groups == sorted(groups)


def test_the_loss_of_the_learner_is_something_to_filter_by() -> None:
    heads = [
        ("linear", {"_target_": "al_bench.learners.LinearHead", "balance": balance})
        for balance in ("weights", "none")
    ]
    found = data(*(runs("random", SLOW, learner=head) for head in heads))
    assert facet(found, "loss")["values"] == ["none", "weights"]
    assert len(found["methods"]) == 2


def test_a_run_that_two_files_have_counts_once_and_what_shows_nothing_is_refused() -> None:
    one = results(runs("random", SLOW))
    assert len(merged_results([one, one]).frame) == len(one.frame)
    with pytest.raises(ValueError, match="nll, where lower is better"):
        explorer_data(one, ["nll"], modality, asked)
    with pytest.raises(ValueError, match="no finished run to explore"):
        explorer_data(
            merged_results([Results(one.frame[:0], (), (), {})]), [METRIC], modality, asked
        )


def test_the_same_results_are_the_same_text_and_hold_no_nan(two_sets: dict[str, Any]) -> None:
    parts = (
        runs("random", WEAK, "two", 0.2, seeds=(0.25,), alone=0.6),
        runs("random", SLOW, "one", alone=0.3), runs("mine", FAST, "one", alone=0.3),
    )  # fmt: skip
    assert json.dumps(data(*parts), allow_nan=False) == json.dumps(two_sets, allow_nan=False)


def test_levels_fall_into_three_ranges_and_the_unknown_stands_last() -> None:
    found, order = in_thirds([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, np.nan, 0.1])
    assert order == ["10–20 %", "30–40 %", "50–60 %", "unknown"]
    assert [order.index(text) for text in found] == [0, 0, 1, 1, 2, 2, 3, 0]
    assert in_thirds([0.5, 0.5]) == (["50–50 %"] * 2, ["50–50 %"])
