"""Claims: whom they select, what they refuse, and the arithmetic over sets by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from al_bench.report.analysis import Analysis, analyse
from al_bench.report.claims import ClaimResult, at_once, mean_limits, savings_table, summaries
from al_bench.report.comparison import without_full
from al_bench.report.keys import Method, Setting, keyed
from al_bench.report.names import Names
from al_bench.report.results import Results
from al_bench.report.spec import ReportSpec, fits
from al_bench.report.tables.claims import at_a_glance, over_sets, set_by_set
from al_bench.report.tables.render import Table
from al_bench.report.tables.tables import tables
from al_bench.runs.component import name_of
from tests.fakes import Given
from tests.report.frames import EVEN, FAST, LABELS, SLOW, WEAK, build_report, results, runs

SHARE, OVER_SEEDS, MISSED = "share of the budget, %", "95 % CI over seeds", "not reached in"
AHEAD = np.trapezoid(FAST - SLOW, LABELS) / 90  # of FAST before SLOW, whose end it has at half
NOISY, NOISIER = 0.2, 0.4
WHOLE = ("strategy", "supervision", "init", "learner")
MINE, RANDOM, MARGIN = ({"strategy": name} for name in ("mine", "random", "margin"))
CLAIM = {"name": "faster", "ours": MINE, "baselines": {"strategy": ["random", "margin"]}}


def analysed(found: Results, *claims: dict[str, Any], **options: Any) -> Analysis:
    return analyse(found, ReportSpec(claims=claims or (CLAIM,), **options))


def option(method: Method) -> str:
    return method.choice("strategy").option


def bases(claimed: ClaimResult) -> list[str]:
    """The best baseline of each set."""
    return [option(held.opponents[0].method) for held in claimed.sets]


def where(analysis: Analysis, *places: Setting) -> tuple[str, ...]:
    return tuple(map(analysis.names.all, places))


def table_of(analysis: Analysis) -> Table:
    return over_sets(analysis.claims, analysis.names)[0]


def note_of(analysis: Analysis) -> str:
    return set_by_set(analysis.claims[0], analysis.names).note


def cell(table: Table, column: str) -> str:
    (row,) = (cells for cells in table.rows if cells[0] == "faster")
    return row[table.header.index(column)]


def two_sets(**fixed: Any) -> Results:
    """Ours twice as fast as the best baseline in one set, as fast in the other."""
    return results(
        runs("mine", FAST, "one", **fixed), runs("random", WEAK, "one", **fixed),
        runs("margin", SLOW, "one", **fixed), runs("mine", EVEN, "two", **fixed),
        runs("random", SLOW, "two", **fixed), runs("margin", WEAK, "two", **fixed),
    )  # fmt: skip


def test_a_row_has_means_the_median_share_and_the_worst_set() -> None:
    analysis = analysed(two_sets())
    (claimed,) = analysis.claims
    assert bases(claimed) == ["margin", "random"]
    (found,) = summaries(claimed)
    assert where(analysis, found.row, found.worst_set) == ("no label noise", "two")
    assert found.verdicts == (1, 1, 0)
    assert (found.area.mean, found.worst) == (pytest.approx(AHEAD / 2), pytest.approx(0))
    assert (found.end.mean, found.ours, found.theirs) == pytest.approx((0, 1, 1))
    assert (found.share.median, found.share.worst) == pytest.approx((0.75, 1.0))
    table = table_of(analysis)
    assert table.rows == (("faster", "75", "[75, 75]", "–", "2", "0"),)
    points = over_sets(analysis.claims, analysis.names)[1]
    assert points.rows == (("faster", "+0.0", "+13.6", "+0.0", "1", "1", "0"),)
    each = set_by_set(claimed, analysis.names)
    assert [cells[:6] for cells in each.rows] == [
        ("one", "no label noise", "+27.22", "+0.00", "50", "[50, 50]"),
        ("two", "no label noise", "+0.00", "+0.00", "100", "[100, 100]"),
    ]
    shown = [table.title for table in tables(analysis)[2:4]]
    assert shown == ["Claims in points", "Against faster, set by set"]


def test_a_page_at_a_glance_has_opponents_ours_and_shares() -> None:
    more = results(two_sets(noise=0.0).frame, two_sets(noise=NOISY).frame)
    more.frame["balanced_accuracy"] *= 0.9
    names = ("faster", "one of them")
    claims = [CLAIM, {"name": names[1], "ours": MINE, "baselines": MARGIN}]
    analysis = analysed(more, *claims, glance=["one of them", "faster"])
    table = at_a_glance(analysis.claims, analysis.names)
    assert table.header[:4] == ("", "faster, %", "one of them, %", "ours, %")
    assert table.header[4:] == tuple(f"budget to reach {name}, %" for name in names)
    both = ("90.0", "67.5", "90.0", "75", "50")
    assert table.rows == (("no label noise", *both), ("20 % label noise", *both))
    with pytest.raises(ValueError, match=r"report.glance is \['slower'\]; wanted up to three"):
        ReportSpec(claims=claims, glance=["slower"])


def test_the_prior_alone_is_an_opponent_without_labels() -> None:
    found = results(*(runs(m, c, alone=0.35) for m, c in (("mine", FAST), ("random", SLOW))))
    claim = {"name": "faster", "ours": MINE, "prior_alone": True}
    analysis = analysed(found, claim)
    (held,) = analysis.claims[0].sets
    area = np.trapezoid(FAST, LABELS) / 90 - 0.35
    assert held.comparison.area.difference == pytest.approx(area)
    assert held.comparison.end.difference == pytest.approx(0.65)
    assert held.comparison.efficiency.share == pytest.approx(0.175)
    assert held.opponents[0].name(analysis.names) == "prior alone"
    assert "mine (configuration" in note_of(analysis)
    assert "against the prior alone, a method without labels; 2 seeds." in note_of(analysis)
    unknown = analysed(results(runs("mine", FAST), runs("random", SLOW)), claim).claims[0]
    assert unknown.missing == ("mine with a seed of its opponent (left out) in one",)


def wide(*shifts: float) -> tuple[float, ...]:
    return tuple(0.04 * np.random.default_rng(int(shifts[0])).normal(size=5))


def test_the_interval_over_these_sets_adds_up_the_errors_within_them() -> None:
    found = results(*(
        runs(method, curve, dataset, seeds=wide(number + len(method)))
        for number, dataset in enumerate(("one", "two"))
        for method, curve in (("mine", FAST), ("random", SLOW))
    ))  # fmt: skip
    (claimed,) = analysed(found, CLAIM | {"baselines": RANDOM}).claims
    (one,) = (summary.area for summary in summaries(claimed))
    each = [held.comparison.area for held in claimed.sets]
    assert one.mean == pytest.approx(np.mean([part.difference for part in each]))
    errors = np.array([part.error for part in each])
    free = (errors**2).sum() ** 2 / (errors**4 / 4).sum()
    half = student.ppf(0.975, free) * np.sqrt((errors**2).sum()) / 2
    assert one.over_seeds == pytest.approx((one.mean - half, one.mean + half))


def test_the_interval_over_other_sets_has_the_spread_between_them() -> None:
    values, none = np.array([0.4, 0.9]), np.zeros(2)
    these, others = mean_limits(values, none, none + 4, np.array([0, 1]))
    assert these == pytest.approx((0.65, 0.65))
    half = 12.7062 * 0.25  # one degree of freedom
    assert others == pytest.approx((0.65 - half, 0.65 + half), rel=1e-3)
    twice = mean_limits(np.repeat(values, 2), np.zeros(4), np.full(4, 4.0), np.array([0, 0, 1, 1]))
    assert twice[1] == pytest.approx(others)  # two rows of one data set are no two sets


def test_one_data_set_says_nothing_of_others_and_alike_ones_no_less_than_their_errors() -> None:
    error, four = np.full(2, 0.1), np.full(2, 4.0)
    these, others = mean_limits(np.array([0.5, 0.5]), error, four, np.array([0, 0]))
    assert np.isnan(others).all()
    assert mean_limits(np.array([0.5, 0.5]), error, four, np.array([0, 1])) == (these, these)


def test_sets_where_the_level_is_not_reached_are_counted() -> None:
    more = results(two_sets().frame, runs("mine", WEAK, "three"), runs("random", SLOW, "three"))
    analysis = analysed(more)
    (found,) = summaries(analysis.claims[0])
    assert where(analysis, found.worst_set) == ("three",)
    assert (found.share.median, found.share.worst, found.share.missed) == (1, np.inf, 1)
    assert cell(table_of(analysis), MISSED) == "1"
    worse = results(*(runs(m, c, d) for d in "ab" for m, c in (("mine", WEAK), ("random", SLOW))))
    table = table_of(analysed(worse, CLAIM | {"baselines": RANDOM}))
    assert cell(table, SHARE) == "not reached"
    assert cell(table, OVER_SEEDS) == "[> 100, > 100]"
    flat = results(runs("mine", FAST), runs("random", np.full(10, 0.5)))
    table = table_of(analysed(flat, CLAIM | {"baselines": RANDOM}))
    assert cell(table, SHARE) == "flat"


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
    assert (held.ours[-1], held.theirs[-1]) == (pytest.approx(1.0), pytest.approx(1.05))
    assert set_by_set(analysis.claims[0], analysis.names).rows[0][6] == "random, margin"
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
    assert (held.ours[-1], held.theirs[-1]) == (pytest.approx(1.0), pytest.approx(0.6))
    said = "the best of margin, random, each with and without multiplying its probabilities by"
    assert said in note_of(analysis)
    without = analysed(results(frame), CLAIM | {"times_prior": False}).claims[0]
    assert not without.sets[0].opponents[0].times_prior
    assert "random x prior" in set_by_set(analysis.claims[0], analysis.names).rows[0]
    (row,) = savings_table(frame, MINE).to_dict("records")
    assert row["best_baseline"] == "random x prior"
    frame.loc[frame["strategy"] == "random", "product_balanced_accuracy"] = np.nan
    (held,) = analysed(results(frame)).claims[0].sets  # not measured in all runs: not used
    assert [(option(r.method), r.times_prior) for r in held.opponents] == [("margin", False)]


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


def test_rows_are_annotators_where_several_are_asked_and_else_kinds_of_noise() -> None:
    (claimed,) = analysed(pools("mixed", "spammers")).claims
    assert claimed.missing == ()
    single = [two_sets(noise=noise).frame for noise in (NOISY, NOISIER)]
    analysis = analysed(results(pools("mixed", "spammers").frame, *single))
    (claimed,) = analysis.claims
    by_row = {analysis.names.all(one.row): one for one in summaries(claimed)}
    assert set(by_row) == {"20 % label noise", "40 % label noise", "mixed", "spammers"}
    assert by_row["mixed"].area.mean == pytest.approx(AHEAD / 2)
    assert set_by_set(claimed, analysis.names).header[1] == "annotators"


def test_settings_that_differ_in_the_prior_alone_are_groups_of_their_own() -> None:
    found = results(*(
        two_sets(noise=noise, prior=prior).frame
        for noise in (NOISY, NOISIER)
        for prior in ("flat", "packaged")
    ))  # fmt: skip
    analysis = analysed(found)
    groups = [analysis.names.all(one.row) for one in summaries(analysis.claims[0])]
    nothing = "20 % label noise · a model that knows nothing"
    assert groups[:2] == [nothing, "20 % label noise · packaged"]
    assert len(groups) == 4
    together = analysed(found, rows=["noise"])
    sets = [len(some) for some in together.claims[0].rows().values()]
    assert sets == [4, 4]
    with pytest.raises(ValueError, match=r"report.rows has 'colour'; wanted some of"):
        ReportSpec(rows=["colour"])
    each = {"one": "clip", "two": "minilm"}  # a prior a set is no group
    frame = two_sets().frame.assign(prior=lambda rows: rows["dataset"].map(each))
    analysis = analysed(results(frame))
    (claimed,) = analysis.claims
    assert where(analysis, *claimed.rows()) == ("no label noise",)
    assert where(analysis, *(held.set for held in claimed.sets)) == ("one", "two")


def test_what_was_not_run_is_named_and_a_set_without_ours_is_not_counted() -> None:
    frame = two_sets().frame
    without = frame[~((frame["dataset"] == "two") & (frame["strategy"] == "mine"))]
    analysis = analysed(results(without))
    assert where(analysis, *(held.set for held in analysis.claims[0].sets)) == ("one",)
    assert note_of(analysis).endswith(" Not run: mine (left out) in two.")
    frame = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY))).frame
    gone = (frame["dataset"] == "one") & (frame["noise"] == "clean")
    analysis = analysed(results(frame[~(gone & (frame["strategy"] == "margin"))]))
    assert bases(analysis.claims[0]) == ["random", "margin", "random", "random"]
    said = " Not run: margin (compared without) in one · no label noise."
    assert note_of(analysis).endswith(said)


def test_no_seed_in_common_leaves_a_set_out_and_one_has_no_interval() -> None:
    apart = runs("mine", FAST).assign(seed=lambda rows: rows["seed"] + 7)
    analysis = analysed(results(apart, runs("random", SLOW), runs("margin", WEAK)))
    (claimed,) = analysis.claims
    assert claimed.sets == ()
    assert claimed.missing == ("mine with a seed of its opponent (left out) in one",)
    assert table_of(analysis).rows == ()
    found = results(runs("mine", FAST, seeds=(0.0,)), runs("random", SLOW, seeds=(0.0,)))
    table = table_of(analysed(found, CLAIM | {"baselines": RANDOM}))
    assert cell(table, OVER_SEEDS) == "–"


def test_a_report_of_a_part_says_which_claims_it_could_not_hold() -> None:
    claims = [
        {"name": "his", "ours": {"strategy": "his"}},
        {"name": "tails", "ours": MINE, "baselines": [RANDOM, {"strategy": "tail"}]},
    ]
    analysis = analysed(two_sets(), *claims)
    his, tails = analysis.claims
    assert his.missing == (
        "report.claims 'his' ours has {strategy: his}, of which there is no run; there is "
        "strategy margin, mine, random",
    )
    assert note_of(analysis) == f"Not held: {his.missing[0]}."
    assert bases(tails) == ["random", "random"]
    assert "baselines has {strategy: tail}, of which there is no run" in tails.missing[0]


def test_selections_name_baselines_without_ours_and_without_truth_readers() -> None:
    more = results(two_sets().frame, runs("reads_truth", FAST + 0.1, "one", truth=True))
    claims = [
        CLAIM | {"baselines": {"supervision": "labels"}},
        {"name": "upper reference", "ours": {"strategy": "reads_truth"}, "baselines": [MARGIN]},
    ]
    analysis = analysed(more, *claims)
    every, upper = analysis.claims
    assert bases(every) == ["margin", "random"]
    assert "reads_truth" not in note_of(analysis)
    assert bases(upper) == ["margin"]


def test_without_baselines_of_its_own_a_claim_has_those_of_the_report() -> None:
    more = results(two_sets().frame, runs("reads_truth", FAST + 0.1, "one", truth=True))
    claim = {"name": "faster", "ours": MINE}
    others = analysed(more, claim, ours=MINE)
    assert list(map(option, others.claims[0].baselines)) == ["margin", "random"]
    assert "against the best of margin, random; 2 seeds" in note_of(others)
    alone = analysed(more, claim, baselines=[RANDOM]).claims[0]
    assert list(map(option, alone.baselines)) == ["random"]
    with pytest.raises(ValueError, match=r"report.claims 'faster' has no baselines; name some"):
        analysed(more, claim, ours=[MINE, RANDOM, MARGIN])


def linear(balance: str) -> Given:
    return "linear", {"_target_": "al_bench.learners.LinearHead", "balance": balance}


def test_what_is_claimed_is_named_by_its_configuration() -> None:
    """Whatever the page calls it, the parameters of its parts give it another name."""
    learners = [linear("weights"), linear("none")]
    found = results(
        *(runs("mine", FAST, learner=learner) for learner in learners),
        runs("margin", SLOW, learner=learners[0]),
    )
    rows = found.frame[found.frame["strategy"] == "mine"].drop_duplicates("id")
    names = set()
    for row in rows.to_dict("records"):
        parts = (*WHOLE, "proxy_selection")
        options = {group: json.loads(row[f"{group}_config"]) for group in parts}
        ours = MINE | {"learner.balance": options["learner"]["balance"]}
        claim = {"name": "faster", "ours": ours, "baselines": [MARGIN]}
        note = note_of(analysed(found, claim, method=WHOLE, ours=ours))
        assert f"(configuration {name_of(options)}) against the best of margin" in note
        names.add(name_of(options))
    assert len(names) == 2


def test_the_learner_may_be_part_of_the_method() -> None:
    usual, balanced = linear("weights"), linear("logit_adjustment")
    found = results(
        two_sets(learner=usual).frame, runs("margin", FAST, "one", learner=balanced),
        runs("margin", FAST, "two", learner=balanced),
    )  # fmt: skip
    assert len(set(keyed(found.frame)["setting"])) == 4
    names = Names.of(keyed(found.frame, WHOLE))
    assert list(map(names.setting, names.settings)) == ["one", "two"]
    assert set(map(names.method, names.methods)) == {
        "mine", "random", "margin", "margin, logit adjustment",
    }  # fmt: skip
    claim = CLAIM | {"baselines": {"learner.balance": "logit_adjustment"}}
    (claimed,) = analysed(found, claim, method=WHOLE).claims
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
    rest, levels = without_full(keyed(found.frame, WHOLE), "balanced_accuracy")
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
        (
            {"baselines": {"strategy": "reads_truth"}},
            "{strategy: reads_truth}, a method that reads the tru",
        ),
        ({"baselines": MINE}, "the baseline {strategy: mine}, its own method"),
        ({"baselines": ["margin"]}, "'faster' baselines has 'margin'; wanted columns and their"),
        ({"baselines": []}, "'faster' has no baselines; wanted one"),
        ({"ours": {"noise": "clean"}}, "'faster' ours has the key 'noise'; wanted one of"),
        ({"name": ""}, "name=''; wanted a text"),
        ({"prior_alone": True}, "'faster' has baselines and prior_alone; wanted one of the two"),
        ({"times_prior": "no"}, "'faster' has times_prior='no'; wanted true or false"),
        ({"median": 0.5}, "has .*'median'.*; wanted name, ours and, if need be, baselines"),
    ],
)
def test_a_wrong_claim_is_one_sentence(options: dict[str, Any], message: str) -> None:
    more = results(two_sets().frame, runs("reads_truth", FAST, "one", truth=True))
    with pytest.raises(ValueError, match=message):
        analysed(more, CLAIM | options)


def test_a_table_of_savings_has_a_row_a_setting_and_its_columns() -> None:
    frame = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY))).frame
    table = savings_table(frame, MINE, [RANDOM, MARGIN])
    assert table["dataset"].tolist() == ["one", "one", "two", "two"]
    assert table["noise"].tolist() == ["clean", "symmetric"] * 2
    assert table["best_baseline"].tolist() == ["margin", "margin", "random", "random"]
    assert table["share"].tolist() == pytest.approx([0.5, 0.5, 1, 1])
    assert table["saving"].tolist() == pytest.approx([0.5, 0.5, 0, 0])
    assert (table["low"] <= table["share"]).all()
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
    spec = ReportSpec(claims=[CLAIM], figures=("claims",))
    found = results(*(two_sets(noise=noise).frame for noise in ("clean", NOISY)))
    shuffled = replace(found, frame=found.frame.sample(frac=1, random_state=0))
    first = build_report(found, "claims", tmp_path / "a", spec)
    second = build_report(shuffled, "claims", tmp_path / "b", spec)
    assert [path.name for path in first] == [
        "claims.md", "claims.tex", "claims.html", "claims.parquet",
        "claims_claims.png", "claims_claims.pdf",
    ]  # fmt: skip
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    text = first[0].read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# What do the runs of claims show?", "## Which share of the budget is enough?",
        "## How many points above each opponent?", "## What is missing",
        "## Details",
    ]  # fmt: skip
    answer = text.split("\n\n")[1]
    reached = "mine reaches the final accuracy of faster with 75 % of the budget (median of 2 data"
    assert answer.startswith(f"With no label noise, {reached} sets), and ends level with it. With")
    caption = "the share of the budget at which it reaches their final accuracy"
    assert caption in text
    assert caption in first[2].read_text("utf-8")
    written = build_report(two_sets(), "x", tmp_path, ReportSpec(figures=("claims",)))
    assert [path.suffix for path in written] == [".md", ".tex", ".html", ".parquet"]


def test_opponents_that_each_set_has_of_its_own_are_missing_on_their_own_set_alone() -> None:
    frame = results(*(two_sets(noise=noise).frame for noise in (NOISY, NOISIER))).frame
    own = frame[~((frame["dataset"] == "one") & (frame["strategy"] == "margin"))]
    analysis = analysed(results(own))
    assert bases(analysis.claims[0])[0] == "random"
    said = note_of(analysis)
    assert "against the best of margin, random, of which each data set has its own;" in said
    assert "Not run" not in said
    noisy = own["noise_config"].str.contains(str(NOISIER))
    without = own[~(noisy & (own["dataset"] == "two") & (own["strategy"] == "margin"))]
    said = note_of(analysed(results(without)))
    assert " Not run: margin (compared without) in two" in said


def test_an_opponent_with_fewer_seeds_is_no_candidate_for_the_best_of_several() -> None:
    few = runs("random", FAST + 0.5, seeds=(0.0,))
    analysis = analysed(results(runs("mine", FAST), runs("margin", SLOW), few))
    assert bases(analysis.claims[0]) == ["margin"]
    assert analysis.claims[0].missing == ("random with all seeds (compared without) in one",)


def test_claims_on_fewer_sets_do_not_stand_beside_others_at_a_glance() -> None:
    frame = two_sets().frame
    part = frame[~((frame["dataset"] == "two") & (frame["strategy"] == "margin"))]
    claims = [CLAIM, {"name": "margin", "ours": MINE, "baselines": MARGIN}]
    found = analysed(results(part), *claims).claims
    assert [one.claim.name for one in at_once(found, ["margin", "faster"])] == ["faster"]


@pytest.mark.parametrize(("wanted", "found"), [("b", True), (["b", "c"], True), ("a", False)])
def test_a_selection_may_be_all_but_some_values(wanted: object, found: bool) -> None:
    assert fits("a", {"not": wanted}) == found
    assert fits("a", wanted) != found
