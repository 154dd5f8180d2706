"""The command line: one spelling of a list of runs, threads, closed pipes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.configuration.config import config_dir
from al_bench.priors.device import THREADS, inference
from al_bench.state import Floats
from tests.runs.test_run import TINY, here, runs  # noqa: F401

SWEEP = [*TINY, "strategy=random,margin", "seed=0,1"]


@pytest.mark.parametrize("flag", [[], ["-m"], ["--multirun"]])
def test_a_list_of_runs_is_spelt_alike_for_every_command(
    flag: list[str],
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, *others = SWEEP
    line = [first, *flag, *others]  # a flag may stand anywhere
    assert main(["run", *line]) == 0
    assert len(runs(here)) == 4
    assert main(["status", *line]) == 0
    assert "4 of 4 done" in capsys.readouterr().out
    assert main(["embed", *line]) == 0
    assert main(["report", *line, "--quiet", "--name", "all"]) == 0
    assert (here / "results" / "all.parquet").is_file()
    assert main(["check", *line]) == 0
    said = capsys.readouterr().out
    assert "ok      strategy=random: " in said
    assert "ok      strategy=margin: " in said


def test_a_single_run_is_no_sweep_whatever_the_flag(
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "-m", *TINY]) == 0
    assert "jobs" not in capsys.readouterr().out
    assert len(runs(here)) == 1


def test_embedding_takes_every_core_unless_told_otherwise(
    here: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import joblib
    import torch

    from al_bench.problem import build

    def watch(*arguments: object) -> tuple[Floats, Floats]:
        with inference():
            threads.append(torch.get_num_threads())
        return np.zeros(1), np.zeros(1)

    threads: list[int] = []
    monkeypatch.setattr(build, "embedded", watch)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 3)
    monkeypatch.setenv(THREADS, "2")
    assert main(["embed", *TINY]) == 0
    monkeypatch.delenv(THREADS)
    assert main(["embed", *TINY]) == 0
    assert threads == [2, 2, 3, 3]  # train and test


@pytest.mark.parametrize("command", [["list"], ["list", "strategy"]])
def test_output_that_nobody_reads_on_ends_a_command_quietly(command: list[str]) -> None:
    code = "from al_bench.cli.main import main; raise SystemExit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("group", ["annotators", "label_model", "assignment", "protocol"])
def test_every_option_is_listed_with_a_whole_line_of_its_own(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", group]) == 0
    listed = capsys.readouterr().out.splitlines()
    options = dict(line.split(maxsplit=1) for line in listed)
    assert {f"{option}.yaml" for option in options} == set(os.listdir(config_dir() / group))
    assert len(set(options.values())) == len(options)
    for option, line in options.items():
        said_by_yaml = (config_dir() / group / f"{option}.yaml").read_text().startswith("#")
        assert said_by_yaml or line.endswith("."), f"{option}: {line} is cut"


@pytest.mark.parametrize("group", ["strategy", "label_model", "assignment"])
def test_the_help_of_check_names_what_can_be_checked(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    assert group in capsys.readouterr().out.partition("positional")[0].split("Of:")[1]


def test_the_demo_leaves_what_is_committed_alone() -> None:
    root = Path(__file__).parents[2]
    said = subprocess.run(
        ["make", "--dry-run", "demo", "demo-tiny"], cwd=root, capture_output=True, text=True
    ).stdout.splitlines()
    writing = [line for line in said if "albench run" in line or "albench report" in line]
    assert len(writing) == 4
    assert all(" results=build/demo" in line for line in writing)
    assert "build/" in (root / ".gitignore").read_text().splitlines()
