"""From run directories to tables, figures and a page: nothing lost or smoothed, all escaped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.analysis.analysis import ReportSpec, analyse
from al_bench.analysis.curves import settings
from al_bench.analysis.frame import Results, named, read_parquet, read_runs, write_parquet
from al_bench.report.build import report
from al_bench.report.figures.style import colours
from al_bench.report.tables.cells import DAGGER, Table
from al_bench.report.tables.render import console, latex, latex_text, markdown
from al_bench.report.tables.tables import tables

SPEED = {"random": 1.0, "margin": 1.6, "badge": 1.4, "galaxy": 1.8, "codecision": 2.6}


def fake_run(
    folder: Path,
    strategy: str = "random",
    supervision: str = "labels",
    start: str = "random",
    dataset: str = "flowers",
    imbalance: str = "natural",
    noise: str = "clean",
    seed: int = 0,
    rounds: int = 10,
    curve: list[float] | None = None,
    class_names: tuple[str, ...] = ("rose", "tulip", "daisy", "iris", "poppy", "lily"),
    oracle: bool = False,
    error: str | None = None,
    finished: bool = True,
) -> Path:
    """A run directory as the store writes it, with a plausible learning curve or a given one."""
    labels = {"dataset": dataset, "imbalance": imbalance, "noise": noise, "prior": "minilm",
              "supervision": supervision, "learner": "linear", "init": start,
              "strategy": strategy, "protocol": "small"}  # fmt: skip
    name = f"{abs(hash_of(labels, seed)):012x}"[:12]
    rng = np.random.default_rng([seed, hash_of(labels, 0)])
    rate = 0.2 if noise != "clean" else 0.0
    speed = SPEED.get(strategy.split("(")[0], 1.2) * (1.25 if supervision != "labels" else 1.0)
    counts = [400, 200, 100, 50, 25, 12]
    here = run_path(folder, name)
    manifest = {
        "id": name, "choices": labels, "science": {"seed": seed}, "labels": labels, "seed": seed,
        "facts": {"n_pool": sum(counts), "n_test": 300, "n_classes": 6, "class_counts": counts,
                  "noise_rate": rate, "noise_rates": [rate] * 6, "class_names": list(class_names),
                  "oracle": oracle},
        "versions": {"numpy": "2.0", "torch": "2.6"}, "commit": "abc1234", "device": "cpu",
        "started": "2026-01-01T00:00:00", "finished": "2026-01-01T00:01:00" if finished else None,
        "error": error,
    }  # fmt: skip
    (here / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lines = []
    for number in range(rounds + 1):
        queried = [] if number == 0 else list(range(20 * number - 20, 20 * number))
        labelled = 20 * number
        top = 0.88 - rate / 2 - (0.06 if imbalance != "natural" else 0)
        level = 0.55 if number == 0 else top - 0.5 * np.exp(-speed * labelled / 110)
        level = level + (0.012 * rng.normal() if number else 0.0)
        if curve is not None and number:
            level = curve[number - 1]
        recall = np.clip(level + 0.1 * np.log(np.array(counts) / 70), 0, 1)
        metrics = {
            "balanced_accuracy": level, "macro_f1": level - 0.02, "accuracy": level + 0.05,
            "head_recall": level + 0.1, "medium_recall": level, "tail_recall": level - 0.1,
            "worst_recall": max(level - 0.3, 0), "nll": 1.5 - level, "ece": 0.1,
            "product_balanced_accuracy": level + 0.02, "prior_balanced_accuracy": 0.55,
            "pool_balanced_accuracy": level + 0.03, "pool_unlabelled_balanced_accuracy": level,
            "classes_found": min(6, 2 + number), "imbalance_l1": 1.0 / (1 + speed * number),
            "rarest_count": number // 2, "oracle_calls": number,
            "labelled_noise": rate * (1 + 0.1 * (speed - 1.5)) + 0.01 * rng.random() * (rate > 0),
        }  # fmt: skip
        lines.append(json.dumps({
            "round": number, "queried": queried, "answers": [0] * len(queried), "oracle_calls": int(number > 0),
            "metrics": metrics, "recall": recall.tolist(),
            "seconds": {"select": 0.01 * speed, "fit": 0.05, "evaluate": 0.02},
        }))  # fmt: skip
    (here / "rounds.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return here


def hash_of(labels: dict[str, str], seed: int) -> int:
    from zlib import crc32

    return crc32(json.dumps([labels, seed], sort_keys=True).encode()) | (seed + 1) << 33


def run_path(folder: Path, name: str) -> Path:
    here = folder / name
    here.mkdir(parents=True)
    return here


def fake_runs(
    folder: Path, strategies: tuple[str, ...] = tuple(SPEED), seeds: int = 5, **fixed: Any
) -> Path:
    """A folder of finished runs: each strategy with each seed."""
    for strategy, seed in product(strategies, range(seeds)):
        fake_run(folder, strategy=strategy, seed=seed, **fixed)
    return folder


QUICK = ReportSpec(bootstrap=200)


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


def test_a_frame_has_a_row_a_round_and_running_totals(tmp_path: Path) -> None:
    fake_run(tmp_path, strategy="margin", seed=3, rounds=4)
    frame = read_runs(tmp_path).frame
    assert frame["round"].tolist() == [0, 1, 2, 3, 4]
    assert frame["n_labels"].tolist() == [0, 20, 40, 60, 80]
    assert frame["oracle_calls"].tolist() == [0, 1, 2, 3, 4]
    assert set(frame["seed"]) == {3}
    assert set(frame["strategy"]) == {"margin"}
    assert len(frame["recall"].iloc[-1]) == 6


def test_a_torn_last_line_is_dropped_and_the_run_listed_as_not_finished(tmp_path: Path) -> None:
    fake_run(tmp_path, seed=0)
    torn = fake_run(tmp_path, seed=1)
    whole = (torn / "rounds.jsonl").read_text()
    (torn / "rounds.jsonl").write_text(whole[:-40])
    results = read_runs(tmp_path)
    assert set(results.frame["seed"]) == {0}
    assert [run.id for run in results.unfinished] == [torn.name]
    assert results.unfinished[0].why == "has 10 rounds, its last line is torn"


def test_a_torn_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    here = fake_run(tmp_path)
    lines = (here / "rounds.jsonl").read_text().splitlines()
    lines[3] = lines[3][:20]
    (here / "rounds.jsonl").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="line 4 is damaged: it is not JSON"):
        read_runs(tmp_path)


def test_failed_unfinished_and_missing_runs_are_listed_with_their_reasons(tmp_path: Path) -> None:
    done = [fake_run(tmp_path, seed=seed) for seed in range(3)]
    failed = fake_run(tmp_path, seed=7, error="ValueError: no centre")
    cut = fake_run(tmp_path, seed=8, finished=False, rounds=2)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    ids = [here.name for here in (*done, failed, cut, broken)]
    summary = read_runs(tmp_path, [*ids, "never"]).summary()
    assert summary.startswith("3 of 7 runs; 2 failed: ")
    assert (
        f"{failed.name} (flowers, natural, clean, random, seed 7) ValueError: no centre" in summary
    )
    assert "broken (unknown) " in summary
    assert "manifest.json is not JSON" in summary
    assert "; 1 not started; 1 not finished: " in summary
    assert f"{cut.name} (flowers, natural, clean, random, seed 8) has 3 rounds" in summary


def test_only_the_runs_of_the_given_ids_are_read(tmp_path: Path) -> None:
    wanted, _ = fake_run(tmp_path, seed=0), fake_run(tmp_path, seed=1)
    assert set(read_runs(tmp_path, {wanted.name}).frame["id"]) == {wanted.name}


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder of runs at"):
        read_runs(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no results at"):
        read_parquet(tmp_path / "nowhere.parquet")


def test_parquet_keeps_everything_and_has_the_same_bytes_twice(tmp_path: Path) -> None:
    fake_runs(tmp_path / "runs", ("margin", "random"), seeds=2)
    fake_run(tmp_path / "runs", seed=9, error="OSError: disk")
    results = read_runs(tmp_path / "runs")
    first = write_parquet(results, tmp_path / "a.parquet")
    back = read_parquet(first)
    second = write_parquet(back, tmp_path / "b.parquet")
    assert first.read_bytes() == second.read_bytes()
    assert back.summary() == results.summary()
    assert back.provenance == results.provenance
    for name in results.frame.columns:
        assert list(map(str, map(plainly, back.frame[name]))) == list(
            map(str, map(plainly, results.frame[name]))
        )


def plainly(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def test_methods_are_named_by_what_varies(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin")
    fake_run(tmp_path, "random")
    assert set(named(read_runs(tmp_path).frame)["method"]) == {"margin", "random"}
    fake_run(tmp_path, "margin", supervision="vetted")
    fake_run(tmp_path, "margin", supervision="vetted", start="fm_balanced")
    fake_run(tmp_path, "margin", noise="symmetric(rate=0.2)")
    frame = named(read_runs(tmp_path).frame)
    wanted = {"random", "margin", "margin + vetted", "margin + vetted (start: fm_balanced)"}
    assert set(frame["method"]) == wanted
    assert set(frame["setting"]) == {"flowers · clean", "flowers · symmetric(rate=0.2)"}


def test_settings_are_ordered_by_their_numbers_not_their_digits(tmp_path: Path) -> None:
    for imbalance in ("longtail(ratio=100)", "longtail(ratio=50)", "natural"):
        fake_run(tmp_path, imbalance=imbalance)
    found = settings(named(read_runs(tmp_path).frame), "balanced_accuracy")
    names = [setting.name.removeprefix("flowers · ") for setting in found]
    assert names == ["natural", "longtail(ratio=50)", "longtail(ratio=100)"]


def test_runs_measured_at_different_numbers_of_labels_are_refused(tmp_path: Path) -> None:
    fake_run(tmp_path, "margin", rounds=10)
    fake_run(tmp_path, "random", rounds=8)
    with pytest.raises(ValueError, match="random, seed 0 in flowers has no balanced_accuracy"):
        analyse(read_runs(tmp_path), QUICK)


def test_two_runs_that_look_the_same_are_refused(tmp_path: Path) -> None:
    here = fake_run(tmp_path, "margin")
    (tmp_path / "twin").mkdir()
    for name in ("manifest.json", "rounds.jsonl"):
        (tmp_path / "twin" / name).write_text((here / name).read_text())
    with pytest.raises(ValueError, match="two runs of margin with seed 0"):
        analyse(read_runs(tmp_path), QUICK)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"metric": "f2"}, "no metric 'f2' in these runs; they have .*macro_f1"),
        ({"ours": ["mine"]}, "report.ours has 'mine'; these runs have"),
        ({"baselines": ["best"]}, "report.baselines has 'best'"),
        ({"references": {"moon": 0.9}}, "report.references has 'moon'"),
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
    first = tables(analyse(read_runs(tmp_path), ReportSpec(ours=["margin"], bootstrap=50)))[0]
    assert cell(first, "margin", "saving over random") == "50 % [50, 50]"
    assert cell(first, "margin", "saving over best") == "50 % [50, 50]"
    assert cell(first, "margin", "labels to 95.0 (random)") == "95"
    assert cell(first, "badge", "saving over random") == "not reached"
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


def test_the_best_baseline_is_chosen_without_ours_and_without_truth_readers(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random", "margin", "codecision"))
    high = [0.97] * 10
    for seed in range(5):
        fake_run(tmp_path, "balanced_random", seed=seed, curve=high, oracle=True)
    spec = ReportSpec(ours=["codecision"], bootstrap=50)
    analysis = analyse(read_runs(tmp_path), spec)
    found = analysis.found[0]
    chosen = {c.rule: c.baseline for c in found.comparisons if c.method == "codecision"}
    assert chosen == {"random": "random", "here": "margin", "overall": "margin", "half": "margin"}
    assert "balanced_random" not in analysis.competitors
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
    analysis = analyse(read_runs(tmp_path), ReportSpec(ours=["codecision"], bootstrap=50))
    flowers, trees = analysis.found
    assert flowers.comparisons
    assert not trees.comparisons
    shown = {table.title: table for table in tables(analysis)}[trees.setting.name]
    assert "none has been run yet" in shown.note
    assert shown.rows[0][3:6] == ("–", "–", "–")


def test_the_half_rule_compares_on_seeds_it_did_not_choose_by(tmp_path: Path) -> None:
    up, flat = [0.05 * s for s in range(1, 11)], [0.2] * 10
    for seed in range(4):  # margin is the better baseline in the first half alone
        fake_run(tmp_path, "margin", seed=seed, curve=up if seed < 2 else flat)
        fake_run(tmp_path, "badge", seed=seed, curve=flat if seed < 2 else [2 * v for v in up])
        fake_run(tmp_path, "codecision", seed=seed, curve=[0.09 * s for s in range(1, 11)])
    found = analyse(read_runs(tmp_path), ReportSpec(ours=["codecision"], bootstrap=50)).found[0]
    half, here = (found.against("codecision", rule) for rule in ("half", "here"))
    assert half is not None
    assert here is not None
    assert (half.baseline, half.saving("final").seeds) == ("margin", 2)
    assert (here.baseline, here.saving("final").seeds) == ("badge", 4)


def test_pairs_use_the_seeds_both_methods_have(tmp_path: Path) -> None:
    fake_runs(tmp_path, ("random",), seeds=5)
    fake_runs(tmp_path, ("margin",), seeds=3)
    one = analyse(read_runs(tmp_path), QUICK).found[0].against("margin", "random")
    assert one is not None
    assert one.saving("final").seeds == 3


def test_without_a_reference_the_gap_is_declared_as_that_to_the_best_final_level(
    tmp_path: Path,
) -> None:
    fake_runs(tmp_path, ("random", "margin"), seeds=2)
    results = read_runs(tmp_path)
    assert analyse(results, QUICK).found[0].declared == "best final level of any method"
    spec = ReportSpec(bootstrap=50, references={"flowers": 0.99})
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
    for noise in ("clean", "symmetric(rate=0.2)"):
        fake_runs(tmp_path, ("random", "margin", "galaxy"), seeds=2, noise=noise)
    fake_runs(tmp_path, ("badge",), seeds=2)
    shown = tables(analyse(read_runs(tmp_path), QUICK))
    ranking = next(table for table in shown if table.title == "Over all settings")
    assert [row[0] for row in ranking.rows] == ["galaxy", "margin", "random"]
    assert [row[1] for row in ranking.rows] == ["1.00", "2.00", "3.00"]
    assert "Not in every setting, so not ranked: badge." in ranking.note


def test_latex_and_markdown_escape_what_they_would_act_on() -> None:
    nasty = r"a_b & 50% {x} \input | <script>"
    assert latex_text(nasty) == (
        r"a\_b \& 50\% \{x\} \textbackslash{}input \textbar{} \textless{}script\textgreater{}"
    )
    table = Table(nasty, (nasty, "n"), ((nasty, "1"),), nasty, frozenset({(0, 1)}))
    text = markdown([table], nasty, nasty)
    assert "<script>" not in text
    assert r"| a\_b &amp; 50% {x} \\input \| &lt;script&gt; | **1** |" in text
    tex = latex([table], "all\nthere")
    assert r"\textbf{1} \\" in tex
    assert r"\toprule" in tex
    assert "<script>" not in tex
    assert "\nthere" not in tex


def latex_faults(text: str) -> list[str]:
    """What would keep LaTeX from compiling our tables, as far as counting shows it."""
    faults = []
    floats = text.split(r"\begin{table}")[1:]
    for body in floats:
        bare = re.sub(r"\\[{}&%$#_]", "", body)
        braces = bare.count("{") - bare.count("}")
        dollars = bare.count("$") % 2
        ends = [body.count(rf"\end{{{name}}}") for name in ("tabular", "table")]
        rules = [body.find(rf"\{name}rule") for name in ("top", "mid", "bottom")]
        columns = len(re.findall(r"\\begin\{tabular\}\{(l+r*)\}", body)[0])
        rows = [line for line in body.splitlines() if line.endswith(r" \\")]
        cells = {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows}
        if braces or dollars or ends != [1, 1] or -1 in rules or rules != sorted(rules):
            faults.append(body[:80])
        if cells - {columns} or re.search(r"(?<!\\)[#%](?!$)", body.replace("{!}{%", "")):
            faults.append(body[:80])
    return faults if floats else ["no table"]


def test_latex_tables_are_balanced_booktabs_with_a_cell_a_column(tmp_path: Path) -> None:
    nasty = r"a_b & 50% {x} \input | $ # <script> ~ ^"
    table = Table(nasty, (nasty, "n"), ((nasty, "1"), ("b", "−∞ ± 2")), nasty, frozenset({(0, 1)}))
    assert not latex_faults(latex([table, table], nasty))
    assert latex_faults(latex([table], nasty).replace("b & ", "b "))
    fake_runs(tmp_path, ("random", "margin"), seeds=2)
    assert not latex_faults(latex(tables(analyse(read_runs(tmp_path), QUICK)), "runs"))
    committed = Path(__file__).parents[2] / "results" / "tables"
    for path in committed.glob("*.tex"):
        assert not latex_faults(path.read_text(encoding="utf-8")), path.name


def test_the_console_shows_markup_in_names_as_it_is() -> None:
    from rich.console import Console

    terminal = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    terminal.print(console(Table("t", ("method", "n"), (("[red]x[/red]", "1"),))))
    assert "[red]x[/red]" in terminal.export_text()


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, ReportSpec]:
    """Runs with hostile names, two noises and two imbalances: every figure has what it shows."""
    folder = tmp_path_factory.mktemp("runs")
    names = ("<script>alert(1)</script>", "a$b$", "c&d", "e_f", "g%", "h")
    for noise in ("clean", "symmetric(rate=0.2)"):
        for imbalance in ("natural", "longtail(ratio=50)"):
            fixed = {"noise": noise, "imbalance": imbalance, "rounds": 4, "class_names": names}
            fake_runs(folder, ("random", "margin", "<script>x"), seeds=2, **fixed)
    fake_run(folder, "coreset", seed=5, error="ValueError: <script>bad")
    return read_runs(folder), ReportSpec(ours=["<script>x"], bootstrap=50)


def test_a_report_has_every_table_figure_and_one_escaped_page(
    everything: tuple[Results, ReportSpec], tmp_path: Path
) -> None:
    written = report(everything[0], "<b>demo", tmp_path, everything[1])
    names = [str(path.relative_to(tmp_path)) for path in written]
    drawn = ["curves", "savings", "ranks", "heat", "recall", "precision"]
    assert names == [
        "tables/<b>demo.md",
        "tables/<b>demo.tex",
        *(f"figures/<b>demo_{figure}.{kind}" for figure in drawn for kind in ("png", "pdf")),
        "<b>demo.html",
    ]
    assert all(path.stat().st_size > 1000 for path in written)
    html = written[-1].read_text(encoding="utf-8")
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


def test_a_report_has_the_same_bytes_in_another_process(
    everything: tuple[Results, ReportSpec], tmp_path: Path
) -> None:
    spec = ReportSpec(ours=["<script>x"], bootstrap=20, figures=("curves", "heat"))
    mine = report(everything[0], "x", tmp_path / "a", spec)
    stored = write_parquet(everything[0], tmp_path / "x.parquet")
    code = (
        "import sys; from pathlib import Path; from al_bench.report.build import report;"
        "from al_bench.analysis.analysis import ReportSpec;"
        "from al_bench.analysis.frame import read_parquet;"
        "spec = ReportSpec(ours=['<script>x'], bootstrap=20, figures=('curves', 'heat'));"
        "report(read_parquet(Path(sys.argv[1])), 'x', Path(sys.argv[2]), spec)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "123", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-c", code, str(stored), str(tmp_path / "b")]
    subprocess.run(command, check=True, env=environment, timeout=120)
    for path in mine:
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_a_method_keeps_its_colour_whoever_else_is_in_the_figure() -> None:
    alone = colours(["margin", "galaxy + vetted"])
    among = colours(["badge", "galaxy + vetted", "margin", "random", "my_own"])
    assert alone["margin"] == among["margin"]
    assert alone["galaxy + vetted"] == among["galaxy + vetted"]
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
    for noise, seed in product(("clean", "symmetric(rate=0.2)"), range(3)):
        shift = 0.001 * seed
        fake_run(tmp_path, "margin", noise=noise, seed=seed, curve=[0.8 + shift] * 10)
        fake_run(tmp_path, "random", noise=noise, seed=seed, curve=[0.5 + 2 * shift] * 10)
    shown = tables(analyse(read_runs(tmp_path), QUICK))
    matrix = next(table for table in shown if table.title == "Pairwise penalties")
    assert matrix.rows == (("margin", "0.00", "2.00"), ("random", "0.00", "0.00"))
