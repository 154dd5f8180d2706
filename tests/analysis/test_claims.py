"""Claims: the arithmetic over sets by hand, and one sentence where a claim cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al_bench.analysis.analysis import Analysis, analyse
from al_bench.analysis.frame import Results, named
from al_bench.analysis.over_sets import summaries
from al_bench.analysis.references import with_references
from al_bench.analysis.spec import ReportSpec
from al_bench.report.build import report
from al_bench.report.tables.cells import Table
from al_bench.report.tables.claims import over_sets, set_by_set
from al_bench.report.tables.tables import tables

LABELS = np.arange(10, 101, 10)
SLOW = LABELS / 100  # 0.1 to 1.0
FAST = np.minimum(2 * SLOW, 1.0)  # there with half of the labels
WEAK = SLOW / 2
EVEN = SLOW.copy()
TWICE = 1 - (0.1 * 10 + 25 * (1 - 0.2**2)) / (50 * (1 - 0.1**2))  # FAST over SLOW, all levels
NOISY = "symmetric(rate=0.2)"
NOISIER = "symmetric(rate=0.4)"


def runs(
    strategy: str,
    curve: Any,
    dataset: str = "one",
    noise: str = "clean",
    seeds: tuple[float, ...] = (0.0, 0.0),
    truth: bool = False,
    **choices: str,
) -> pd.DataFrame:
    """Runs of one method in one setting; each seed's curve is raised by its own number."""
    fixed = {
        "dataset": dataset, "imbalance": "natural", "noise": noise, "prior": "packaged",
        "learner": "linear", "protocol": "small", "strategy": strategy, "supervision": "labels",
        "init": "random", "oracle": truth, "n_pool": 1000, "class_counts": None,
        "class_names": None,
        "noise_rate": float(noise.split("=")[-1].rstrip(")")) if "=" in noise else 0.0,
    } | choices  # fmt: skip
    rows = [
        fixed
        | {"id": f"{sorted(fixed.items(), key=str)}{seed}", "seed": seed, "round": number + 1}
        | {"n_labels": labelled, "oracle_calls": number + 1, "balanced_accuracy": level + raised}
        | {"seconds_select": 0.1, "recall": []}
        for seed, raised in enumerate(seeds)
        for number, (labelled, level) in enumerate(zip(LABELS, curve, strict=True))
    ]
    return pd.DataFrame(rows)


def results(*parts: pd.DataFrame) -> Results:
    return Results(pd.concat(parts, ignore_index=True), (), (), {})


CLAIM = {"name": "faster", "ours": "mine", "baselines": ["random", "margin"]}


def analysed(found: Results, *claims: dict[str, Any], **options: Any) -> Analysis:
    return analyse(found, ReportSpec(claims=claims or (CLAIM,), bootstrap=200, **options))


def cell(table: Table, row: str, column: str) -> str:
    names = [cells[0] for cells in table.rows]
    return table.rows[names.index(row)][table.header.index(column)]


def two_sets(**fixed: Any) -> Results:
    """Ours twice as fast as the best baseline in one set, as fast in the other."""
    return results(
        runs("mine", FAST, "one", **fixed), runs("random", WEAK, "one", **fixed),
        runs("margin", SLOW, "one", **fixed), runs("mine", EVEN, "two", **fixed),
        runs("random", SLOW, "two", **fixed), runs("margin", WEAK, "two", **fixed),
    )  # fmt: skip


def test_mean_and_worst_over_sets_against_the_best_baseline_of_each() -> None:
    (claimed,) = analysed(two_sets()).claims
    assert [held.comparison.baseline for held in claimed.sets] == ["margin", "random"]
    (found,) = summaries(claimed)
    assert (found.group, found.sets, found.verdicts) == ("clean", 2, (1, 1, 0))
    assert found.integrated.mean == pytest.approx(TWICE / 2)
    assert (found.integrated.worst, found.integrated.where) == (pytest.approx(0), ("two",))
    assert (found.final.mean, found.final.missed) == (pytest.approx(0.25), 0)
    apart = np.trapezoid(FAST - SLOW, LABELS) / 90
    assert found.area.mean == pytest.approx(apart / 2)
    assert (found.area.worst, found.area.where) == (0.0, "two")
    assert found.accuracy.mean == pytest.approx(0.0)


