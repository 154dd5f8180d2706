"""Claims: the arithmetic over sets by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from al_bench.report.claims import savings_table
from al_bench.report.results import Results
from al_bench.report.summary import mean_limits, summaries
from al_bench.report.tables.claims import over_sets, set_by_set
from al_bench.report.tables.tables import tables
from tests.report.claiming import (
    BOTH,
    CLAIM,
    FINAL,
    MEAN,
    MINE,
    NOISIER,
    NOISY,
    OVER_SEEDS,
    RANDOM,
    analysed,
    bases,
    cell,
    option,
    table_of,
    two_sets,
    where,
)
from tests.report.frames import EVEN, FAST, LABELS, SLOW, WEAK, results, runs


def test_mean_and_worst_over_sets_against_the_best_baseline_of_each() -> None:
    analysis = analysed(two_sets())
    (claimed,) = analysis.claims
    assert bases(claimed) == ["margin", "random"]
    (found,) = summaries(claimed)
    assert where(analysis, found.row) == ("no wrong answers",)
    assert (found.sets, found.verdicts) == (2, (1, 1, 0))
    assert found.integrated.mean == pytest.approx(BOTH)
    assert found.integrated.worst == pytest.approx(0)
    assert where(analysis, found.integrated.worst_set) == ("two",)
    assert (found.final.mean, found.final.missed) == (pytest.approx(1 - np.sqrt(0.5)), 0)
    apart = np.trapezoid(FAST - SLOW, LABELS) / 90
    assert (found.area, found.accuracy) == (pytest.approx(apart / 2), pytest.approx(0.0))


def test_the_tables_show_the_claim_over_sets_and_set_by_set() -> None:
    shown = {table.title: table for table in tables(analysed(two_sets()))}
    summary, detail = shown["Claims: faster"], shown["Claims: faster, set by set"]
    assert cell(summary, "no wrong answers", "sets") == "2"
    assert cell(summary, "no wrong answers", MEAN) == "29 %"
    assert cell(summary, "no wrong answers", OVER_SEEDS) == "[29, 29]"
    assert cell(summary, "no wrong answers", "worst set") == "0 % (two)"
    assert cell(summary, "no wrong answers", FINAL) == "29 % [29, 29]"
    assert cell(summary, "no wrong answers", "win/tie/loss") == "1/1/0"
    assert cell(summary, "no wrong answers", "target mean / worst: reached") == "–"
    assert [row[:4] for row in detail.rows] == [
        ("one", "no wrong answers", "49 % [49, 49]", "50 % [50, 50]"),
        ("two", "no wrong answers", "0 % [0, 0]", "0 % [0, 0]"),
    ]
    assert cell(detail, "one", "area, points ± SE") == "+27.22 ± 0.00"


def wide(*shifts: float) -> tuple[float, ...]:
    return tuple(0.04 * np.random.default_rng(int(shifts[0])).normal(size=5))


def test_the_interval_over_these_sets_adds_up_the_errors_within_them() -> None:
    found = results(*(
        runs(method, curve, dataset, seeds=wide(number + len(method)))
        for number, dataset in enumerate(("one", "two"))
        for method, curve in (("mine", FAST), ("random", SLOW))
    ))  # fmt: skip
    (claimed,) = analysed(found, CLAIM | {"baselines": RANDOM}).claims
    (one,) = (summary.integrated for summary in summaries(claimed))
    each = [held.comparison.integrated for held in claimed.sets]
    assert one.mean == pytest.approx(1 - np.sqrt(np.prod([1 - saving.value for saving in each])))
    errors = np.array([saving.error for saving in each])
    assert (errors > 0).all()
    free = (errors**2).sum() ** 2 / (errors**4 / 4).sum()
    half = student.ppf(0.975, free) * np.sqrt((errors**2).sum()) / 2
    ends = (1 - (1 - one.mean) * np.exp(half), 1 - (1 - one.mean) * np.exp(-half))
    assert one.over_seeds == pytest.approx(ends)
    assert one.over_seeds[1] - one.over_seeds[0] < max(saving.high - saving.low for saving in each)


def test_the_interval_over_other_sets_has_the_spread_between_them() -> None:
    logs, none = np.log([0.4, 0.9]), np.zeros(2)  # a geometric mean of 0.6
    these, others = mean_limits(logs, none, none + 4, np.array([0, 1]))
    assert these == pytest.approx((0.4, 0.4))
    half = 12.7062 * np.log(0.9 / 0.4) / 2  # one degree of freedom
    assert others == pytest.approx((1 - 0.6 * np.exp(half), 1 - 0.6 * np.exp(-half)), rel=1e-3)
    twice = mean_limits(np.repeat(logs, 2), np.zeros(4), np.full(4, 4.0), np.array([0, 0, 1, 1]))
    assert twice[1] == pytest.approx(others)  # two rows of one data set are no two sets


def test_one_data_set_says_nothing_of_others_and_alike_ones_no_less_than_their_errors() -> None:
    error, four = np.full(2, 0.1), np.full(2, 4.0)
    these, others = mean_limits(np.log([0.5, 0.5]), error, four, np.array([0, 0]))
    assert np.isnan(others).all()
    assert mean_limits(np.log([0.5, 0.5]), error, four, np.array([0, 1])) == (these, these)


def test_sets_where_the_level_is_not_reached_are_counted() -> None:
    more = results(two_sets().frame, runs("mine", WEAK, "three"), runs("random", SLOW, "three"))
    analysis = analysed(more, CLAIM | {"targets": [{"mean": -0.2, "worst": -1.0}]})
    (found,) = summaries(analysis.claims[0])
    assert (found.final.missed, where(analysis, found.final.worst_set)) == (1, ("three",))
    assert found.final.mean == pytest.approx(0)  # half and twice
    assert found.final.worst == pytest.approx(-1)
    text = cell(table_of(analysis), "no wrong answers", FINAL)
    assert text == "0 % [0, 0] (1 of 3 not reached)"
    assert found.integrated.worst == pytest.approx(-1)  # half as fast, and twice for the rest
    assert [goal.reached for goal in found.targets] == [True, True]


def test_the_best_of_one_half_of_the_seeds_is_scored_on_the_other_both_ways() -> None:
    lucky, steady = (0.3, 0.3, 0.0, 0.0), (0.1, 0.1, 0.1, 0.1)
    found = results(
        runs("mine", SLOW, seeds=(0.0,) * 4), runs("random", SLOW, seeds=lucky),
        runs("margin", SLOW, seeds=steady),
    )  # fmt: skip
    analysis = analysed(found)
    (held,) = analysis.claims[0].sets
    # random is chosen by the first two seeds and has 0.0 on the others, margin the other way round
    assert [option(rival.method) for rival in held.opponents] == ["random", "margin"]
    assert held.comparison.area.apart == pytest.approx([-0.1, -0.1, 0.0, 0.0])
    assert (held.levels.ours, held.levels.opponent) == (pytest.approx(1.0), pytest.approx(1.05))
    assert set_by_set(analysis.claims[0], analysis.names).rows[0][4] == "random, margin"
    two = results(*(runs(m, SLOW, seeds=s[1:3]) for m, s in (("mine", steady), ("random", lucky))))
    (held,) = analysed(two, CLAIM | {"baselines": RANDOM}).claims[0].sets
    assert len(held.opponents) == 1


def test_every_claim_gives_each_opponent_the_better_of_itself_and_itself_times_the_prior() -> None:
    frame = results(runs("mine", FAST), runs("random", WEAK), runs("margin", WEAK)).frame
    product = {"mine": 0.0, "random": 0.1, "margin": 0.0}
    frame["product_balanced_accuracy"] = frame["balanced_accuracy"] + frame["strategy"].map(product)
    analysis = analysed(results(frame))
    (held,) = analysis.claims[0].sets
    assert [(option(r.method), r.times_prior) for r in held.opponents] == [("random", True)]
    assert (held.levels.ours, held.levels.opponent) == (pytest.approx(1.0), pytest.approx(0.6))
    said = "the best of margin, random, each with and without multiplying its probabilities by"
    assert said in table_of(analysis).note
    assert "random x prior" in set_by_set(analysis.claims[0], analysis.names).rows[0]
    (row,) = savings_table(frame, MINE).to_dict("records")
    assert row["best_baseline"] == "random x prior"
    frame.loc[frame["strategy"] == "random", "product_balanced_accuracy"] = np.nan
    (held,) = analysed(results(frame)).claims[0].sets  # not measured in all runs: not used
    assert [(option(r.method), r.times_prior) for r in held.opponents] == [("margin", False)]


def test_all_labels_without_wrong_ones_stand_beside_noisy_settings_too() -> None:
    whole = runs("random", np.full(10, 0.9)).assign(n_labels=1000, protocol="full")
    whole = whole[whole["round"] == 1].assign(id=lambda rows: rows["id"] + "whole")
    sets = [two_sets(noise=noise).frame for noise in ("clean", NOISY)]
    analysis = analysed(results(*sets, whole))
    full = {held.setting.choice("noise").option: [] for held in analysis.claims[0].sets}
    for held in analysis.claims[0].sets:
        full[held.setting.choice("noise").option].append(held.levels.full)
    assert full == {"clean": [0.9, pytest.approx(np.nan, nan_ok=True)], "symmetric": full["clean"]}


def asked(annotators: str, curve: Any, strategy: str, dataset: str) -> pd.DataFrame:
    """Runs whose answers come from annotators, half of them wrong in one way or another."""
    frame = runs(strategy, curve, dataset, annotators=annotators)
    return frame.assign(noise_rate=0.2)


def pools(*names: str) -> Results:
    """Ours twice as fast as the baseline in one set, as fast in the other, whoever answers."""
    return results(*(
        asked(name, curve, method, dataset)
        for name in names
        for dataset, mine in (("one", FAST), ("two", EVEN))
        for method, curve in (("mine", mine), ("random", SLOW), ("margin", WEAK))
    ))  # fmt: skip


def test_rows_are_annotators_and_all_of_them_where_several_are_asked() -> None:
    targets = [{"annotators": "all", "mean": 0.2}, {"annotators": "mixed", "worst": 0.1}]
    analysis = analysed(pools("mixed", "spammers"), CLAIM | {"targets": targets})
    (claimed,) = analysis.claims
    assert claimed.missing == ()
    by_row = {analysis.names.all(one.row): one for one in summaries(claimed)}
    assert list(by_row) == ["mixed", "spammers", "all annotators"]
    assert [one.sets for one in by_row.values()] == [2, 2, 4]
    assert by_row["all annotators"].integrated.mean == pytest.approx(BOTH)
    table = table_of(analysis)
    reached = "target mean / worst: reached"
    assert cell(table, "all annotators", reached) == "20 % / –: yes"
    assert cell(table, "mixed", reached) == "– / 10 %: no"
    assert cell(table, "spammers", reached) == "–"
    detail = set_by_set(claimed, analysis.names)
    assert detail.header[:2] == ("set", "annotators")
    assert [row[:2] for row in detail.rows] == [
        ("one", "mixed"), ("two", "mixed"), ("one", "spammers"), ("two", "spammers"),
    ]  # fmt: skip


def test_settings_with_a_single_annotator_keep_their_noise_beside_those_with_several() -> None:
    single = [two_sets(noise=noise).frame for noise in (NOISY, NOISIER)]
    analysis = analysed(results(pools("mixed", "spammers").frame, *single))
    (claimed,) = analysis.claims
    rows = [analysis.names.all(one.row) for one in summaries(claimed)]
    assert sorted(rows) == sorted([
        "20 % wrong answers", "40 % wrong answers", "symmetric, all rates",
        "mixed", "spammers", "all annotators",
    ])  # fmt: skip
    assert set_by_set(claimed, analysis.names).header[1] == "noise and annotators"


def test_noisy_groups_of_one_kind_are_pooled_and_the_clean_one_is_not() -> None:
    found = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY, NOISIER)))
    analysis = analysed(found)
    (claimed,) = analysis.claims
    by_group = {analysis.names.all(one.row): one for one in summaries(claimed)}
    rates = ["no wrong answers", "20 % wrong answers", "40 % wrong answers"]
    assert list(by_group) == [*rates, "symmetric, all rates"]
    pooled = by_group["symmetric, all rates"]
    assert (pooled.sets, pooled.verdicts) == (4, (2, 2, 0))
    assert pooled.integrated.mean == pytest.approx(BOTH)
    assert len(set_by_set(claimed, analysis.names).rows) == 6  # each setting once
    once = analysed(results(*(two_sets(noise=n).frame for n in ("clean", NOISY))))
    assert [once.names.all(one.row) for one in summaries(once.claims[0])] == rates[:2]


def test_settings_that_differ_in_the_prior_alone_are_groups_of_their_own() -> None:
    found = results(*(
        two_sets(noise=noise, prior=prior).frame
        for noise in (NOISY, NOISIER)
        for prior in ("flat", "packaged")
    ))  # fmt: skip
    analysis = analysed(found)
    groups = [analysis.names.all(one.row) for one in summaries(analysis.claims[0])]
    assert groups[:2] == ["20 % wrong answers · flat", "20 % wrong answers · packaged"]
    assert groups[4:] == ["symmetric, all rates · flat", "symmetric, all rates · packaged"]
    each = {"one": "clip", "two": "minilm"}  # a prior a set is no group
    frame = two_sets().frame.assign(prior=lambda rows: rows["dataset"].map(each))
    analysis = analysed(results(frame))
    (claimed,) = analysis.claims
    assert where(analysis, *claimed.rows()) == ("no wrong answers",)
    assert where(analysis, *(held.set for held in claimed.sets)) == ("one", "two")


def test_what_was_not_run_is_named_and_a_set_without_ours_is_not_counted() -> None:
    frame = two_sets().frame
    without = frame[~((frame["dataset"] == "two") & (frame["strategy"] == "mine"))]
    analysis = analysed(results(without))
    assert where(analysis, *(held.set for held in analysis.claims[0].sets)) == ("one",)
    assert table_of(analysis).note.endswith(" Not run: mine (left out) in two.")
    frame = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY))).frame
    gone = (frame["dataset"] == "one") & (frame["noise"] == "clean")
    analysis = analysed(results(frame[~(gone & (frame["strategy"] == "margin"))]))
    assert bases(analysis.claims[0]) == ["random", "margin", "random", "random"]
    said = " Not run: margin (compared without) in one · no wrong answers."
    assert table_of(analysis).note.endswith(said)


def test_no_seed_in_common_leaves_a_set_out_and_says_so() -> None:
    apart = runs("mine", FAST).assign(seed=lambda rows: rows["seed"] + 7)
    analysis = analysed(results(apart, runs("random", SLOW), runs("margin", WEAK)))
    (claimed,) = analysis.claims
    assert claimed.sets == ()
    assert claimed.missing == ("mine with a seed of its best baseline (left out) in one",)
    assert table_of(analysis).rows == ()


def test_one_seed_gives_means_without_intervals() -> None:
    found = results(runs("mine", FAST, seeds=(0.0,)), runs("random", SLOW, seeds=(0.0,)))
    table = table_of(analysed(found, CLAIM | {"baselines": RANDOM}))
    assert cell(table, "no wrong answers", OVER_SEEDS) == "–"


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        ([{"mean": 0.2, "worst": -0.1}], "20 % / −10 %: yes"),
        ([{"mean": 0.75, "worst": 0.6}], "75 % / 60 %: no"),
        ([{"noise": "clean", "mean": 0.2}, {"worst": 0.1}], "20 % / 10 %: no (worst)"),
        ([{"mean": 0.6, "worst": 0}], "60 % / 0 %: no (mean)"),
        ([{"mean": 0.6}], "60 % / –: no"),
        ([{"noise": ["clean", "human"], "worst": 0.0}], "– / 0 %: yes"),
    ],
)
def test_targets_are_shown_with_what_is_reached(targets: list[Any], text: str) -> None:
    table = table_of(analysed(two_sets(), CLAIM | {"targets": targets}))
    assert cell(table, "no wrong answers", "target mean / worst: reached") == text


def test_a_target_is_for_a_rate_or_for_the_row_over_all_rates() -> None:
    found = results(*(two_sets(noise=noise).frame for noise in (0.0, NOISY, NOISIER)))
    targets = [{"noise.rate": 0.2, "mean": 0.1}, {"noise.rate": "all", "mean": 0.3}]
    table = table_of(analysed(found, CLAIM | {"targets": targets}))
    assert [row[-1] for row in table.rows] == ["–", "10 % / –: yes", "–", "30 % / –: no"]


def test_a_report_of_a_part_says_which_claims_and_targets_it_could_not_hold() -> None:
    claims = [
        CLAIM | {"targets": [{"noise.rate": 0.6, "mean": 0.1}]},
        {"name": "his", "ours": {"strategy": "his"}},
        {"name": "tails", "ours": MINE, "baselines": [RANDOM, {"strategy": "tail"}]},
    ]
    analysis = analysed(two_sets(), *claims)
    one, his, tails = analysis.claims
    assert one.missing == ("no setting of the target's {noise.rate: 0.6}",)
    assert his.missing == (
        "report.claims 'his' ours has {strategy: his}, of which there is no run; there is "
        "strategy margin, mine, random",
    )
    assert over_sets(his, analysis.names).note == f"Not held: {his.missing[0]}."
    assert bases(tails) == ["random", "random"]
    assert "baselines has {strategy: tail}, of which there is no run" in tails.missing[0]
