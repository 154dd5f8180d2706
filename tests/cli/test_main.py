"""The command line: one spelling of a list of runs, threads, closed pipes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer

import al_bench
from al_bench.cli.main import main
from al_bench.cli.options import Several
from al_bench.core.state import Floats
from al_bench.priors.weights import THREADS, inference
from al_bench.runs.config import config_dir
from al_bench.runs.declarations import KINDS
from al_bench.runs.plan import plan
from al_bench.testing.contract import CHECKS
from tests.runs.test_run import TINY, here, runs  # noqa: F401

SWEEP = [*TINY, "strategy=random,margin", "seed=0,1"]


@pytest.mark.parametrize("flag", [[], ["--multirun"]])
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

    from al_bench.data import build

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


@pytest.mark.parametrize("group", sorted({*os.listdir(config_dir()), *KINDS} - {"config.yaml"}))
def test_every_option_is_listed_with_a_whole_line_of_its_own(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", group]) == 0
    listed = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line]
    assert len({line for _, line in listed}) == len(listed)
    for option, line in listed:
        path = config_dir() / group / f"{option}.yaml"
        said_by_yaml = path.is_file() and path.read_text().startswith("#")
        assert said_by_yaml or line.endswith((".", *"0123456789")), f"{option}: {line} is cut"


def test_the_help_of_check_names_what_can_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--help"]) == 0
    named = capsys.readouterr().out.partition("Of: ")[2].partition(".")[0]
    assert set(" ".join(named.split()).split(", ")) == set(CHECKS)


def test_the_demo_leaves_what_is_committed_alone() -> None:
    root = Path(__file__).parents[2]
    said = subprocess.run(
        ["make", "--dry-run", "demo", "demo-tiny"], cwd=root, capture_output=True, text=True
    ).stdout.splitlines()
    writing = [line for line in said if "albench run" in line or "albench report" in line]
    assert len(writing) == 4
    assert all(" results=build/demo" in line for line in writing)
    assert "build/" in (root / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        (["run", "--config-name", "mine"], 1, "--config-name mine would change nothing: "),
        (["run", "--config-path=x"], 1, "wanted --config-dir <folder>"),
        (["run", "hydra.run.dir=x"], 1, "would change nothing: runs are written below results="),
        (["run", "hydra.output_subdir=x"], 1, "hydra.output_subdir=x would change nothing"),
        (["status", "hydra.sweep.dir=x"], 1, "hydra.sweep.dir=x would change nothing"),
        (["run", "hydra/sweeper=optuna"], 1, "such as Optuna's, calls al_bench.run from Python"),
        (["status", "noise.rate=0.2"], 1, "noise=clean has no rate; "),
        (["status", "learner=linear,mlp", "learner.nope=1"], 1,
         "learner=linear has no nope; it has l2, balance, tolerance, iterations; no option of "
         "learner has it"),
        (["status", "annotators.count=3"], 1, "annotators=null has no count; alike"),
        (["status", "init=centroid", "init.nope=1"], 1, "init=centroid has no nope"),
        (["report", "noise.rate=0.2"], 1, "have it: noise=feature_dependent noise.rate=0.2"),
        (["nope"], 2, "albench: no command 'nope'; there are run, embed, prior"),
        (["list", "--nope"], 2, "albench list: No such option"),
        (["report"], 2, "albench report: Missing argument"),
        (["prior", "--split", "all", "dataset=vader"], 2, "prior: Invalid value for '--split'"),
        (["report", "x", "--log", "paper"], 2, "albench report: Invalid value for '--log'"),
        ([], 2, ""),
    ],
)  # fmt: skip
def test_what_is_no_command_line_is_said_in_one_sentence(
    line: list[str],
    code: int,
    sentence: str,
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(line) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == bool(sentence)


def test_the_advice_on_a_key_that_an_option_lacks_is_a_command_line_that_works() -> None:
    with pytest.raises(ValueError, match=r"have it: .* noise\.rate=0\.2") as said:
        plan(["noise.rate=0.2"])
    advised = str(said.value).partition("have it: ")[2].split()
    assert plan(advised)[0].science["noise"]["rate"] == 0.2


def test_a_start_may_be_chosen_by_its_own_name() -> None:
    one, other = (plan([f"{key}=centroid", "seed=0"]) for key in ("init", "strategy@init"))
    assert one[0].science == other[0].science
    assert len(plan(["init=centroid,random"])) == 2


def test_an_option_that_was_typed_is_the_one_that_is_recorded(here: Path) -> None:  # noqa: F811
    """Of two files of one class, whatever values are set besides."""
    folder = here / "mine" / "strategy"
    folder.mkdir(parents=True)
    for option, number in (("before", 1), ("later", 5)):
        (folder / f"{option}.yaml").write_text(f"_target_: mine_of_two.Mine\nnumber: {number}\n")
    (here / "mine" / "mine_of_two.py").write_text(
        "class Mine:\n"
        "    def __init__(self, number):\n        self.number = number\n"
        "    def select(self, state, budget, rng):\n        return state.unlabelled[:budget]\n"
    )
    line = [*TINY, "--config-dir", str(here / "mine"), "protocol.rounds=1"]
    for typed in (["strategy=later", "strategy.number=1"], ["strategy=later,before", "seed=1"]):
        assert main(["run", *line, *typed]) == 0
    frame = al_bench.load_results(here / "results" / "runs").drop_duplicates("id")
    numbers = frame["strategy_config"].map(lambda text: json.loads(text)["number"])
    assert sorted(zip(frame["strategy"], numbers, strict=True)) == [
        ("before", 1), ("later", 1), ("later", 5),
    ]  # fmt: skip


def test_an_option_takes_several_values_at_once_or_one_by_one() -> None:
    app = typer.Typer()
    found = []

    @app.command(cls=Several)
    def command(files: list[str], known: Annotated[list[str], typer.Option()] = []) -> None:  # noqa: B006
        found.append((files, known))

    @app.callback()
    def group() -> None: ...

    parse = typer.main.get_command(app).main
    for line in (["a", "--known", "x", "y"], ["--known", "x", "--known", "y", "--", "a"]):
        parse(["command", *line], standalone_mode=False)
    assert found == 2 * [(["a"], ["x", "y"])]
