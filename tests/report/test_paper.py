"""The paper's settings and the grid: what they are made of, what is missing, and their tables."""

from __future__ import annotations

from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.core.rng import rng
from al_bench.report.results import NOT_AVAILABLE
from al_bench.runs.config import instantiate
from al_bench.runs.experiments import command_lines
from al_bench.runs.plan import Composer, plan

PAPER = {"random", "badge", "coreset", "confidence", "margin", "galaxy", "direct"}


def choices(line: tuple[str, ...]) -> list[dict[str, Any]]:
    """What varies in the runs of a command line, of its first seed."""
    return [
        {
            "setting": tuple(job.choices[group] for group in ("dataset", "imbalance", "noise")),
            "strategy": job.choices["strategy"],
            "config": job.config,
        }
        for job in plan([*line, "seed=0"])
    ]


@pytest.fixture(scope="module")
def baselines() -> list[dict[str, Any]]:
    lines = command_lines(["experiment=paper"], Composer(None))
    assert len(lines) == 9
    return [run for name, line in lines.items() if "," not in name for run in choices(line)]


def test_the_paper_has_24_settings_and_banking77_four_and_the_baselines_in_each(
    baselines: list[Any],
) -> None:
    settings = {run["setting"] for run in baselines}
    sets = {"trec", "ag_news", "sst2", "cifar10", "cifar100", "pathmnist", "banking77"}
    wanted = {(name, "longtail", noise) for name in sets for noise in ("clean", "symmetric")}
    wanted |= {
        (name, "one_vs_rest" if name == "sst2" else "merge", noise)
        for name in sets
        for noise in ("clean", "symmetric")
    }
    assert settings == wanted
    for setting in settings:
        assert {run["strategy"] for run in baselines if run["setting"] == setting} == PAPER


def test_every_system_has_the_settings_of_the_baselines() -> None:
    lines = command_lines(["experiment=paper"], Composer(None))
    for kind in ("long tail", "merged", "one of two"):
        setting = lines[f"paper: {kind}"]
        for method in ("prioral", "codecision"):
            line = lines[f"paper: {kind}, {method}"]
            own = [option for option in line if option not in setting]
            assert set(setting) < set(line)
            assert {option.split("=")[0] for option in own} <= {
                "strategy", "supervision", "strategy@init", "learner", "learner.balance",
            }  # fmt: skip


@pytest.mark.parametrize(
    ("dataset", "imbalance", "labels", "counts"),
    [  # the counts that GALAXY, and the long-tailed CIFARs, have
        ("cifar10", "merge", np.repeat(np.arange(10), 5000), [5000, 5000, 40000]),
        ("cifar100", "merge", np.repeat(np.arange(100), 500), [500, 500, 49000]),
        ("cifar10", "longtail", np.repeat(np.arange(10), 5000), (5000, 100, 13996)),
        ("sst2", "one_vs_rest", np.repeat(np.arange(2), [3310, 3610]), (0.1,)),
    ],
)
def test_imbalances_have_the_usual_counts(
    dataset: str, imbalance: str, labels: Any, counts: Any, baselines: list[Any]
) -> None:
    run = next(r for r in baselines if r["setting"] == (dataset, imbalance, "clean"))
    kept = instantiate(run["config"].imbalance).keep(
        labels, int(labels.max()) + 1, rng(0, "imbalance")
    )
    found = np.bincount(kept.classes[labels[kept.rows]])
    if imbalance == "merge":
        assert found.tolist() == counts
    elif imbalance == "longtail":
        assert (found.max(), found.min(), found.sum()) == counts
    else:
        assert found.min() / found.sum() == pytest.approx(counts[0], abs=1e-3)


def test_rounds_end_at_ten_and_twenty_percent_of_the_pool(baselines: list[Any]) -> None:
    ends = np.cumsum(instantiate(baselines[0]["config"].protocol).sizes(50_000, 10))
    assert 5_000 in ends
    assert ends[-1] == 10_000


QUICK = Path(__file__).parents[1] / "configs"  # an experiment of one sweep
SMALL = ["dataset=synthetic,pathmnist", "seed=0,1", "strategy=random,margin",
         "protocol.start=10", "protocol.budget=10", "protocol.rounds=2",
         "hydra/launcher=basic", "+report.figures=[]"]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AL_BENCH_DATA", str(tmp_path / "data"))
    return tmp_path


def test_runs_without_their_data_fail_with_a_sentence_and_are_listed_by_setting(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["experiment=quick", "--config-dir", str(QUICK), *SMALL]
    assert main(["status", *line]) == 0
    said = capsys.readouterr().out
    assert "0 of 8 done, 8 to do" in said
    assert "data set not available, 4 runs: pathmnist has no hub id" in said
    assert "4 runs left; how long is unknown, as none has finished" in said
    assert main(["run", *line]) == 1
    said = capsys.readouterr()
    assert "4 of 8 runs failed" in said.err
    assert "pathmnist has no hub id: put it in a folder pathmnist/" in said.err
    assert main(["status", *line]) == 1
    said = capsys.readouterr().out
    assert "4 of 8 done, 4 failed" in said
    assert "nothing left that could be run here" in said
    assert main(["report", *line]) == 0
    table = (here / "results/tables/quick.md").read_text()
    assert f"4 of 8 runs; 4 not run: {NOT_AVAILABLE}" in table
    assert f"* pathmnist · natural skew · 20 % label noise, 4 runs: {NOT_AVAILABLE}." in table
    assert "failed" not in table
    html = (here / "results/quick.html").read_text()
    assert "pathmnist · natural skew" in html
    assert main(["report", "--parquet", *line, "--out", "again"]) == 0
    assert (here / "again/tables/quick.md").read_text() == table


def test_a_hub_data_set_that_was_not_fetched_is_absent_and_one_in_a_folder_is_not(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(here / "hub"))
    source = instantiate(plan(["dataset=cifar100"])[0].config.dataset)
    assert source.absent().startswith("cifar100 is neither in $AL_BENCH_DATA nor in the cache")
    kept = here / "hub" / "datasets--uoft-cs--cifar100" / "snapshots" / source.revision
    kept.mkdir(parents=True)
    assert source.absent() is None
    kept.rmdir()
    (here / "data" / "cifar100").mkdir(parents=True)
    assert source.absent() is None


def test_an_experiment_goes_on_after_a_failure_and_is_counted_sweep_by_sweep(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here / "mine" / "experiment"
    folder.mkdir(parents=True)
    copy(QUICK / "experiment" / "quick.yaml", folder)
    (folder / "both.yaml").write_text(
        "# @package _global_\ndefaults: [/experiment/quick]\nsweeps:\n"
        "  not here: {dataset: pathmnist}\n"
        "  here: {dataset: synthetic}\n"
    )
    line = ["experiment=both", "seed=0", *SMALL[2:], "--config-dir", str(here / "mine")]
    assert main(["run", *line]) == 1
    said = capsys.readouterr()
    assert said.out.count(" finished: ") == 2
    assert "both: here (2 runs in 1 jobs)" in said.out
    assert "both: not here: 2 of 2 runs failed" in said.err
    assert main(["status", *line]) == 1
    said = capsys.readouterr().out
    assert "both: not here\n  0 of 2 done, 2 failed" in said
    assert "both: here\n  2 of 2 done" in said
    assert "all\n  2 of 4 done, 2 failed" in said
    assert main(["report", *line]) == 0
    assert "2 of 4 runs" in (here / "results/tables/both.md").read_text()
