"""Whole runs from the command line: results, resume, failures, mirrors, parts of your own."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.runs.component import source
from al_bench.runs.store import read_rounds

TINY = [
    "dataset=synthetic",
    "dataset.n_train=300",
    "dataset.n_test=200",
    "noise=symmetric",
    "protocol.start=10",
    "protocol.budget=10",
    "protocol.rounds=3",
    "logger=none",
]


COMMAND = [sys.executable, "-c", "import sys; from al_bench.cli.main import main; sys.exit(main())"]


def started(*arguments: str, cwd: Path) -> "subprocess.Popen[str]":
    """A command in a process of its own."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *arguments], cwd=cwd, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def runs(here: Path) -> dict[str, Path]:
    return {p.name: p for p in sorted((here / "results" / "runs").iterdir()) if p.is_dir()}


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text()))


def science(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "rounds.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def test_a_run_leaves_a_manifest_and_a_line_for_each_round(here: Path) -> None:
    assert main(["run", *TINY]) == 0
    ((name, folder),) = runs(here).items()
    about = manifest(folder)
    assert about["id"] == name
    assert about["finished"]
    assert about["error"] is None
    assert about["choices"]["noise"] == "symmetric"
    assert about["science"]["noise"]["rate"] == 0.2
    assert len(about["facts"]["digest"]) == 16
    assert about["facts"]["n_pool"] == 300
    assert sum(about["facts"]["class_counts"]) == 300
    assert 0.1 < about["facts"]["noise_rate"] < 0.3
    rounds = read_rounds(folder)
    assert [len(r.queried) for r in rounds] == [0, 10, 10, 10, 10]


def test_answers_are_the_labels_as_they_are_unless_noise_is_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *(option for option in TINY if not option.startswith("noise"))]) == 0
    assert " · labels as they are · seed 0" in capsys.readouterr().out
    ((_, folder),) = runs(here).items()
    assert manifest(folder)["facts"]["noise_rate"] == 0


def test_where_several_annotators_answer_a_run_says_so_and_not_that_labels_are_right(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = (option for option in TINY if not option.startswith("noise"))
    assert main(["run", *alone, "annotators=spammers"]) == 0
    said = capsys.readouterr().out
    assert " · annotators spammers · seed 0" in said
    assert "labels as they are" not in said


def test_a_finished_run_is_skipped_and_where_it_is_written_is_not_its_identity(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *TINY]) == 0
    before = {n: (p / "rounds.jsonl").stat().st_mtime_ns for n, p in runs(here).items()}
    assert main(["run", *TINY, "threads=2", "logger=csv"]) == 0
    assert "done before" in capsys.readouterr().out
    assert before == {n: (p / "rounds.jsonl").stat().st_mtime_ns for n, p in runs(here).items()}
    assert main(["run", *TINY, "seed=1"]) == 0
    assert len(runs(here)) == 2