def test_the_tables_show_the_claim_over_sets_and_set_by_set() -> None:
    shown = {table.title: table for table in tables(analysed(two_sets()))}
    summary, detail = shown["Claims: faster"], shown["Claims: faster, set by set"]
    assert cell(summary, "clean", "sets") == "2"
    assert cell(summary, "clean", "saving over all levels, mean") == "25 % [25, 25]"
    assert cell(summary, "clean", "saving over all levels, worst set") == "0 % (two)"
    assert cell(summary, "clean", "saving at final level, mean") == "25 % [25, 25]"
    assert cell(summary, "clean", "win/tie/loss") == "1/1/0"
    assert cell(summary, "clean", "target mean / worst: reached") == "–"
    assert [row[:4] for row in detail.rows] == [
        ("one", "clean", "margin", "49 % [49, 49]"),
        ("two", "clean", "random", "0 % [0, 0]"),
    ]
    assert cell(detail, "one", "difference of area, points ± SE") == "+27.22 ± 0.00"


def test_the_interval_of_a_mean_resamples_seeds_within_each_set() -> None:
    rng = np.random.default_rng(0)
    shifts = [tuple(0.04 * rng.normal(size=5)) for _ in range(4)]
    found = results(*(
        runs(method, curve, dataset, seeds=shifts.pop())
        for dataset in ("one", "two")
        for method, curve in (("mine", FAST), ("random", SLOW))
    ))  # fmt: skip
    claim = CLAIM | {"baselines": ["random"]}
    (claimed,) = analyse(found, ReportSpec(claims=[claim], bootstrap=2000)).claims
    (one,) = (summary.integrated for summary in summaries(claimed))
    each = [held.comparison.saving("integrated") for held in claimed.sets]
    assert one.mean == pytest.approx(np.mean([saving.value for saving in each]))
    for saving, held in zip(each, claimed.sets, strict=True):  # the set's own resamples
        limits = np.quantile(held.resampled[:, 1], [0.025, 0.975])
        assert (saving.low, saving.high) == pytest.approx(tuple(limits))
    drawn = np.mean([held.resampled[:, 1] for held in claimed.sets], axis=0)
    assert (one.low, one.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    widths = [saving.high - saving.low for saving in each]
    assert 0 < one.high - one.low < max(widths)  # sets are fixed, so they average out


def test_sets_where_the_level_is_not_reached_are_counted_and_the_worst() -> None:
    more = results(two_sets().frame, runs("mine", WEAK, "three"), runs("random", SLOW, "three"))
    analysis = analysed(more, CLAIM | {"mean": 0.2, "worst": -1.0})
    (found,) = summaries(analysis.claims[0])
    assert (found.final.missed, found.final.where) == (1, ("three",))
    assert found.final.mean == pytest.approx(0.25)  # of the two others
    assert found.final.worst == -np.inf
    table = over_sets(analysis.claims[0])
    text = cell(table, "clean", "saving at final level, mean")
    assert text == "25 % [25, 25] (1 of 3 not reached)"
    assert cell(table, "clean", "saving at final level, worst set") == "not reached (three)"
    assert found.integrated.worst == pytest.approx(-1)  # levels 0.1 to 0.5 cost twice as much
    assert [goal.reached for goal in found.targets] == [False, True]


def test_a_set_without_any_saving_over_all_levels_fails_every_target() -> None:
    below = np.full(10, 0.05)  # never comes to where the baseline starts
    more = results(two_sets().frame, runs("mine", below, "three"), runs("random", SLOW, "three"))
    (found,) = summaries(analysed(more, CLAIM | {"mean": -1, "worst": -1}).claims[0])
    assert (found.integrated.missed, found.integrated.where) == (1, ("three",))
    assert found.integrated.mean == pytest.approx(TWICE / 2)
    assert [goal.reached for goal in found.targets] == [False, False]


def test_where_ours_reaches_the_level_nowhere_no_mean_is_shown() -> None:
    both = [runs(m, c, d) for d in ("one", "two") for m, c in (("mine", WEAK), ("random", SLOW))]
    claim = CLAIM | {"baselines": ["random"]}
    table = over_sets(analysed(results(*both), claim).claims[0])
    assert cell(table, "clean", "saving at final level, mean") == "not reached (2 of 2)"
    assert cell(table, "clean", "saving at final level, worst set") == "not reached (one, two)"


def test_noisy_groups_of_one_kind_are_pooled_and_the_clean_one_is_not() -> None:
    found = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY, NOISIER)))
    (claimed,) = analysed(found).claims
    by_group = {summary.group: summary for summary in summaries(claimed)}
    assert list(by_group) == ["clean", NOISY, NOISIER, "symmetric, all rates"]
    pooled = by_group["symmetric, all rates"]
    assert (pooled.sets, pooled.verdicts) == (4, (2, 2, 0))
    assert pooled.integrated.mean == pytest.approx(TWICE / 2)
    assert len(set_by_set(claimed).rows) == 6  # each setting once
    once = analysed(results(*(two_sets(noise=n).frame for n in ("clean", NOISY)))).claims[0]
    assert [summary.group for summary in summaries(once)] == ["clean", NOISY]


