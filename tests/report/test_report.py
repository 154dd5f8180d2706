"""From run directories to tables, figures and a page: nothing lost or smoothed, all escaped."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al_bench.analysis.analysis import ReportSpec, analyse
from al_bench.analysis.curves import settings
from al_bench.analysis.frame import Results, load, read_runs, write_parquet
from al_bench.analysis.keys import Choice, Method, keyed
from al_bench.analysis.names import Names
from al_bench.report.build import report
from al_bench.report.figures.style import colours
from al_bench.report.tables.cells import DAGGER, Table
from al_bench.report.tables.tables import tables
from tests.fakes import Given, fake_run, fake_runs

QUICK = ReportSpec(bootstrap=200)
OURS = {"strategy": "<script>x"}


class Everything(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def named(folder: Path) -> tuple[set[str], set[str]]:
    """What the methods and the settings of a folder's runs are called."""
    names = Names.of(keyed(load(folder)))
    return set(map(names.method, names.methods)), set(map(names.place, names.places))


def test_methods_and_settings_are_named_by_what_varies(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin")
    fake_run(tmp_path, "random")
    assert named(tmp_path) == ({"margin", "random"}, {"flowers"})
    fake_run(tmp_path, "margin", supervision="vetted")
    fake_run(tmp_path, "margin", supervision="vetted", start="fm_balanced")
    fake_run(tmp_path, "margin", noise=0.2)
    wanted = {"random", "margin", "margin + vetted", "margin + vetted, start fm_balanced"}
    assert named(tmp_path) == (
        wanted, {"flowers · no wrong answers", "flowers · 20 % wrong answers"},
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
    assert set(map(names.method, names.methods)) == {"margin", "random", "margin, balance none"}


ASKING: dict[str, Given] = {"annotators": "mixed", "label_model": "glad", "assignment": "thompson"}


def test_what_all_runs_share_says_who_answers_and_not_that_no_answer_is_wrong(
    tmp_path: Path,
) -> None:
    for folder, asking in (("plain", None), ("several", ASKING)):
        for strategy in ("margin", "random"):
            fake_run(tmp_path / folder, strategy, asking=asking)
    plain, several = (Names.of(keyed(load(tmp_path / name))) for name in ("plain", "several"))
    assert plain.shared()["noise"] == "no wrong answers"
    assert not {"annotators", "label_model", "assignment"} & plain.shared().keys()
    assert "noise" not in several.shared()
    assert several.shared()["annotators"] == "mixed"
    assert several.shared()["label_model"] == "glad"


def asking_again(inner: str, by: str = "doubt", **inside: Any) -> Given:
    part = {"_target_": f"al_bench.strategies.{inner}"} | inside
    return "ask_again", {"_target_": "al_bench.strategies.AskAgain", "by": by, "inner": part}


def test_a_rule_around_another_is_named_by_the_others_class_and_what_differs_within_it(
    tmp_path: Path,
) -> None:
    for rule in (
        asking_again("Margin"), asking_again("Badge"), asking_again("Badge", by="change"),
        asking_again("Codecision", power=0.5, belief={"gate": True}),
    ):  # fmt: skip
        fake_run(tmp_path / "one", rule)
    assert named(tmp_path / "one")[0] == {
        "ask_again of margin (by doubt)", "ask_again of badge (by doubt)",
        "ask_again of badge (by change)", "ask_again of codecision (by doubt)",
    }  # fmt: skip
    for power in (0.5, 1.0):
        fake_run(tmp_path / "two", asking_again("Codecision", power=power, gate=True))
    fake_run(tmp_path / "two", asking_again("Badge"))
    assert named(tmp_path / "two")[0] == {
        "ask_again of codecision (inner.power 0.5)", "ask_again of codecision (inner.power 1)",
        "ask_again of badge",
    }  # fmt: skip


def test_two_kinds_of_the_same_words_are_told_apart_by_their_options(tmp_path: Path) -> None:
    fake_run(tmp_path, noise="clean")
    fake_run(tmp_path, noise=0)
    assert named(tmp_path)[1] == {
        "flowers · no wrong answers [clean]", "flowers · no wrong answers [symmetric]",
    }  # fmt: skip


def test_settings_are_ordered_by_their_numbers_not_their_digits(tmp_path: Path) -> None:
    for imbalance in (100, 50, "natural"):
        fake_run(tmp_path, imbalance=imbalance)
    found = settings(keyed(load(tmp_path)), "balanced_accuracy")
    ratios = [setting.place.choice("imbalance").parameters.get("ratio") for setting in found]
    assert ratios == [None, 50, 100]


def test_runs_measured_at_different_numbers_of_labels_are_refused(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin", rounds=10)
    fake_run(tmp_path, "random", rounds=8)
    with pytest.raises(
        ValueError,
        match=r"strategy=random .*, seed 0 in dataset=flowers .* has no balanced_accuracy",
    ):
        analyse(read_runs(tmp_path), QUICK)


def test_two_runs_that_look_the_same_are_refused(tmp_path: Path) -> None:
    here = fake_run(tmp_path, "margin")
    (tmp_path / "twin").mkdir()
    for name in ("manifest.json", "rounds.jsonl"):
        (tmp_path / "twin" / name).write_text((here / name).read_text())
    with pytest.raises(ValueError, match=r"two runs of strategy=margin .* with seed 0"):
        analyse(read_runs(tmp_path), QUICK)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"metric": "f2"}, "no metric 'f2' in these runs; they have .*macro_f1"),
        ({"ours": {"strategy": "mine"}}, "of which there is no run; there is strategy margin, ran"),
        ({"ours": {"init": "random"}}, "which 2 methods are: .*; they differ in strategy"),
        ({"ours": ["margin"]}, "report.ours has 'margin'; wanted columns and their values"),
        ({"ours": {"noise": "clean"}}, "report.ours has the key 'noise'; wanted one of"),
        ({"baselines": [{"strategy": "best"}]}, "report.baselines has {strategy: best}"),
        (
            {"references": [{"dataset": "moon", "level": 0.9}]},
            "report.references has {dataset: moo",
        ),
        ({"references": [{"dataset": "flowers"}]}, "wanted columns and a level"),
        ({"metric": "nll"}, "lower is better"),
        ({"figures": ["pie"]}, "report.figures has 'pie'"),
        ({"bootstrap": 0}, "bootstrap=0"),
        ({"targets": [1.5]}, r"targets=\[1.5\]"),
    ],
)
def test_a_wrong_spec_is_one_sentence(tmp_path: Path, spec: Any, message: str) -> None:
    fake_runs(tmp_path, ("margin", "random"), seeds=2)
    with pytest.raises(ValueError, match=message):
        analyse(read_runs(tmp_path), ReportSpec(**spec))


