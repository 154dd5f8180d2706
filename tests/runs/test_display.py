"""Options in plain words."""

from typing import Any

import pytest

from al_bench.runs.display import display_name, parameters

PROBLEM = "al_bench.data."


@pytest.mark.parametrize(
    ("group", "option", "node", "wanted"),
    [
        ("imbalance", "natural", {"_target_": "Natural"}, "natural skew"),
        ("imbalance", "longtail", {"_target_": "LongTail", "ratio": 50}, "long tail 50:1"),
        ("imbalance", "merge", {"_target_": "Merge", "classes": 3}, "3 classes merged"),
        ("imbalance", "step", {"_target_": "Step", "ratio": 10.0}, "step 10:1"),
        ("imbalance", "one", {"_target_": "OneVsRest", "rate": 0.01}, "one class of 1 %"),
        (
            "imbalance", "natural_or_longtail",
            {"_target_": "NaturalOrLongTail", "ratio": 50, "many": 20, "many_ratio": 20},
            "long tail 50:1 unless skewed, 20:1 above 20 classes",
        ),
        ("noise", "clean", {"_target_": "Clean"}, "no label noise"),
        ("noise", "symmetric", {"_target_": "Symmetric", "rate": 0}, "no label noise"),
        ("noise", "symmetric", {"_target_": "Symmetric", "rate": 0.2}, "20 % label noise"),
        ("noise", "pairs", {"_target_": "PairFlip", "rate": 0.4}, "40 % label noise, pair flips"),
        ("noise", "human", {"_target_": "Human", "column": "worst"}, "people's answers (worst)"),
        ("noise", "votes", {"_target_": "Votes", "column": "votes"}, "one rater's answer"),
        ("noise", "confusion", {"_target_": "Confusion", "matrix": [[1]]}, "confusion"),
    ],
)  # fmt: skip
def test_imbalance_and_noise_say_their_numbers(
    group: str, option: str, node: dict[str, Any], wanted: str
) -> None:
    assert display_name(group, option, node | {"_target_": PROBLEM + node["_target_"]}) == wanted


@pytest.mark.parametrize(
    ("column", "file", "wanted"),
    [
        ("yi", "answers/trec_llms/answers.parquet", "yi (trec_llms)"),
        (["a", "b"], "answers/zero_shot/clip.parquet", "[a, b] (zero_shot/clip)"),
        ("mean", f"sha256:{'0' * 64}", "mean (sha256:00000000)"),
    ],
)
def test_recorded_answers_are_called_by_model_and_file(column: Any, file: str, wanted: str) -> None:
    node = {"_target_": "al_bench.priors.Recorded", "column": column, "file": file}
    assert display_name("prior", "recorded", node) == wanted


def test_what_changed_stands_in_brackets_and_what_the_words_say_already_does_not() -> None:
    node = {"_target_": PROBLEM + "LongTail", "ratio": 50, "order": "fixed"}
    assert display_name("imbalance", "longtail", node, ["ratio", "order"]) == (
        "long tail 50:1 (order fixed)"
    )
    belief = {"l2": 2.0, "precision": [4.0, 1e6]}
    node = {"_target_": "al_bench.supervision.PosteriorLabelsPool", "belief": belief, "hard": True}
    assert display_name("supervision", "posterior_labels_pool", node) == "codecision's training"
    assert display_name(
        "supervision", "posterior_labels_pool", node, ["belief.l2", "belief.precision"]
    ) == ("codecision's training (belief.l2 2, belief.precision [4, 1e+06])")


def test_a_users_own_part_is_called_by_its_option_and_its_parameters() -> None:
    node = {"_target_": "mine.LongTail", "ratio": 5}
    assert display_name("imbalance", "mine", node) == "mine"
    assert display_name("imbalance", "mine", node, ["ratio"]) == "mine (ratio 5)"
    inner = {"_target_": "al_bench.strategies.Subsample",
             "inner": {"_target_": "al_bench.strategies.Badge"}}  # fmt: skip
    assert display_name("strategy", "subsample", inner, ["inner._target_"]) == "subsample of BADGE"


def test_parameters_are_plain_values_by_dotted_name() -> None:
    node = {"a": {"b": 1, "c": [1, 2]}, "d": None, "e": {}}
    assert parameters(node) == {"a.b": 1, "a.c": [1, 2], "d": None, "e": {}}