def test_settings_that_differ_in_the_prior_alone_are_groups_of_their_own() -> None:
    found = results(*(
        two_sets(noise=noise, prior=prior).frame
        for noise in (NOISY, NOISIER)
        for prior in ("flat", "packaged")
    ))  # fmt: skip
    (claimed,) = analysed(found).claims
    groups = [summary.group for summary in summaries(claimed)]
    assert groups[:2] == [f"{NOISY} · flat", f"{NOISY} · packaged"]
    assert groups[4:] == ["symmetric, all rates · flat", "symmetric, all rates · packaged"]
    each = {"one": "clip", "two": "minilm"}  # a prior a set is no group
    frame = two_sets().frame.assign(prior=lambda rows: rows["dataset"].map(each))
    (claimed,) = analysed(results(frame)).claims
    assert [summary.group for summary in summaries(claimed)] == ["clean"]
    assert [held.place.name for held in claimed.sets] == ["one", "two"]


def test_what_was_not_run_is_named_and_a_set_without_ours_is_not_counted() -> None:
    frame = two_sets().frame
    without = frame[~((frame["dataset"] == "two") & (frame["strategy"] == "mine"))]
    (claimed,) = analysed(results(without)).claims
    assert [held.place.name for held in claimed.sets] == ["one"]
    assert over_sets(claimed).note.endswith(" Not run: mine (left out) in two.")
    without = frame[~((frame["dataset"] == "one") & (frame["strategy"] == "margin"))]
    (claimed,) = analysed(results(without)).claims
    assert [held.comparison.baseline for held in claimed.sets] == ["random", "random"]
    assert over_sets(claimed).note.endswith(" Not run: margin (compared without) in one.")


def test_no_seed_in_common_leaves_a_set_out_and_says_so() -> None:
    apart = runs("mine", FAST).assign(seed=lambda rows: rows["seed"] + 7)
    (claimed,) = analysed(results(apart, runs("random", SLOW), runs("margin", WEAK))).claims
    assert claimed.sets == ()
    assert claimed.missing == ("mine with a seed of random (left out) in one",)
    assert over_sets(claimed).rows == ()


def test_one_seed_gives_means_without_intervals() -> None:
    found = results(runs("mine", FAST, seeds=(0.0,)), runs("random", SLOW, seeds=(0.0,)))
    table = over_sets(analysed(found, CLAIM | {"baselines": ["random"]}).claims[0])
    assert cell(table, "clean", "saving over all levels, mean") == "49 %"


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        ({"mean": 0.2, "worst": -0.1}, "20 % / −10 %: yes"),
        ({"mean": 0.75, "worst": 0.6}, "75 % / 60 %: no"),
        ({"mean": {"clean": 0.2}, "worst": 0.1}, "20 % / 10 %: no (worst)"),
        ({"mean": 0.6, "worst": 0}, "60 % / 0 %: no (mean)"),
        ({"mean": 0.6}, "60 % / –: no"),
        ({"worst": {"clean": 0.0}}, "– / 0 %: yes"),
    ],
)
def test_targets_are_shown_with_what_is_reached(targets: dict[str, Any], text: str) -> None:
    table = over_sets(analysed(two_sets(), CLAIM | targets).claims[0])
    assert cell(table, "clean", "target mean / worst: reached") == text


