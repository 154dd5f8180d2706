"""What a level costs, by hand: people's and models' answers, priors, ways of different grids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.analysis.analysis import Analysis, analyse
from al_bench.analysis.costs import Costs, Key, costs_of
from al_bench.analysis.frame import Missing, Results
from al_bench.analysis.keys import keyed
from al_bench.analysis.selection import matches
from al_bench.analysis.spec import ReportSpec
from al_bench.report.build import report
from al_bench.report.figures.money import cost_curves
from al_bench.report.tables.costs import cost_tables
from tests.analysis.frames import FAST, OWN, SLOW, results, runs
from tests.fakes import Given

PRICED = {"_target_": "al_bench.problem.Priced", "model": OWN}
ANSWERS: Given = ("answers", PRICED | {"survey": False})
SURVEY: Given = ("survey", PRICED | {"survey": True})
ONCE: Given = ("first_answers", PRICED | {"survey": False, "inner": "full"})
COST: dict[str, Any] = {
    "prices": [0.02, 0.1],
    "ask_prior": [{"strategy": "guided"}],
    "level_of": [{"strategy": ["random", "margin"], "assignment": "people_only"}],
}


def paid(
    strategy: str,
    curve: Any,
    models: Any = (0.0,) * 10,
    assignment: str = "people_only",
    protocol: Given = ANSWERS,
    **given: Any,
) -> Any:
    """Runs whose answers are paid, people's at 1."""
    more = {"annotators": "with_model", "assignment": assignment, "protocol": protocol} | given
    return runs(strategy, curve, models=list(models), **more)


UP = np.minimum(SLOW, 0.8)  # flat in the last tenth of the budget
SOON = np.minimum(FAST, 0.8)


def ways(dataset: str = "one") -> Results:
    """Margin comes to 0.8 with 80 people, random to 0.4; a prior for 1000 rows to 0.8 with 40; a
    model about all rows to 0.6; and this first, then people, to 0.8 with 20 and to 0.9."""
    after = [1000 + 10 * step for step in range(10)]
    rising = np.minimum(0.6 + 0.1 * np.arange(10), 0.9)
    return results(
        paid("margin", UP, dataset=dataset),
        paid("random", UP / 2, dataset=dataset),
        paid("guided", SOON, dataset=dataset),
        paid("random", [0.6], [1000], "models_only", ONCE, dataset=dataset, labels=[1000]),
        paid("doubt", rising, [1000] * 10, "model_first", SURVEY, dataset=dataset, labels=after),
    )


def analysed(found: Results, **cost: Any) -> Analysis:
    return analyse(found, ReportSpec(bootstrap=50, details=False, cost=COST | cost))


def costs(found: Results, **cost: Any) -> Costs:
    made = analysed(found, **cost).costs
    assert made is not None
    return made


def key_like(made: Costs, strategy: str, assignment: str = "people_only") -> Key:
    wanted = {"strategy": strategy, "assignment": assignment}
    (found,) = (key for key in made.keys if matches(key[0], wanted))
    return found


def test_money_is_peoples_answers_and_models_at_each_price_a_priors_about_the_whole_pool() -> None:
    made = costs(ways())
    (one,) = made.sets
    assert one.level == pytest.approx(0.8)
    wanted = {
        ("margin", "people_only"): (80, 80),
        ("random", "people_only"): (np.inf, np.inf),
        ("guided", "people_only"): (40 + 20, 40 + 100),
        ("doubt", "model_first"): (20 + 20, 20 + 100),
        ("random", "models_only"): (np.inf, np.inf),
    }
    assert len(one.ways) == len(wanted)
    for (strategy, assignment), money in wanted.items():
        key = key_like(made, strategy, assignment)
        values = [value for value, _, _ in one.needed[key]]
        assert values == pytest.approx(money), (strategy, assignment)
        assert one.relative(key) == pytest.approx(np.array(money) / 80)


def test_the_level_is_the_best_end_of_those_that_are_the_aim_alone() -> None:
    made = costs(ways(), level_of=[{"strategy": "random", "assignment": "people_only"}])
    (one,) = made.sets
    assert one.level == pytest.approx(0.4)
    assert one.aims == {key_like(made, "random")}
    model = key_like(made, "random", "models_only")  # above it from its one round on
    assert [value for value, *_ in one.needed[model]] == pytest.approx([20, 100])
    assert one.relative(key_like(made, "margin")) == pytest.approx(40 / 80)


