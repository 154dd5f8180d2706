"""Claims: whom they select, what they refuse, and what a report makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al_bench.analysis.ground import without_full
from al_bench.analysis.keys import keyed
from al_bench.analysis.names import Names
from al_bench.analysis.spec import ReportSpec
from al_bench.analysis.table import savings_table
from al_bench.report.build import report
from al_bench.report.tables.claims import over_sets
from al_bench.runs.component import name_of
from tests.analysis.claiming import (
    CLAIM,
    MARGIN,
    MINE,
    NOISIER,
    NOISY,
    RANDOM,
    TWICE,
    analysed,
    bases,
    option,
    table_of,
    two_sets,
)
from tests.analysis.frames import FAST, SLOW, results, runs
from tests.fakes import Given


def test_selections_name_baselines_without_ours_and_without_truth_readers() -> None:
    more = results(two_sets().frame, runs("oracle", FAST + 0.1, "one", truth=True))
    claims = [
        CLAIM | {"baselines": {"supervision": "labels"}},
        {"name": "upper reference", "ours": {"strategy": "oracle"}, "baselines": [MARGIN]},
    ]
    analysis = analysed(more, *claims)
    every, upper = analysis.claims
    assert bases(every) == ["margin", "random"]
    assert "oracle" not in over_sets(every, analysis.names).note
    assert bases(upper) == ["margin"]


def test_without_baselines_of_its_own_a_claim_has_those_of_the_report() -> None:
    more = results(two_sets().frame, runs("oracle", FAST + 0.1, "one", truth=True))
    claim = {"name": "faster", "ours": MINE}
    others = analysed(more, claim, ours=MINE)
    assert list(map(option, others.claims[0].baselines)) == ["margin", "random"]
    assert "against the best of margin, random; 2 seeds" in table_of(others).note
    alone = analysed(more, claim, baselines=[RANDOM]).claims[0]
    assert list(map(option, alone.baselines)) == ["random"]
    with pytest.raises(ValueError, match=r"report.claims 'faster' has no baselines; name some"):
        analysed(more, claim, ours=[MINE, RANDOM, MARGIN])


def linear(balance: str) -> Given:
    return "linear", {"_target_": "al_bench.learners.LinearHead", "balance": balance}


def test_what_is_claimed_is_named_by_its_configuration() -> None:
    """Whatever the page calls it, the parameters of its parts give it another name."""
    first, second = linear("weights"), linear("none")
    found = results(
        *(runs("mine", FAST, learner=learner) for learner in (first, second)),
        runs("margin", SLOW, learner=first),
    )
    groups = ("strategy", "supervision", "init", "learner")
    rows = found.frame[found.frame["strategy"] == "mine"].drop_duplicates("id")
    names = {}
    for row in rows.to_dict("records"):
        options = {
            group: json.loads(row[f"{group}_config"]) for group in (*groups, "proxy_selection")
        }
        names[options["learner"]["balance"]] = name_of(options)
    assert names.keys() == {"weights", "none"}
    assert len(set(names.values())) == 2
    for balance, name in names.items():
        ours = MINE | {"learner.balance": balance}
        claim = {"name": "faster", "ours": ours, "baselines": [MARGIN]}
        note = table_of(analysed(found, claim, method=groups, ours=ours)).note
        assert f"(configuration {name}) against the best of margin" in note


def test_the_learner_may_be_part_of_the_method() -> None:
    usual, balanced = linear("weights"), linear("logit_adjustment")
    found = results(
        two_sets(learner=usual).frame, runs("margin", FAST, "one", learner=balanced),
        runs("margin", FAST, "two", learner=balanced),
    )  # fmt: skip
    assert len(set(keyed(found.frame)["setting"])) == 4
    groups = ("strategy", "supervision", "init", "learner")
    names = Names.of(keyed(found.frame, groups))
    assert list(map(names.place, names.places)) == ["one", "two"]
    assert set(map(names.method, names.methods)) == {
        "mine", "random", "margin", "margin, balance logit_adjustment",
    }  # fmt: skip
    claim = CLAIM | {"baselines": {"learner.balance": "logit_adjustment"}}
    (claimed,) = analysed(found, claim, method=groups).claims
    learners = [held.opponents[0].method.choice("learner") for held in claimed.sets]
    assert [one.node["balance"] for one in learners] == ["logit_adjustment"] * 2


def test_full_data_levels_are_those_of_the_plain_learner_where_it_is_part_of_the_method() -> None:
    whole = [
        runs("random", SLOW, learner=learner).assign(n_labels=1000, protocol="full")
        for learner in ("linear", "other")
    ]
    whole = [part[part["round"] == 1] for part in whole]
    whole[0]["balanced_accuracy"], whole[1]["balanced_accuracy"] = 0.8, 0.9
    for part in whole:
        part["id"] += "whole"
    found = results(runs("mine", FAST), runs("mine", FAST, learner="other"), *whole)
    groups = ("strategy", "supervision", "init", "learner")
    rest, levels = without_full(keyed(found.frame, groups), "balanced_accuracy")
    assert list(levels.values()) == [0.8]
    assert set(rest["protocol"]) == {"small"}
    _, apart = without_full(keyed(found.frame), "balanced_accuracy")
    assert {place.choice("learner").option: level for place, level in apart.items()} == {
        "linear": 0.8, "other": 0.9,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ours": {"init": "random"}}, "'faster' ours has {init: random}, which 4 methods are"),
        ({"baselines": {"strategy": "oracle"}}, "{strategy: oracle}, a method that reads the tru"),
        ({"baselines": MINE}, "the baseline {strategy: mine}, its own method"),
        ({"baselines": ["margin"]}, "'faster' baselines has 'margin'; wanted columns and their"),
        ({"baselines": []}, "'faster' has no baselines; wanted one"),
        ({"ours": {"noise": "clean"}}, "'faster' ours has the key 'noise'; wanted one of"),
        ({"name": ""}, "name=''; wanted a text"),
        ({"targets": [{"mean": 75}]}, "the target {'mean': 75}; wanted a mean, a worst saving"),
        ({"targets": [{"worst": "high"}]}, "each a fraction of at most 1"),
        ({"targets": [{"noise": "clean"}]}, "the target {'noise': 'clean'}; wanted a mean"),
        ({"targets": [{"strategy": "mine", "mean": 0.5}]}, "targets has the key 'strategy'"),
        ({"median": 0.5}, "has .*'median'.*; wanted name, ours and, if need be, baselines"),
    ],
)
def test_a_wrong_claim_is_one_sentence(options: dict[str, Any], message: str) -> None:
    more = results(two_sets().frame, runs("oracle", FAST, "one", truth=True))
    with pytest.raises(ValueError, match=message):
        analysed(more, CLAIM | options)


def test_a_table_of_savings_has_a_row_a_setting_and_its_columns() -> None:
    frame = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY))).frame
    table = savings_table(frame, MINE, [RANDOM, MARGIN])
    assert table["dataset"].tolist() == ["one", "one", "two", "two"]
    assert table["noise"].tolist() == ["clean", "symmetric"] * 2
    assert table["best_baseline"].tolist() == ["margin", "margin", "random", "random"]
    assert table["saving"].tolist() == pytest.approx([TWICE, TWICE, 0, 0])
    assert (table["low"] <= table["saving"]).all()
    assert set(table["seeds"]) == {2}
    pd.testing.assert_frame_equal(table, savings_table(frame, MINE))
    with pytest.raises(ValueError, match="of which there is no run; there is strategy margin"):
        savings_table(frame, {"strategy": "his"})


def test_a_claim_that_is_no_mapping_or_has_the_name_of_another_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a claim of report.claims has 'mine'; wanted name, ours"):
        ReportSpec(claims=["mine"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"report.claims has 'faster' twice"):
        ReportSpec(claims=[CLAIM, CLAIM])
    with pytest.raises(ValueError, match=r"report.method is \['strategy'\]; wanted"):
        ReportSpec(method=["strategy"])


def test_a_report_with_claims_has_their_tables_and_figure_and_the_same_bytes_twice(
    tmp_path: Path,
) -> None:
    spec = ReportSpec(claims=[CLAIM], bootstrap=50, figures=("claims",))
    found = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY)))
    shuffled = replace(found, frame=found.frame.sample(frac=1, random_state=0))
    first = report(found, "claims", tmp_path / "a", spec)
    second = report(shuffled, "claims", tmp_path / "b", spec)
    assert [path.name for path in first] == [
        "claims.md", "claims.tex", "claims.html", "claims.parquet",
        "claims_claims.png", "claims_claims.pdf",
    ]  # fmt: skip
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    text = first[0].read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Claims: faster", "## Over all settings",
        "## Area under the curve: balanced accuracy (test)", "## What is missing", "## Details",
    ]  # fmt: skip
    assert "Labels saved over the best baseline of each set" in first[2].read_text("utf-8")


def test_without_claims_there_is_no_figure_of_them(tmp_path: Path) -> None:
    written = report(two_sets(), "x", tmp_path, ReportSpec(bootstrap=10, figures=("claims",)))
    assert [path.suffix for path in written] == [".md", ".tex", ".html", ".parquet"]


def test_opponents_that_each_set_has_of_its_own_are_missing_on_their_own_set_alone() -> None:
    frame = results(*(two_sets(noise=noise).frame for noise in (NOISY, NOISIER))).frame
    own = frame[~((frame["dataset"] == "one") & (frame["strategy"] == "margin"))]
    analysis = analysed(results(own))
    assert bases(analysis.claims[0])[0] == "random"
    said = table_of(analysis).note
    assert "against the best of margin, random, of which each data set has its own;" in said
    assert "Not run" not in said
    noisy = own["noise_config"].str.contains(str(NOISIER))
    without = own[~(noisy & (own["dataset"] == "two") & (own["strategy"] == "margin"))]
    said = table_of(analysed(results(without))).note
    assert " Not run: margin (compared without) in two" in said