def test_patterns_name_baselines_without_ours_and_without_truth_readers() -> None:
    more = results(two_sets().frame, runs("oracle", FAST + 0.1, "one", truth=True))
    claims = [
        CLAIM | {"baselines": ["*"]},
        {"name": "upper reference", "ours": "oracle", "baselines": ["m?rgin"]},
    ]
    every, upper = analysed(more, *claims).claims
    assert [held.comparison.baseline for held in every.sets] == ["margin", "random"]
    assert "oracle" not in over_sets(every).note
    assert [held.comparison.baseline for held in upper.sets] == ["margin"]


def test_without_baselines_of_its_own_a_claim_has_those_of_the_report() -> None:
    more = results(two_sets().frame, runs("oracle", FAST + 0.1, "one", truth=True))
    claim = {"name": "faster", "ours": "mine"}
    others = analysed(more, claim, ours=["mine"]).claims[0]
    assert others.baselines == ("margin", "random")
    assert "against the best of margin, random, chosen" in over_sets(others).note
    assert analysed(more, claim, baselines=["random"]).claims[0].baselines == ("random",)
    with pytest.raises(ValueError, match=r"report.claims 'faster' has no baselines; name some"):
        analysed(more, claim, ours=["mine", "random", "margin"])


def test_the_learner_may_be_part_of_the_method() -> None:
    balanced = "linear(balance=logit_adjustment)"
    found = results(
        two_sets().frame, runs("margin", FAST, "one", learner=balanced),
        runs("margin", FAST, "two", learner=balanced),
    )  # fmt: skip
    assert set(named(found.frame)["setting"]) == {
        f"{dataset} · {learner}" for dataset in ("one", "two") for learner in ("linear", balanced)
    }
    groups = ("strategy", "supervision", "init", "learner")
    frame = named(found.frame, groups)
    assert set(frame["setting"]) == {"one", "two"}
    assert set(frame["method"]) == {"mine", "random", "margin", f"margin [{balanced}]"}
    claim = CLAIM | {"baselines": [f"margin [{balanced}]"]}  # brackets are no wildcards
    (claimed,) = analysed(found, claim, method=groups).claims
    assert [held.comparison.baseline for held in claimed.sets] == [f"margin [{balanced}]"] * 2


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
    spec, rest = with_references(ReportSpec(method=groups), found)
    assert spec.references == {"one": 0.8}
    assert set(rest.frame["protocol"]) == {"small"}
    apart, _ = with_references(ReportSpec(), found)
    assert apart.references == {"one · linear": 0.8, "one · other": 0.9}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ours": "his"}, "report.claims 'faster' has ours='his'; these runs have .*'mine'"),
        ({"baselines": ["tail*"]}, r"the baseline 'tail\*', which is no method; these runs have"),
        ({"baselines": ["oracle"]}, "the baseline 'oracle', a method that reads the truth"),
        ({"baselines": ["mine"]}, "the baseline 'mine', its own method"),
        ({"baselines": "margin"}, "baselines='margin'; wanted a list of method names"),
        ({"baselines": []}, r"baselines=\[\]; wanted a list"),
        ({"name": ""}, "name=''; wanted a text"),
        ({"mean": 75}, "mean=75; wanted a fraction of at most 1"),
        ({"worst": {"clean": "high"}}, "wanted a fraction of at most 1"),
        ({"mean": {"dirty": 0.5}}, r"a target for 'dirty'; these runs have \['clean'\]"),
        ({"worst": {"symmetric, all rates": 0.5}}, "a target for 'symmetric, all rates'"),
        ({"median": 0.5}, "has .*'median'.*; wanted name, ours and, if need be, baselines"),
    ],
)
def test_a_wrong_claim_is_one_sentence(options: dict[str, Any], message: str) -> None:
    more = results(two_sets().frame, runs("oracle", FAST, "one", truth=True))
    with pytest.raises(ValueError, match=message):
        analysed(more, CLAIM | options)


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
        "claims.md", "claims.tex", "claims_claims.png", "claims_claims.pdf", "claims.html",
    ]  # fmt: skip
    for one, other in zip(first[:4], second[:4], strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    text = first[0].read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[:3] == ["## Claims: faster", "## Claims: faster, set by set", "## one · clean"]
    assert "Labels saved over the best baseline of each set" in first[-1].read_text("utf-8")


def test_without_claims_there_is_no_figure_of_them(tmp_path: Path) -> None:
    written = report(two_sets(), "x", tmp_path, ReportSpec(bootstrap=10, figures=("claims",)))
    assert [path.suffix for path in written] == [".md", ".tex", ".html"]
