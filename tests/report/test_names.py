"""Methods and settings are named by what varies, in an order of their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from al_bench.report.curves import learning_curves
from al_bench.report.keys import keyed
from al_bench.report.names import Names
from al_bench.report.results import load
from tests.fakes import Given, fake_run


def named(folder: Path) -> tuple[set[str], set[str]]:
    """What the methods and the settings of a folder's runs are called."""
    names = Names.of(keyed(load(folder)))
    return set(map(names.method, names.methods)), set(map(names.setting, names.settings))


def test_methods_and_settings_are_named_by_what_varies(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin")
    fake_run(tmp_path, "random")
    assert named(tmp_path) == ({"margin", "random"}, {"flowers"})
    fake_run(tmp_path, "margin", supervision="posterior_labels")
    fake_run(tmp_path, "margin", supervision="posterior_labels", start="fm_balanced")
    fake_run(tmp_path, "margin", noise=0.2)
    wanted = {
        "random",
        "margin",
        "margin + posterior labels",
        "margin + posterior labels, balanced start",
    }
    assert named(tmp_path) == (
        wanted, {"flowers · no label noise", "flowers · 20 % label noise"},
    )  # fmt: skip


def test_parameters_that_vary_are_named_and_those_that_most_have_are_not(tmp_path: Path) -> None:
    usual, plain = ({"_target_": "al_bench.learners.LinearHead", "balance": b, "l2": 1.0}
                    for b in ("weights", "none"))  # fmt: skip
    for strategy in ("margin", "random"):
        fake_run(tmp_path, strategy, learner=("linear", usual))
    fake_run(tmp_path, "margin", learner=("linear", plain))
    frame = load(tmp_path)
    assert {p.choice("learner").node["balance"] for p in keyed(frame)["setting"]} == {
        "weights", "none",
    }  # fmt: skip
    names = Names.of(keyed(frame, ["strategy", "supervision", "init", "learner"]))
    assert set(map(names.method, names.methods)) == {"margin", "random", "margin, plain loss"}


ASKING: dict[str, Given] = {
    "annotators": "mixed",
    "label_model": "glad",
    "annotator_selection": "thompson",
}


def test_what_all_runs_share_says_who_answers_and_not_that_no_answer_is_wrong(
    tmp_path: Path,
) -> None:
    for folder, asking in (("plain", None), ("several", ASKING)):
        for strategy in ("margin", "random"):
            fake_run(tmp_path / folder, strategy, asking=asking)
    plain, several = (Names.of(keyed(load(tmp_path / name))) for name in ("plain", "several"))
    assert plain.shared()["noise"] == "no label noise"
    assert not {"annotators", "labels by", "whom to ask"} & plain.shared().keys()
    assert "noise" not in several.shared()
    assert several.shared()["annotators"] == "mixed"
    assert several.shared()["labels by"] == "GLAD"


def asking_again(inner: str, by: str = "doubt", **inside: Any) -> Given:
    part = {"_target_": f"al_bench.strategies.{inner}"} | inside
    return "ask_again", {"_target_": "al_bench.strategies.AskAgain", "by": by, "inner": part}


def test_a_rule_around_another_is_named_by_the_other_and_what_differs_within_it(
    tmp_path: Path,
) -> None:
    for rule in (
        asking_again("Margin"), asking_again("Badge"), asking_again("Badge", by="change"),
        asking_again("Codecision", power=0.5, belief={"gate": True}),
    ):  # fmt: skip
        fake_run(tmp_path / "one", rule)
    assert named(tmp_path / "one")[0] == {
        "margin, asking again (by doubt)", "BADGE, asking again (by doubt)",
        "BADGE, asking again (by change)", "codecision, asking again (by doubt)",
    }  # fmt: skip
    for power in (0.5, 1.0):
        fake_run(tmp_path / "two", asking_again("Codecision", power=power, gate=True))
    fake_run(tmp_path / "two", asking_again("Badge"))
    assert named(tmp_path / "two")[0] == {
        "codecision, asking again (inner.power 0.5)", "codecision, asking again (inner.power 1)",
        "BADGE, asking again",
    }  # fmt: skip


def test_two_kinds_of_the_same_words_are_told_apart_by_their_options(tmp_path: Path) -> None:
    fake_run(tmp_path, noise="clean")
    fake_run(tmp_path, noise=0)
    assert named(tmp_path)[1] == {
        "flowers · no label noise [clean]", "flowers · no label noise [symmetric]",
    }  # fmt: skip


def test_settings_are_ordered_by_their_numbers_not_their_digits(tmp_path: Path) -> None:
    for imbalance in (100, 50, "natural"):
        fake_run(tmp_path, imbalance=imbalance)
    found = learning_curves(keyed(load(tmp_path)), "balanced_accuracy")
    ratios = [setting.setting.choice("imbalance").parameters.get("ratio") for setting in found]
    assert ratios == [None, 50, 100]


def test_parts_that_belong_to_a_query_rule_go_without_saying_and_names_may_be_given(
    tmp_path: Path,
) -> None:
    fake_run(tmp_path, "prioral", "prioral_split")
    fake_run(tmp_path, "prioral", "self_training")
    fake_run(tmp_path, "margin", "prioral_split", noise=0.2)
    assert named(tmp_path)[0] == {
        "PriorAL", "PriorAL's queries + self-training", "margin + PriorAL's training",
    }  # fmt: skip
    given = {
        "as it was": {"noise.rate": 0.2},
        "a hybrid": {"strategy": "margin", "supervision": "prioral_split"},
    }
    names = Names.of(keyed(load(tmp_path)), given)
    assert "a hybrid" in set(map(names.method, names.methods))
    assert "flowers · as it was" in set(map(names.setting, names.settings))


def test_options_of_one_config_are_one_choice(tmp_path: Path) -> None:
    node = {"_target_": "al_bench.data.LongTail", "ratio": 50}
    for option, strategy in (("longtail", "margin"), ("steep", "random")):
        fake_run(tmp_path, strategy, asking={"imbalance": (option, node)})
    assert named(tmp_path)[1] == {"flowers"}