def test_no_finished_run_is_one_sentence_that_says_what_happened(tmp_path: Path) -> None:
    fake_run(tmp_path, error="ValueError: no centre")
    with pytest.raises(ValueError, match="no finished run to report on: 0 of 1 runs; 1 failed"):
        analyse(read_runs(tmp_path), QUICK)


def option(method: Method) -> str:
    return method.choice("strategy").option


def cell(table: Table, row: str, column: str) -> str:
    names = [cells[0] for cells in table.rows]
    found = [c for c, text in enumerate(table.header) if text.startswith(column)]
    return table.rows[names.index(row)][found[0]]


def test_a_decreasing_curve_stays_decreasing_in_the_table(tmp_path: Path) -> None:
    falling = [0.9 - 0.05 * step for step in range(10)]
    for seed in range(3):
        fake_run(tmp_path, "margin", seed=seed, curve=falling)
        fake_run(tmp_path, "random", seed=seed, curve=[0.3 + 0.01 * s for s in range(10)])
    first = tables(analyse(read_runs(tmp_path), QUICK))[0]
    assert cell(first, "margin", "final") == "45.0 ± 0.0"
    assert cell(first, "margin", "area") == "67.5 ± 0.0"
    assert "labels to 47.5 (margin)" in first.header


def test_savings_and_labels_to_target_stand_in_the_main_table(tmp_path: Path) -> None:
    for seed in range(3):
        fake_run(tmp_path, "margin", seed=seed, curve=[min(0.2 * s, 1.0) for s in range(1, 11)])
        fake_run(tmp_path, "random", seed=seed, curve=[0.1 * s for s in range(1, 11)])
        fake_run(tmp_path, "badge", seed=seed, curve=[0.05 * s for s in range(1, 11)])
    first = tables(
        analyse(read_runs(tmp_path), ReportSpec(ours={"strategy": "margin"}, bootstrap=50))
    )[0]
    assert cell(first, "margin", "saving over random") == "50 % [50, 50]"
    assert cell(first, "margin", "saving over best") == "50 % [50, 50]"
    assert cell(first, "margin", "labels to 95.0 (random)") == "95"
    assert cell(first, "badge", "saving over random") == "−100 % [−100, −100] (not reached)"
    assert cell(first, "badge", "labels to") == "not reached"
    assert cell(first, "random", "saving over random") == "–"


