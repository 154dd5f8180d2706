"""From an experiment to its files: run, report, rebuild from the parquet file, log to W&B."""

import json
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from al_bench.cli.main import main
from al_bench.runs.config import config_dir
from al_bench.runs.plan import plan

EXPERIMENT = [
    "--config-dir",
    str(Path(__file__).parents[1] / "configs"),
    "experiment=quick",
    "dataset=synthetic",
    "dataset.n_train=300",
    "dataset.n_test=200",
    "protocol.start=10",
    "protocol.budget=10",
    "protocol.rounds=3",
    "strategy=random,margin,fm_stratified",
    "seed=0,1,2",
    "hydra/launcher=basic",
]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AL_BENCH_CACHE", str(folder / "cache"))
        assert main(["run", *EXPERIMENT]) == 0
        assert main(["report", *EXPERIMENT[:-1], "--log", "wandb"]) == 0
    return folder / "results"


def test_a_report_is_a_table_a_page_figures_and_a_parquet_file(reported: Path) -> None:
    table = (reported / "tables" / "quick.md").read_text()
    assert table.startswith("# Which query rule needs the fewest labels on dictionary glosses?")
    assert "9 of 9 runs" in table
    for method in ("random", "margin", "stratified by the foundation model"):
        assert f"| {method} |" in table or f"**{method}**" in table
    for path in (
        "quick.parquet",
        "quick.html",
        "tables/quick.tex",
        "details/quick.parquet",
        "figures/quick_curves.png",
        "figures/quick_curves.pdf",
    ):
        assert (reported / path).stat().st_size > 500, path


def test_the_parquet_file_alone_rebuilds_the_same_files(
    reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reported.parent)
    wanted = {
        path: path.read_bytes()
        for path in [*(reported / "tables").iterdir(), *(reported / "figures").iterdir()]
    }
    (reported / "runs").rename(reported / "elsewhere")
    try:
        assert main(["report", "--parquet", *EXPERIMENT[:-1]]) == 0
    finally:
        (reported / "elsewhere").rename(reported / "runs")
    assert {path: path.read_bytes() for path in wanted} == wanted


def test_a_report_can_be_rebuilt_elsewhere_and_leaves_its_parquet_file_where_it_is(
    reported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(reported.parent)
    capsys.readouterr()
    assert main(["report", "--parquet", "--quiet", *EXPERIMENT[:-1], "--out", "again"]) == 0
    written = capsys.readouterr().out.splitlines()
    assert all(line.startswith("again/") for line in written)
    assert "again/quick.parquet" not in written
    for part in ("tables", "figures", "details"):
        for path in (reported / part).iterdir():
            assert Path("again", part, path.name).read_bytes() == path.read_bytes(), path.name


def test_runs_made_elsewhere_are_taken_from_the_parquet_file_of_their_report(
    reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for run in sorted((reported / "runs").iterdir())[:4]:
        shutil.copytree(run, Path("results", "runs", run.name))
    assert main(["report", "--quiet", *EXPERIMENT[:-1]]) == 0
    assert "4 of 9 runs; 5 not started" in Path("results/tables/quick.md").read_text()
    known = ["--known", str(reported / "quick.parquet")]
    assert main(["report", "--quiet", *EXPERIMENT[:-1], *known]) == 0
    for path in ("tables/quick.md", "quick.parquet"):
        assert Path("results", path).read_bytes() == (reported / path).read_bytes(), path


def records(folder: Path) -> list[dict[str, Any]]:
    """What a W&B run wrote, read back from its file."""
    shown = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)],
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    return [json.loads(line) for line in shown.stdout.splitlines()]


def about(folder: Path) -> dict[str, Any]:
    (found,) = (record["run"] for record in records(folder) if record["type"] == "run")
    return dict(found)


def test_wandb_gets_one_run_with_the_tables_and_the_figures(reported: Path) -> None:
    (folder,) = (reported / "wandb").glob("offline-run-*")
    assert about(folder)["run_group"] == "quick"
    assert about(folder)["display_name"] == "report quick"
    assert about(folder)["job_type"] == "report"
    assert about(folder)["config"]["update"]["metric"] == "balanced_accuracy"
    summary = next(r["summary"]["update"] for r in records(folder) if r["type"] == "summary")
    assert 0.3 < summary["area/synthetic/margin"] < 0.8
    assert "area/synthetic/random" in summary
    text = json.dumps(records(folder))
    assert "Final metrics" in text
    assert "quick_curves" in text
    assert artifacts(folder) == {"results-quick": {"quick.parquet"}}


def artifacts(folder: Path) -> dict[str, set[str]]:
    """The files of each artifact that a W&B run wrote."""
    found = [record["artifact"] for record in records(folder) if record["type"] == "artifact"]
    return {
        one["name"]: {file["path"] for file in one["manifest"]["contents"]}
        for one in found
        if one["type"] != "run_table"  # what W&B makes of every table
    }


WANDB = [
    "dataset=synthetic", "dataset.n_train=200", "dataset.n_test=100", "protocol=small",
    "protocol.start=10", "protocol.budget=10", "protocol.rounds=2",
]  # fmt: skip