def test_a_sweep_makes_its_runs_and_status_counts_them(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = [*TINY, "strategy=random,margin", "seed=0,1"]
    assert main(["status", *sweep]) == 0
    assert "0 of 4 done, 4 to do" in capsys.readouterr().out
    assert main(["run", "-m", *sweep]) == 0
    assert len(runs(here)) == 4
    assert main(["status", *sweep]) == 0
    assert "4 of 4 done" in capsys.readouterr().out
    starts = {
        (m["seed"], tuple(science(p)[1]["queried"]))
        for p in runs(here).values()
        for m in [manifest(p)]
    }
    assert len(starts) == 2  # strategies fraction the start of a seed


def test_a_run_killed_in_any_round_is_resumed_to_the_same_lines(here: Path) -> None:
    slow = [*TINY, "protocol.rounds=12", "learner=mlp", "learner.training.steps=30"]
    assert main(["run", *slow, "results=whole"]) == 0
    expected = science(next((here / "whole" / "runs").iterdir()))
    with started("run", *slow, cwd=here) as process:
        lines = here / "results" / "runs"
        for _ in range(6000):
            found = list(lines.glob("*/rounds.jsonl")) if lines.exists() else []
            if found and len(found[0].read_text().splitlines()) >= 3:
                break
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    (folder,) = runs(here).values()
    cut = len(science(folder))
    assert 3 <= cut < len(expected), "killed before the end"
    assert not manifest(folder)["finished"]
    assert main(["run", *slow]) == 0
    assert science(folder) == expected
    assert manifest(folder)["finished"]


def test_a_failing_run_is_recorded_said_once_and_does_not_stop_the_sweep(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-m", *TINY, "protocol.budget=10,1000", "strategy=margin"]) == 1
    said = capsys.readouterr().err
    assert "asks for 3010 rows; the pool has 300" in said
    assert "Traceback" not in said
    states = sorted(bool(manifest(p)["finished"]) for p in runs(here).values())
    assert states == [False, True]
    (failed,) = [manifest(p) for p in runs(here).values() if not manifest(p)["finished"]]
    assert "asks for 3010 rows" in failed["error"]


BAD = {
    "an unknown option": (["strategy=nope"], "nope"),
    "an unknown key": (["strategy.nope=1"], "nope"),
    "a ratio below one": (["imbalance=longtail", "imbalance.ratio=0.5"], "ratio"),
    "a rate above one": (["noise.rate=1.5"], "rate"),
    "a budget beyond the pool": (["protocol.budget=10000"], "the pool has 300"),
    "a start of nothing": (["protocol.start=0"], "wanted 1 or more"),
    "an unknown feedback": (["protocol.feedback=never"], "wanted one of after_batch, within_batch"),
    "a missing features file": (
        ["dataset=features", "dataset.name=x", "dataset.path=/nowhere.npz"],
        "/nowhere.npz",
    ),
    "a value left out": (["dataset=features"], "dataset.name has no value; give dataset.name=..."),
    "no strength of the penalty": (["learner.l2=0"], "l2"),
    "a wrong balance": (["learner.balance=maybe"], "maybe"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence_and_a_failure(
    what: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides, said = BAD[what]
    kept = [o for o in TINY if not o.startswith("dataset.") or "dataset=features" not in overrides]
    assert main(["run", *kept, *overrides]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("albench: ")
    assert said in error


def test_a_results_folder_that_cannot_be_written_is_said(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "results").write_text("a file, not a folder")
    assert main(["run", *TINY]) == 1
    assert "results" in capsys.readouterr().err.splitlines()[-1]


def test_a_read_only_results_folder_is_said_and_earlier_results_stay(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *TINY]) == 0
    before = {n: science(p) for n, p in runs(here).items()}
    refused = Path("/sys")  # not even the superuser, as whom tests may run, can write there
    assert main(["run", *TINY, f"results={refused}/results"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("albench: cannot write run ")
    assert f"under {refused}/results/runs: " in said
    assert {n: science(p) for n, p in runs(here).items()} == before


@pytest.fixture
def mine(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], list[str]]]:
    """Writes a strategy of somebody's own, and says how it is asked for."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(rows: str) -> list[str]:
        (here / "mine/strategy").mkdir(parents=True, exist_ok=True)
        (here / "mine/strategy/own.yaml").write_text("_target_: own.Own\n")
        (here / "mine/own.py").write_text(
            f'class Own:\n    """Rows I like (a baseline of mine)."""\n\n'
            f"    def select(self, state, budget, rng):\n        return {rows}\n"
        )
        sys.modules.pop("own", None)  # as a new process would read it
        importlib.invalidate_caches()
        source.cache_clear()
        return ["--config-dir", str(here / "mine"), "strategy=own"]

    yield write
    sys.modules.pop("own", None)


def test_your_own_strategy_is_one_file_and_one_yaml_and_is_run_anew_once_edited(
    here: Path, mine: Callable[[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*mine("state.unlabelled[:budget]"), *TINY]
    assert main(["run", *given]) == main(["check", *given[:3]]) == main(["list", *given[:2]]) == 0
    assert "Rows I like (a baseline of mine)." in capsys.readouterr().out
    (folder,) = runs(here).values()
    assert science(folder)[2]["queried"] == sorted(science(folder)[2]["queried"])
    assert main(["run", *given]) == 0
    assert "done before" in capsys.readouterr().out
    assert main(["run", *given, "--again"]) == 0
    assert "finished" in capsys.readouterr().out
    assert len(runs(here)) == 1
    mine("state.unlabelled[-budget:]")
    assert main(["run", *given]) == 0
    assert "finished" in capsys.readouterr().out
    assert len(runs(here)) == 2


def test_check_says_which_promise_is_broken(
    mine: Callable[[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *mine("state.unlabelled[: budget + 1]")]) == 1
    assert "Own returned 2 rows (2 distinct) for a budget of 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("logger", "pattern"), [("csv", "csv/*/metrics.csv"), ("tensorboard", "tensorboard/*/events.*")]
)
def test_other_mirrors_write_their_files(here: Path, logger: str, pattern: str) -> None:
    assert main(["run", *TINY[:-1], f"logger={logger}"]) == 0
    (file,) = (here / "results").glob(pattern)
    assert file.stat().st_size > 0
    if logger == "csv":
        assert {"labels", "recall/class 3"} <= set(file.read_text().splitlines()[0].split(","))
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(file.parent))
    events.Reload()
    assert events.Scalars("balanced_accuracy")[-1].step == 40
    said = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    assert all(name in said for name in (b"strategy", b"margin", b"seed", b"noise_rate"))


def test_listing_and_help_need_no_numerical_library(here: Path) -> None:
    code = (
        "import sys\nfrom al_bench.cli.main import main\n"
        "main(['list', 'strategy']); main(['--help'])\n"
        "heavy = {'torch', 'pytorch_lightning', 'sklearn', 'pandas', 'transformers', 'timm'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=here)
    assert done.stdout.splitlines()[-1] == "set()"
    assert "Smallest margin" in done.stdout


def test_a_limit_takes_a_sample_of_both_splits_and_is_said_wherever_its_runs_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limited = [*TINY, "dataset.limit=120", "protocol.rounds=1", "seed=0,1"]
    assert main(["run", *limited]) == 0
    found = [manifest(folder) for folder in runs(here).values()]
    assert all((m["facts"]["n_pool"], m["facts"]["n_test"]) == (120, 120) for m in found)
    assert {m["choices"]["dataset"] for m in found} == {"synthetic"}
    assert main(["report", *limited, "--quiet", "--name", "some"]) == 0
    said = capsys.readouterr().out
    assert said.count("finished: margin · synthetic (limit 120)") == 2
    (page,) = (here / "results").rglob("some.md")
    assert "data set: synthetic (limit 120)" in page.read_text()
    assert "Of synthetic at most 120 rows of each split were used" in page.read_text()
    assert main(["run", *limited, "dataset.limit=9"]) == 1
    assert "dataset.limit is 9; wanted a whole number of at least 10" in capsys.readouterr().err


def test_an_edited_data_file_is_run_anew_wherever_it_lies(here: Path) -> None:
    rng = np.random.default_rng(0)

    def write(path: Path, shift: float) -> None:
        path.parent.mkdir(exist_ok=True)
        labels = np.arange(100) % 2
        features = rng.normal(size=(100, 3)) + labels[:, None] + shift
        half = {"features": features[:60], "labels": labels[:60]}
        rest = {"features": features[60:], "labels": labels[60:]}
        np.savez(path, **{f"train_{k}": v for k, v in half.items()},
                 **{f"test_{k}": v for k, v in rest.items()})  # fmt: skip

    def ran(path: Path) -> set[str]:
        given = ["dataset=features", "dataset.name=mine", f"dataset.path={path}"]
        plain = [option for option in TINY if not option.startswith("dataset")]
        assert main(["run", *plain, *given, "imbalance=natural"]) == 0
        return set(runs(here))

    write(here / "one.npz", 0.0)
    first = ran(here / "one.npz")
    (here / "two.npz").write_bytes((here / "one.npz").read_bytes())
    assert ran(here / "two.npz") == first
    write(here / "one.npz", 1.0)
    assert len(ran(here / "one.npz")) == 2
    (known,) = {json.dumps(manifest(folder)["science"]["dataset"]) for folder in
                [runs(here)[next(iter(first))]]}  # fmt: skip
    assert str(here) not in known