def test_runs_measured_once_have_a_score_and_no_savings(tmp_path: Path) -> None:
    for strategy, level in (("random", 0.5), ("margin", 0.7)):
        for seed in range(3):
            fake_run(tmp_path, strategy, seed=seed, rounds=1, curve=[level])
    shown = tables(analyse(read_runs(tmp_path), ReportSpec()))
    main = next(table for table in shown if table.title == "flowers")
    row = next(row for row in main.rows if row[0] == "margin")
    assert row[1:7] == ("70.0 ± 0.0", "70.0 ± 0.0", "–", "–", "–", "–")
    assert "20 labels alone" in main.note
    assert not [table for table in shown if table.title.startswith("Annotation savings")]


def test_a_setting_measured_once_saves_nothing_in_the_table_of_all_settings(tmp_path: Path) -> None:
    for strategy, level in (("random", 0.5), ("margin", 0.7)):
        fake_run(tmp_path, strategy, rounds=1, curve=[level])
        fake_run(tmp_path, strategy, dataset="trees", rounds=3, curve=[level] * 3)
    spec = ReportSpec(ours={"strategy": "margin"}, bootstrap=10)
    shown = tables(analyse(read_runs(tmp_path), spec))
    areas = next(table for table in shown if table.title.startswith("Area under the curve"))
    (column,) = (i for i, text in enumerate(areas.header) if text.startswith("saving of margin"))
    assert [(row[0], row[column]) for row in areas.rows] == [("flowers", "–"), ("trees", "50 %")]


