"""From runs to tables, figures and a page: nothing lost, all escaped, or one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from al_bench.report.analysis import ReportSpec, analyse
from al_bench.report.comparison import narrowed
from al_bench.report.figures.style import colours
from al_bench.report.keys import Choice, Method
from al_bench.report.results import Results, check_problems, read_runs, write_parquet
from al_bench.report.tables.tables import tables
from tests.fakes import fake_run, fake_runs
from tests.report.frames import build_report

QUICK = ReportSpec()
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


def test_runs_measured_at_different_numbers_of_labels_are_refused(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin", rounds=10)
    fake_run(tmp_path, "random", rounds=8)
    with pytest.raises(
        ValueError,
        match=r"strategy=random .*, seed 0 in dataset=flowers .* has no balanced_accuracy",
    ):
        analyse(read_runs(tmp_path), QUICK)


def test_two_runs_that_look_the_same_and_none_that_finished_are_refused(tmp_path: Path) -> None:
    fake_run(tmp_path / "failed", error="ValueError: no centre")
    with pytest.raises(ValueError, match="no finished run to report on: 0 of 1 runs; 1 failed"):
        analyse(read_runs(tmp_path / "failed"), QUICK)
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
        ({"metric": "nll"}, "lower is better"),
        ({"figures": ["pie"]}, "report.figures has 'pie'"),
    ],
)
def test_a_wrong_spec_is_one_sentence(tmp_path: Path, spec: Any, message: str) -> None:
    fake_runs(tmp_path, ("margin", "random"), seeds=2)
    with pytest.raises(ValueError, match=message):
        analyse(read_runs(tmp_path), ReportSpec(**spec))


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
    return read_runs(folder), ReportSpec(ours=OURS)


def test_a_report_has_every_table_figure_and_one_escaped_page(
    everything: tuple[Results, ReportSpec], tmp_path: Path
) -> None:
    written = build_report(everything[0], "<b>demo", tmp_path, everything[1])
    names = [str(path.relative_to(tmp_path)) for path in written]
    drawn = ["curves", "ranks", "heat", "recall", "precision"]
    assert names == [
        "tables/<b>demo.md",
        "tables/<b>demo.tex",
        "<b>demo.html",
        "details/<b>demo.parquet",
        *(f"figures/<b>demo_{figure}.{kind}" for figure in drawn for kind in ("png", "pdf")),
    ]
    assert all(path.stat().st_size > 500 for path in written)
    html = written[2].read_text(encoding="utf-8")
    page = Everything(html)
    assert not {"script", "b", "link", "iframe"} & set(page.tags)
    assert page.tags.count("img") == len(drawn)
    assert "http" not in html.split("base64,")[0]
    assert "@media (prefers-color-scheme: dark)" in html
    text = " ".join(page.text)
    assert "<script>x" in text  # a method's name, shown and not run
    assert "ValueError: <script>bad" in text
    assert "24 of 25 runs; 1 failed" in text
    for table in written[:2]:
        assert "<script>" not in table.read_text(encoding="utf-8").split("\n\n", 2)[2]
    shown = tables(analyse(*everything))
    cells = pd.read_parquet(written[3])
    assert len(cells) == sum(len(table.rows) * len(table.header) for table in shown)
    one = cells[(cells["table"] == "Over all settings") & (cells["row"] == 0)]
    (ranking,) = (table for table in shown if table.title == "Over all settings")
    assert (tuple(one["column"]), tuple(one["value"])) == (ranking.header, ranking.rows[0])


def test_a_page_is_short_however_many_methods_and_settings_there_are(tmp_path: Path) -> None:
    for number in range(60):
        fake_run(tmp_path / "runs", f"rule{number}", rounds=2)
        fake_run(tmp_path / "runs", f"rule{number}", rounds=2, noise=0.2)
    spec = ReportSpec(figures=())
    page = build_report(read_runs(tmp_path / "runs"), "many", tmp_path, spec)[0].read_text()
    assert len(page.splitlines()) <= 120
    assert "20 more rows are in the details." in page
    assert "## What is missing" not in page


def test_runs_of_one_seed_that_met_different_problems_are_not_compared(tmp_path: Path) -> None:
    one = fake_run(tmp_path, "margin", noise=0.2)
    other = fake_run(tmp_path, "random", noise=0.2, digest="d2", n_test=299)
    fake_run(tmp_path, "random", noise=0.2, seed=1, digest="d3")  # another seed's is its own
    with pytest.raises(ValueError, match=r"not on one problem: .*albench run --again") as refused:
        analyse(read_runs(tmp_path), QUICK)
    assert {one.name, other.name} <= set(str(refused.value).split())
    assert "20 % label noise, seed 0" in str(refused.value)


def test_features_rounded_by_another_processor_are_the_same_problem(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin", noise=0.2)
    fake_run(tmp_path, "random", noise=0.2, digest="d2")
    frame = read_runs(tmp_path).frame
    for table in (frame, narrowed(frame, "balanced_accuracy")):
        assert check_problems(table) == (0, 1)


def test_runs_that_do_not_say_their_problem_are_counted(tmp_path: Path) -> None:
    fake_run(tmp_path / "runs", "margin")
    fake_run(tmp_path / "runs", "random", digest=None)
    written = build_report(read_runs(tmp_path / "runs"), "x", tmp_path, replace(QUICK, figures=()))
    assert "* 1 runs do not say what problem they met" in written[0].read_text()


def test_a_users_own_query_rule_is_shown_and_is_no_baseline(tmp_path: Path) -> None:
    for seed in range(2):
        fake_run(tmp_path, "margin", seed=seed, curve=[0.05 * s for s in range(1, 11)])
        fake_run(tmp_path, "random", seed=seed, curve=[0.04 * s for s in range(1, 11)])
        own = ("tail", {"_target_": "mine.Tail"})
        fake_run(tmp_path, own, seed=seed, curve=[0.09 * s for s in range(1, 11)])
    for spec, best in ((QUICK, "margin"), (replace(QUICK, baselines={"strategy": "tail"}), "tail")):
        analysis = analyse(read_runs(tmp_path), spec)
        assert analysis.settings[0].best.choice("strategy").option == best
        assert "tail" in {one.choice("strategy").option for one in analysis.competitors}


def test_ours_that_has_not_been_run_yet_is_said_to_be_missing(tmp_path: Path) -> None:
    fake_runs(tmp_path / "runs", ("margin", "random"), seeds=2)
    fake_run(tmp_path / "runs", "codecision", error="ValueError: no centre")
    spec = ReportSpec(ours={"strategy": "codecision"}, figures=())
    page = build_report(read_runs(tmp_path / "runs"), "x", tmp_path, spec)[0].read_text()
    assert "report.ours has {strategy: codecision}, of which there is no run" in page


def test_a_report_has_the_same_bytes_in_another_process(
    everything: tuple[Results, ReportSpec], tmp_path: Path
) -> None:
    spec = ReportSpec(ours=OURS, figures=("curves", "heat"))
    mine = build_report(everything[0], "x", tmp_path / "a", spec)
    stored = write_parquet(everything[0], tmp_path / "x.parquet")
    code = (
        "import sys; from pathlib import Path;"
        "from al_bench.report.build import write_report as report;"
        "from al_bench.report.analysis import ReportSpec, analyse;"
        "from al_bench.report.results import read_parquet;"
        "spec = ReportSpec(ours={'strategy': '<script>x'},"
        "figures=('curves', 'heat'));"
        "report(analyse(read_parquet(Path(sys.argv[1])), spec), 'x', Path(sys.argv[2]))"
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

    margin, galaxy = method("margin"), method("galaxy", "posterior_labels")
    alone = colours([margin, galaxy])
    among = colours([method("badge"), galaxy, margin, method("random"), method("my_own")])
    assert alone[margin] == among[margin]
    assert alone[galaxy] == among[galaxy]
    assert len(set(among.values())) == 5


def test_the_report_imports_neither_torch_nor_the_loop_and_no_plotting_until_it_draws() -> None:
    code = (
        "import sys, al_bench.report.build;"
        "print([m for m in ('torch', 'al_bench.core.loop', 'matplotlib', 'scipy.stats', 'sklearn',"
        " 'pyarrow.parquet', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_one_method_with_one_seed_is_reported_without_intervals(tmp_path: Path) -> None:
    fake_run(tmp_path / "runs", "margin")
    written = build_report(read_runs(tmp_path / "runs"), "alone", tmp_path, ReportSpec())
    text = written[0].read_text(encoding="utf-8")
    assert "±" not in text.split("| margin |")[1].split("\n")[0]
    assert [path.name for path in written if path.suffix == ".png"] == [
        "alone_curves.png", "alone_recall.png",
    ]  # fmt: skip