def test_the_curves_of_an_experiment_are_a_group_in_wandb_and_those_of_its_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    line = [
        *EXPERIMENT[:2],
        "experiment=quick",
        "seed=0",
        "strategy=random,margin",
        "hydra/launcher=basic",
    ]
    assert main(["run", *line, *WANDB, "logger=wandb"]) == 0
    folders = list(Path("results/wandb").glob("offline-run-*"))
    runs = {about(folder)["display_name"]: folder for folder in folders}
    assert {about(folder)["run_group"] for folder in folders} == {"quick"}
    assert {about(folder)["job_type"] for folder in folders} == {"run"}
    end = "synthetic · natural skew · 20 % label noise · seed 0"
    assert set(runs) == {f"random · {end}", f"margin · {end}"}
    for folder in runs.values():
        config = about(folder)["config"]["update"]
        assert (config["seed"], 0 < config["noise_rate"] < 0.5) == (0, True)
        assert {config["strategy"], "synthetic"} <= set(about(folder)["tags"])
        name = config["id"]
        logged = [r["history"]["item"] for r in records(folder) if r["type"] == "history"]
        assert all("recall/class 3" in row for row in logged), logged[0]
        rounds = Path("results/runs", name, "rounds.jsonl").read_text().splitlines()
        wanted = [json.loads(line)["metrics"]["balanced_accuracy"] for line in rounds]
        assert [row["labels"] for row in logged] == [0, 10, 20, 30]
        assert [row["balanced_accuracy"] for row in logged] == pytest.approx(wanted)


def test_the_sweep_of_the_examples_drives_a_grid_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = yaml.safe_load((config_dir().parent / "examples" / "wandb_sweep.yaml").read_text())
    assert sweep["method"] == "grid"
    names = list(sweep["parameters"])
    values = [sweep["parameters"][name]["values"] for name in names]
    grid = [[f"{n}={v}" for n, v in zip(names, row, strict=True)] for row in product(*values)]
    program, command, *fixed, last = sweep["command"]  # an agent puts its values in for the last
    assert (program, command, last) == ("albench", "run", "${args_no_hyphens}")
    assert fixed.pop() == "logger.mirrors.0.mode=online"
    (job,) = plan([*fixed, *grid[-1]])
    assert (job.choices["strategy"], job.config.noise.rate, job.config.seed) == (
        "direct",
        0.4,
        values[-1][-1],
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    small = [o for o in fixed if not o.startswith(("dataset", "protocol"))]
    for chosen in (grid[0], grid[-1]):
        assert main(["run", *small, *WANDB, *chosen]) == 0
    folders = list(Path("results/wandb").glob("offline-run-*"))
    found = {about(folder)["config"]["update"]["strategy"] for folder in folders}
    assert found == {"random", "direct"}
    assert {about(folder)["run_group"] for folder in folders} == {"single runs"}


def test_reports_of_single_runs_have_names_of_their_own(
    reported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(reported / "runs", Path("results", "runs"))
    lines = [
        [*(o for o in EXPERIMENT[3:-3] if "=" in o), f"strategy={name}", "imbalance=natural",
         "noise=symmetric", "seed=0,1"]
        for name in ("margin", "random")
    ]  # fmt: skip
    for line in lines:
        assert main(["report", "--quiet", *line]) == 0
    said = capsys.readouterr().out
    names = {path.stem for path in Path("results").glob("runs_*.parquet")}
    assert len(names) == 2
    assert all(f"the report is called {name}" in said for name in names)
    assert main(["report", "--quiet", "--name", "mine", *lines[0]]) == 0
    assert Path("results/tables/mine.md").read_text().startswith("# What do the runs of mine show?")


def test_a_report_without_runs_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", *EXPERIMENT[:-1]]) == 1
    assert "results/runs" in capsys.readouterr().err
    assert main(["report", "--parquet", *EXPERIMENT[:-1]]) == 1
    assert "quick.parquet" in capsys.readouterr().err


def test_full_data_runs_become_the_level_that_savings_refer_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    common = ["dataset=synthetic", "dataset.n_train=200", "dataset.n_test=100", "logger=none"]
    small = [*common, "protocol.start=10", "protocol.budget=10", "protocol.rounds=2"]
    assert main(["run", "-m", *small, "strategy=random,margin", "seed=0,1"]) == 0
    assert main(["run", "-m", *common, "protocol=full", "strategy=random", "seed=0,1"]) == 0
    from al_bench.report.comparison import without_full
    from al_bench.report.keys import keyed
    from al_bench.report.results import load

    frame = keyed(load(tmp_path / "results" / "runs"))
    assert frame["id"].nunique() == 6
    rest, levels = without_full(frame, "balanced_accuracy")
    assert rest["id"].nunique() == 4
    assert set(rest["protocol"]) == {"small"}
    full = frame[frame["n_labels"] == 200]
    (level,) = levels.values()
    assert level == pytest.approx(full["balanced_accuracy"].mean())
