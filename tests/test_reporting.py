"""From an experiment to its files: run, report, rebuild from the parquet file, log to W&B."""

import subprocess
import sys
from pathlib import Path

import pytest

from al_bench.cli import main

EXPERIMENT = [
    "experiment=demo",
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
    table = (reported / "tables" / "demo.md").read_text()
    assert table.startswith("# demo")
    assert "9 of 9 runs" in table
    for method in ("random", "margin", "fm\\_stratified"):
        assert f"| {method} |" in table or f"**{method}**" in table
    for path in (
        "demo.parquet",
        "demo.html",
        "tables/demo.tex",
        "figures/demo_curves.png",
        "figures/demo_savings.pdf",
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


def test_wandb_gets_one_run_with_the_savings_table_and_the_figures(reported: Path) -> None:
    (folder,) = (reported / "wandb").glob("offline-run-*")
    shown = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)],
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert "Annotation savings" in shown.stdout
    assert "demo_curves" in shown.stdout


def test_a_report_without_runs_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", *EXPERIMENT[:-1]]) == 1
    assert "results/runs" in capsys.readouterr().err
    assert main(["report", "--parquet", *EXPERIMENT[:-1]]) == 1
    assert "demo.parquet" in capsys.readouterr().err


def test_full_data_runs_become_the_level_that_savings_refer_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    common = ["dataset=synthetic", "dataset.n_train=200", "dataset.n_test=100", "logger=none"]
    small = [*common, "protocol.start=10", "protocol.budget=10", "protocol.rounds=2"]
    assert main(["run", "-m", *small, "strategy=random,margin", "seed=0,1"]) == 0
    assert main(["run", "-m", *common, "protocol=full", "strategy=random", "seed=0,1"]) == 0
    from al_bench.report.analysis import ReportSpec
    from al_bench.report.frame import read_runs
    from al_bench.report.references import with_references

    results = read_runs(tmp_path / "results" / "runs")
    assert results.frame["id"].nunique() == 6
    spec, rest = with_references(ReportSpec(), results)
    assert rest.frame["id"].nunique() == 4
    assert set(rest.frame["protocol"]) == {"small(start=10, budget=10, rounds=2)"}
    full = results.frame[results.frame["n_labels"] == 200]
    (level,) = spec.references.values()
    assert level == pytest.approx(full["balanced_accuracy"].mean())