def test_an_end_is_of_the_last_tenth_of_the_money_not_of_the_answers() -> None:
    late = paid("late", np.arange(10) / 10, [1000] * 10, "model_first", SURVEY,
                labels=[1000 + 10 * step for step in range(10)])  # fmt: skip
    made = costs(results(ways().frame, late))
    (way,) = (w for w in made.sets[0].ways if w.key == key_like(made, "late", "model_first"))
    # 30 for the model and 90 for people: from 108 on, two points; of all 1090 answers nine
    assert way.end == pytest.approx((0.8 + 0.9) / 2)


def test_seeds_have_pools_of_their_own() -> None:
    frame = ways().frame
    frame.loc[frame["seed"] == 1, "n_pool"] = 3000
    made = costs(replace(ways(), frame=frame))
    money = [value for value, *_ in made.sets[0].needed[key_like(made, "guided")]]
    assert money == pytest.approx([40 + 40, 40 + 200])  # 2000 rows on average


def test_intervals_resample_seeds_and_those_of_people_alone_know_no_price() -> None:
    three, single = paid("three", UP, seeds=(0.0, 0.1, 0.2)), paid("single", UP, seeds=(0.0,))
    spec = ReportSpec(bootstrap=2000, details=False, cost=COST)
    made = analyse(results(ways().frame, three, single), spec).costs
    assert made is not None
    (one,) = made.sets
    cheap, dear = one.needed[key_like(made, "three")]
    assert cheap == dear
    assert cheap == pytest.approx((70, 60, 80))  # the middle seed, the best and the worst
    assert np.isnan(one.needed[key_like(made, "single")][0][1:]).all()


def test_where_some_seeds_never_reach_it_the_interval_is_open() -> None:
    made = costs(results(ways().frame, paid("risky", UP, seeds=(0.1, 0.1, -0.2))))
    value, low, high = made.sets[0].needed[key_like(made, "risky")][0]
    assert (value, low, high) == (pytest.approx(80), pytest.approx(70), np.inf)
    over, first = cost_tables(analysed(results(ways().frame, paid("risky", UP, seeds=(0.1, -0.1)))))
    assert {row[0]: row[1] for row in first.rows}["risky, whom by people_only"] == "80 [70, ∞]"
    assert len(over.rows) == len(first.rows) == 6


def test_tables_show_multiples_over_sets_and_money_set_by_set() -> None:
    two = [paid("margin", SOON, dataset="two"), paid("guided", UP / 2, dataset="two")]
    over, first, second = cost_tables(analysed(results(ways().frame, *two)))
    assert over.header == ("way", "model at 0.02", "model at 0.1", "end less level, points")
    cells = {row[0].removesuffix(", whom by people_only"): row[1:] for row in over.rows}
    assert cells["margin"] == ("1.00 (2 of 2)", "1.00 (2 of 2)", "+0.0")
    assert cells["guided"] == ("0.75 (1 of 2)", "1.75 (1 of 2)", "−20.0")
    assert cells["random"] == ("not reached (0 of 1)", "not reached (0 of 1)", "−40.0")
    assert cells["doubt, whom by model_first; survey"] == (
        "0.50 (1 of 1)",
        "1.50 (1 of 1)",
        "+10.0",
    )
    assert cells["random, whom by models_only; first_answers"][2] == "−20.0"
    assert "These ways are margin, whom by people_only, random, whom by people_only." in over.note
    assert [first.title, second.title] == ["Cost of a level: one", "Cost of a level: two"]
    rows = {row[0].removesuffix(", whom by people_only"): row[1:] for row in first.rows}
    assert rows["guided"] == ("60 [60, 60]", "140 [140, 140]", "80.0", "120 / 200")
    assert rows["random"] == ("not reached", "not reached", "40.0", "100 / 100")
    assert len(second.rows) == 2


def test_means_over_sets_are_geometric() -> None:
    sooner = np.minimum(4 * SLOW, 0.8)  # with 20 people: half of margin's money
    two = [paid("guided", sooner, dataset="two"), paid("margin", UP, dataset="two")]
    over = cost_tables(analysed(results(ways().frame, *two)))[0]
    (cell,) = (row[1] for row in over.rows if row[0].startswith("guided"))
    assert cell == "0.61 (2 of 2)"  # of 0.75 and 0.5


def test_a_report_has_the_tables_the_figure_and_the_level_of_people_for_a_reference(
    tmp_path: Path,
) -> None:
    spec = ReportSpec(bootstrap=20, details=False, cost=COST, figures=("costs",))
    written = report(ways(), "cost", tmp_path, spec)
    assert [path.name for path in written][-2:] == ["cost_costs.png", "cost_costs.pdf"]
    assert all(path.stat().st_size > 1000 for path in written)
    page = written[0].read_text("utf-8")
    assert "## Cost of a level, over sets" in page
    assert "![Money against accuracy" in page
    assert "## Over all settings" not in page  # where no way is run under every protocol
    (found, *_) = analyse(ways(), spec).found
    assert found.declared == "best final level of any method"  # not what a model said of all rows