def test_the_best_baseline_is_chosen_without_ours_and_without_truth_readers(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random", "margin", "codecision"))
    high = [0.97] * 10
    for seed in range(5):
        fake_run(tmp_path, "balanced_random", seed=seed, curve=high, oracle=True)
    spec = ReportSpec(ours={"strategy": "codecision"}, bootstrap=50)
    analysis = analyse(read_runs(tmp_path), spec)
    found = analysis.found[0]
    (ours,) = analysis.sides.ours
    chosen = {c.rule: str(option(c.baseline)) for c in found.comparisons if c.method == ours}
    assert chosen == {"random": "random", "here": "margin", "overall": "margin", "half": "margin"}
    assert "balanced_random" not in map(option, analysis.competitors)
    first = tables(analysis)[0]
    assert first.rows[-1][0] == "balanced_random" + DAGGER or any(
        row[0] == "balanced_random" + DAGGER for row in first.rows
    )
    assert "reads the truth" in first.note
    assert {row for row, _ in first.bold} == {0}  # ours, not the reference, is printed bold


def test_a_setting_whose_baselines_are_not_run_yet_is_shown_without_a_comparison(
    tmp_path: Path,
) -> None:
    fake_runs(tmp_path, ("random", "margin", "codecision"), seeds=2)
    fake_runs(tmp_path, ("codecision",), seeds=2, dataset="trees")
    analysis = analyse(
        read_runs(tmp_path), ReportSpec(ours={"strategy": "codecision"}, bootstrap=50)
    )
    flowers, trees = analysis.found
    assert flowers.comparisons
    assert not trees.comparisons
    shown = {table.title: table for table in tables(analysis)}["trees"]
    assert "none has been run yet" in shown.note
    assert shown.rows[0][3:6] == ("–", "–", "–")


def test_the_half_rule_compares_on_seeds_it_did_not_choose_by(tmp_path: Path) -> None:
    up, flat = [0.05 * s for s in range(1, 11)], [0.2] * 10
    for seed in range(4):  # margin is the better baseline in the first half alone
        fake_run(tmp_path, "margin", seed=seed, curve=up if seed < 2 else flat)
        fake_run(tmp_path, "badge", seed=seed, curve=flat if seed < 2 else [2 * v for v in up])
        fake_run(tmp_path, "codecision", seed=seed, curve=[0.09 * s for s in range(1, 11)])
    spec = ReportSpec(ours={"strategy": "codecision"}, bootstrap=50)
    analysis = analyse(read_runs(tmp_path), spec)
    (ours,), found = analysis.sides.ours, analysis.found[0]
    half, here = (found.against(ours, rule) for rule in ("half", "here"))
    assert half is not None
    assert here is not None
    assert (option(half.baseline), half.saving("final").seeds) == ("margin", 2)
    assert (option(here.baseline), here.saving("final").seeds) == ("badge", 4)


def test_pairs_use_the_seeds_both_methods_have(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random",), seeds=5)
    fake_runs(tmp_path, ("margin",), seeds=3)
    analysis = analyse(read_runs(tmp_path), QUICK)
    (margin,) = (method for method in analysis.methods if option(method) == "margin")
    one = analysis.found[0].against(margin, "random")
    assert one is not None
    assert one.saving("final").seeds == 3


def test_without_a_reference_the_gap_is_declared_as_that_to_the_best_final_level(
    tmp_path: Path,
) -> None:
    fake_runs(tmp_path, ("random", "margin"), seeds=2)
    results = read_runs(tmp_path)
    assert analyse(results, QUICK).found[0].declared == "best final level of any method"
    spec = ReportSpec(bootstrap=50, references=[{"dataset": "flowers", "level": 0.99}])
    notes = [table.note for table in tables(analyse(results, spec))]
    assert any("to 99.0 (full data)" in note for note in notes)


def test_headers_name_the_split_and_flag_the_pool_as_transductive(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random", "margin"), seeds=2)
    shown = tables(analyse(read_runs(tmp_path), QUICK))
    assert "final balanced accuracy (test), %" in shown[0].header
    every = [text for table in shown for text in table.header]
    assert "balanced accuracy (pool, transductive), %" in every
    assert not [text for text in every if "pool" in text and "transductive" not in text]


def test_methods_that_miss_in_some_setting_are_not_ranked_and_said_so(tmp_path: Path) -> None:
    for noise in ("clean", 0.2):
        fake_runs(tmp_path, ("random", "margin", "galaxy"), seeds=2, noise=noise)
    fake_runs(tmp_path, ("badge",), seeds=2)
    shown = tables(analyse(read_runs(tmp_path), QUICK))
    ranking = next(table for table in shown if table.title == "Over all settings")
    assert [row[0] for row in ranking.rows] == ["galaxy", "margin", "random"]
    assert [row[1] for row in ranking.rows] == ["1.00", "2.00", "3.00"]
    assert "Not in every setting, so not ranked: badge." in ranking.note


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, ReportSpec]:
    """Runs with hostile names, two noises and two imbalances: every figure has what it shows."""
    folder = tmp_path_factory.mktemp("runs")
    names = ("<script>alert(1)</script>", "a$b$", "c&d", "e_f", "g%", "h")
    for noise in ("clean", 0.2):
        for imbalance in ("natural", 50):
            fixed = {"noise": noise, "imbalance": imbalance, "rounds": 4, "class_names": names}
            fake_runs(folder, ("random", "margin", "<script>x"), seeds=2, **fixed)
    fake_run(folder, "coreset", seed=5, error="ValueError: <script>bad")
    return read_runs(folder), ReportSpec(ours=OURS, bootstrap=50)


def test_a_report_has_every_table_figure_and_one_escaped_page(
    everything: tuple[Results, ReportSpec], tmp_path: Path
) -> None:
    written = report(everything[0], "<b>demo", tmp_path, everything[1])
    names = [str(path.relative_to(tmp_path)) for path in written]
    drawn = ["curves", "savings", "ranks", "heat", "recall", "precision"]
    assert names == [
        "tables/<b>demo.md",
        "tables/<b>demo.tex",
        "<b>demo.html",
        "details/<b>demo.parquet",
        *(f"figures/<b>demo_{figure}.{kind}" for figure in drawn for kind in ("png", "pdf")),
    ]
    assert all(path.stat().st_size > 1000 for path in written)
    html = written[2].read_text(encoding="utf-8")
    page = Everything(html)
    assert not {"script", "b", "link", "iframe"} & set(page.tags)
    assert page.tags.count("img") == len(drawn)
    assert "http" not in html.split("base64,")[0]
    text = " ".join(page.text)
    assert "<script>alert(1)</script>" in text  # a class name, shown and not run
    assert "ValueError: <script>bad" in text
    assert "24 of 25 runs; 1 failed" in text
    assert all(run in text for run in everything[0].frame["id"].unique())
    for table in written[:2]:
        assert "<script>" not in table.read_text(encoding="utf-8").split("\n\n", 2)[2]


def test_the_details_are_every_cell_of_every_table(
    everything: tuple[Results, ReportSpec], tmp_path: Path
) -> None:
    spec = replace(everything[1], figures=())
    written = report(everything[0], "x", tmp_path, spec)
    shown = tables(analyse(everything[0], spec))
    cells = pd.read_parquet(written[3])
    assert len(cells) == sum(len(table.rows) * len(table.header) for table in shown)
    one = cells[(cells["table"] == "Over all settings") & (cells["row"] == 0)]
    ranking = next(table for table in shown if table.title == "Over all settings")
    assert dict(zip(one["column"], one["value"], strict=True)) == dict(
        zip(ranking.header, ranking.rows[0], strict=True)
    )


def test_a_page_is_short_however_many_methods_and_settings_there_are(tmp_path: Path) -> None:
    for number in range(60):
        fake_run(tmp_path / "runs", f"rule{number}", rounds=2)
        fake_run(tmp_path / "runs", f"rule{number}", rounds=2, noise=0.2)
    spec = ReportSpec(bootstrap=1, figures=())
    page = report(read_runs(tmp_path / "runs"), "many", tmp_path, spec)[0].read_text()
    assert len(page.splitlines()) <= 200
    assert "20 more rows are in the details." in page
    assert "## What is missing\n\nNothing." in page


def test_runs_of_one_seed_that_met_different_problems_are_not_compared(tmp_path: Path) -> None:
    one = fake_run(tmp_path, "margin", noise=0.2)
    other = fake_run(tmp_path, "random", noise=0.2, digest="d2")
    fake_run(tmp_path, "random", noise=0.2, seed=1, digest="d3")  # another seed's is its own
    with pytest.raises(ValueError, match="not on one problem") as refused:
        analyse(read_runs(tmp_path), QUICK)
    said = str(refused.value)
    assert one.name in said
    assert other.name in said
    assert "20 % wrong answers" in said
    assert "seed 0" in said
    assert "albench run --again" in said


def test_runs_that_do_not_say_their_problem_are_counted(tmp_path: Path) -> None:
    fake_run(tmp_path / "runs", "margin")
    fake_run(tmp_path / "runs", "random", digest=None)
    written = report(read_runs(tmp_path / "runs"), "x", tmp_path, replace(QUICK, figures=()))
    assert "* 1 runs do not say what problem they met" in written[0].read_text()


def test_a_users_own_query_rule_is_shown_and_is_no_baseline(tmp_path: Path) -> None:
    for seed in range(2):
        fake_run(tmp_path, "margin", seed=seed, curve=[0.05 * s for s in range(1, 11)])
        fake_run(tmp_path, "random", seed=seed, curve=[0.04 * s for s in range(1, 11)])
        own = ("tail", {"_target_": "mine.Tail"})
        fake_run(tmp_path, own, seed=seed, curve=[0.09 * s for s in range(1, 11)])
    analysis = analyse(read_runs(tmp_path), QUICK)
    assert option(analysis.found[0].best) == "margin"
    assert "tail" in map(option, analysis.competitors)
    named = analyse(read_runs(tmp_path), replace(QUICK, baselines={"strategy": "tail"}))
    assert option(named.found[0].best) == "tail"


def test_ours_that_has_not_been_run_yet_is_said_to_be_missing(tmp_path: Path) -> None:
    fake_runs(tmp_path / "runs", ("margin", "random"), seeds=2)
    fake_run(tmp_path / "runs", "codecision", error="ValueError: no centre")
    spec = ReportSpec(ours={"strategy": "codecision"}, bootstrap=20, figures=())
    page = report(read_runs(tmp_path / "runs"), "x", tmp_path, spec)[0].read_text()
    assert "report.ours has {strategy: codecision}, of which there is no run" in page


def test_a_report_has_the_same_bytes_in_another_process(
    everything: tuple[Results, ReportSpec], tmp_path: Path
) -> None:
    spec = ReportSpec(ours=OURS, bootstrap=20, figures=("curves", "heat"))
    mine = report(everything[0], "x", tmp_path / "a", spec)
    stored = write_parquet(everything[0], tmp_path / "x.parquet")
    code = (
        "import sys; from pathlib import Path; from al_bench.report.build import report;"
        "from al_bench.analysis.analysis import ReportSpec;"
        "from al_bench.analysis.frame import read_parquet;"
        "spec = ReportSpec(ours={'strategy': '<script>x'}, bootstrap=20,"
        "figures=('curves', 'heat'));"
        "report(read_parquet(Path(sys.argv[1])), 'x', Path(sys.argv[2]), spec)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "123", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-c", code, str(stored), str(tmp_path / "b")]
    subprocess.run(command, check=True, env=environment, timeout=120)
    for path in mine:
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_a_method_keeps_its_colour_whoever_else_is_in_the_figure() -> None:
    def method(strategy: str, supervision: str = "labels") -> Method:
        return Method((Choice("strategy", strategy, ""), Choice("supervision", supervision, "")))

    margin, galaxy = method("margin"), method("galaxy", "vetted")
    alone = colours([margin, galaxy])
    among = colours([method("badge"), galaxy, margin, method("random"), method("my_own")])
    assert alone[margin] == among[margin]
    assert alone[galaxy] == among[galaxy]
    assert len(set(among.values())) == 5


def test_the_report_imports_neither_torch_nor_the_loop_and_no_plotting_until_it_draws() -> None:
    code = (
        "import sys, al_bench.report.build;"
        "print([m for m in ('torch', 'al_bench.loop', 'matplotlib', 'scipy.stats', 'sklearn',"
        " 'pyarrow.parquet', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_one_method_with_one_seed_is_reported_without_intervals(tmp_path: Path) -> None:
    fake_run(tmp_path / "runs", "margin")
    written = report(read_runs(tmp_path / "runs"), "alone", tmp_path, ReportSpec(bootstrap=10))
    text = written[0].read_text(encoding="utf-8")
    assert "±" not in text.split("| margin |")[1].split("\n")[0]
    assert [path.name for path in written if path.suffix == ".png"] == [
        "alone_curves.png", "alone_savings.png", "alone_recall.png",
    ]  # fmt: skip


def test_a_penalty_matrix_has_the_winner_of_every_point_in_its_row(tmp_path: Path) -> None:
    for noise, seed in product(("clean", 0.2), range(3)):
        shift = 0.001 * seed
        fake_run(tmp_path, "margin", noise=noise, seed=seed, curve=[0.8 + shift] * 10)
        fake_run(tmp_path, "random", noise=noise, seed=seed, curve=[0.5 + 2 * shift] * 10)
    shown = tables(analyse(read_runs(tmp_path), QUICK))
    matrix = next(table for table in shown if table.title == "Pairwise penalties")
    assert matrix.rows == (("margin", "0.00", "2.00"), ("random", "0.00", "0.00"))