def test_the_figure_has_plain_numbers_of_money_and_a_dot_for_a_single_round() -> None:
    (axis,) = cost_curves(analysed(ways())).get_axes()
    assert axis.get_xlabel() == "money (a person's answer 1, a model's 0.1)"
    assert axis.xaxis.get_major_formatter()(100, 0) == "100"
    lines = {line.get_label(): line for line in axis.get_lines()}
    alone = lines["random, whom by models_only; first_answers"]
    assert (alone.get_xdata().tolist(), alone.get_marker()) == ([pytest.approx(100)], "o")
    assert lines["guided, whom by people_only"].get_xdata()[0] == pytest.approx(110)


def test_a_report_without_cost_has_neither_table_nor_figure(tmp_path: Path) -> None:
    spec = ReportSpec(bootstrap=10, details=False, figures=("costs",))
    assert analyse(ways(), spec).costs is None
    written = report(ways(), "x", tmp_path, spec)
    assert [path.suffix for path in written] == [".md", ".tex", ".html", ".parquet"]
    assert "Cost of a level" not in written[0].read_text("utf-8")


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ({"prices": []}, r"report.cost has the prices \[\]; wanted some above 0"),
        ({"prices": [0.1, 0]}, r"prices \[0.1, 0\]; wanted some above 0"),
        ({"prices": 0.1}, "prices 0.1; wanted some above 0"),
        ({"prices": [True]}, r"prices \[True\]"),
        ({"level_of": []}, "level_of is empty; wanted the methods"),
        ({"level_of": {"noise": "clean"}}, "report.cost level_of has the key 'noise'"),
        ({"ask_prior": ["guided"]}, "report.cost ask_prior has 'guided'; wanted columns"),
        ({"budget": 3}, "report.cost is .*'budget'.*; wanted ask_prior, level_of, prices"),
    ],
)
def test_a_wrong_cost_is_one_sentence(cost: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReportSpec(cost=COST | cost)


@pytest.mark.parametrize("what", ["ask_prior", "level_of"])
def test_a_selection_of_no_run_is_said_or_missing_where_runs_are(what: str) -> None:
    typed = {what: [*COST[what], {"strategy": "gided"}]}
    message = rf"report.cost {what} has {{strategy: gided}}, of which there is no run; there is st"
    with pytest.raises(ValueError, match=message):
        analysed(ways(), **typed)
    partial = replace(ways(), unfinished=(Missing("x", "y", "not started"),))
    assert f"report.cost {what} has" in costs(partial, **typed).missing[0]


def test_a_data_set_without_a_way_whose_level_is_the_aim_is_said_or_missing(tmp_path: Path) -> None:
    found = results(ways().frame, paid("guided", SLOW, dataset="two"))
    with pytest.raises(ValueError, match=r"report.cost level_of selects no run in dataset=two "):
        analysed(found)
    partial = replace(found, unfinished=(Missing("x", "y", "not started"),))
    made = costs(partial)
    assert [costed.place.choice("dataset").option for costed in made.sets] == ["one"]
    spec = ReportSpec(bootstrap=10, details=False, cost=COST, figures=())
    page = report(partial, "x", tmp_path, spec)[0].read_text("utf-8")
    assert "* report.cost level\\_of selects no run in dataset=two" in page


def test_runs_that_do_not_say_what_answers_cost_are_refused() -> None:
    plain = runs("margin", SLOW)
    aim = {"level_of": [{"strategy": "margin"}], "ask_prior": []}
    message = (
        r"needs what answers cost, which strategy=margin .* does not say; wanted runs with ann"
    )
    with pytest.raises(ValueError, match=message):
        analysed(results(plain), **aim)
    with pytest.raises(ValueError, match=message):
        analysed(results(plain, paid("margin", SLOW, dataset="two")), **aim)


def test_seeds_of_a_way_that_were_measured_in_other_rounds_are_refused() -> None:
    frame = ways().frame
    alone = frame["assignment"].eq("models_only") & frame["seed"].eq(1)
    frame.loc[alone, "round"] = 2
    spec = ReportSpec(cost=COST)
    assert spec.costs is not None
    with pytest.raises(ValueError, match="in some rounds only; wanted all seeds measured in the s"):
        costs_of(keyed(frame), spec.costs, spec, partial=False)


def test_other_annotators_are_another_way_of_the_same_data_set() -> None:
    found = results(ways().frame, paid("margin", FAST, annotators="experts"))
    made = costs(found)
    (one,) = made.sets
    names = {made.called(way.key) for way in one.ways}
    assert {
        "margin, whom by people_only",
        "margin, whom by people_only; experts · answers",
    } <= names
