"""What may happen to a sweep: killed at any write or in any worker, no room on the disk, two
launchers at once, files edited by hand. Nothing is lost or doubled, nothing torn is a result."""

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_bench.cli.main import main
from al_bench.runs import store
from al_bench.runs.plan import plan
from al_bench.runs.run import execute
from al_bench.runs.store import MANIFEST, ROUND, read_manifest, read_rounds
from tests.runs.test_run import TINY, here, manifest, runs, science, started  # noqa: F401

SWEEP = [*TINY, "strategy=margin,badge", "seed=0,1"]
SLOW = ["learner=mlp", "learner.training.steps=30"]
Rounds = list[dict[str, Any]]


def rounds_of(results: Path) -> dict[str, Rounds]:
    """The rounds of every run by its name, without seconds; each run must be finished."""
    folders = [path for path in sorted((results / "runs").iterdir()) if path.is_dir()]
    assert all(manifest(folder)["finished"] for folder in folders)
    return {folder.name: science(folder) for folder in folders}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rounds]:
    """The rounds of SWEEP where nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for job in plan([*SWEEP, f"results={folder}"]):
        execute(job)
    return rounds_of(folder)


# --- at any write ---------------------------------------------------------------------------------


class KilledError(BaseException):
    """Stands for SIGKILL: nothing of ours runs after it."""


class Faulty:
    """Calls of the operating system; the n-th fails half way, as if killed or out of room."""

    def __init__(self, n: int, error: Callable[[], BaseException]) -> None:
        self.left, self.error = n, error

    def fsync(self, file: int) -> None:
        """The last line written is on the disk up to its middle when it fails."""
        self.count(lambda: os.ftruncate(file, os.fstat(file).st_size - 9))

    def replace(self, source: Path, target: Path) -> None:
        self.count(lambda: None)
        os.rename(source, target)

    def count(self, torn: Callable[[], None]) -> None:
        self.left -= 1
        if self.left == 0:
            torn()
            raise self.error()


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


WRITES = 9  # of a SHORT run: three manifests, each written and renamed, and three rounds
SHORT = [*TINY, "strategy=badge", "protocol.rounds=1"]
ENDS = [(KilledError, n) for n in range(1, WRITES + 1)] + [(full, n) for n in (1, 4, 6, 8, 9)]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rounds]:
    """The rounds of SHORT where nothing happens."""
    folder = tmp_path_factory.mktemp("short")
    job = plan([*SHORT, f"results={folder}"])[0]
    execute(job)
    return rounds_of(folder)


@pytest.mark.parametrize(("error", "n"), ENDS)
def test_a_run_that_ends_in_any_of_its_writes_goes_on_to_the_same_rounds(
    error: Callable[[], BaseException],
    n: int,
    tmp_path: Path,
    short: dict[str, Rounds],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = plan([*SHORT, f"results={tmp_path}"])[0]
    faulty = Faulty(n, error)
    with monkeypatch.context() as patched:
        patched.setattr(store.os, "fsync", faulty.fsync)
        patched.setattr(store.os, "replace", faulty.replace)
        with pytest.raises((KilledError, OSError)) as said:
            execute(job)
    (folder,) = (tmp_path / "runs").iterdir()
    if error is full:
        assert f"cannot write run {folder.name} under {tmp_path}/runs: No space" in str(said.value)
    found = read_manifest(folder)  # whole or not there, whatever was being written
    assert not found.get("finished")
    assert found.get("error") is None or error is full
    kept = read_rounds(folder)
    execute(job)
    assert rounds_of(tmp_path) == short
    assert [r.seconds for r in read_rounds(folder)][: len(kept)] == [r.seconds for r in kept]


def test_a_run_has_as_many_writes_as_are_made_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan([*SHORT, f"results={tmp_path}"])[0]
    faulty = Faulty(0, KilledError)
    monkeypatch.setattr(store.os, "fsync", faulty.fsync)
    monkeypatch.setattr(store.os, "replace", faulty.replace)
    execute(job)
    assert -faulty.left == WRITES


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", str(disk)], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("this user may not mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_sweep_that_fills_the_disk_is_finished_when_there_is_room(
    small_disk: Path,
    undisturbed: dict[str, Rounds],
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    sweep = ["run", "-m", *SWEEP, f"results={small_disk}"]
    assert main(sweep) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "of 4 runs failed; the first: " in said
    assert "No space left on device" in said
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert main(["status", *SWEEP, f"results={small_disk}"]) in (0, 1)
    assert "4 of 4 done" not in capsys.readouterr().out
    assert main(sweep) == 0
    assert rounds_of(small_disk) == undisturbed


# --- processes ------------------------------------------------------------------------------------


def workers(parent: int) -> list[int]:
    """The processes that a process started and that run Python code of joblib's."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
            command = (path / "cmdline").read_bytes()
        except OSError:  # it ended just now
            continue
        if int(fields[1]) == parent and b"loky" in command and b"tracker" not in command:
            found.append(int(path.name))
    return found


def test_a_sweep_goes_on_after_a_worker_was_killed(here: Path) -> None:  # noqa: F811
    slow = [*TINY, "protocol.rounds=12", *SLOW, "seed=0,1", "runs_per_job=1"]
    two = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    with started("run", "-m", *slow, *two, cwd=here) as sweep:
        deadline = time.monotonic() + 120
        while not list(here.glob("results/runs/*/rounds.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(workers(sweep.pid)[0], signal.SIGKILL)
        _, said = sweep.communicate()
    assert sweep.returncode == 1
    last = said.strip().splitlines()[-1]
    assert last.startswith("albench: JoblibLauncher stopped (TerminatedWorkerError: ")
    assert last.endswith("what is done is kept, and the same command goes on from here")
    assert main(["run", "-m", *slow]) == 0
    assert main(["run", "-m", *slow, "results=undisturbed"]) == 0
    assert rounds_of(here / "results") == rounds_of(here / "undisturbed")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command_that_started_them(
    how: signal.Signals,
    here: Path,  # noqa: F811
) -> None:
    long = [*TINY, *SLOW, "learner.training.steps=100000", "seed=0,1"]
    with started(
        "run", *long, "hydra/launcher=joblib", "hydra.launcher.n_jobs=3", cwd=here
    ) as sweep:
        deadline = time.monotonic() + 120
        while len(list(here.glob("results/runs/*/manifest.json"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        left = workers(sweep.pid)
        assert len(left) == 2  # and none that waits for a part in vain
        sweep.send_signal(how)
        sweep.communicate()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in left):
        assert time.monotonic() < deadline, "a worker lives on"
        time.sleep(0.05)


def test_two_launchers_share_a_grid_and_no_run_is_made_twice(
    here: Path,  # noqa: F811
    undisturbed: dict[str, Rounds],
) -> None:
    both = [started("run", "-m", *SWEEP, cwd=here) for _ in range(2)]
    said = ""
    for launcher in both:
        out, error = launcher.communicate()
        assert launcher.returncode == 0, error
        said += out
    assert said.count(" finished: ") == len(undisturbed)
    assert rounds_of(here / "results") == undisturbed


# --- files edited by hand -------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def attempt(read: Callable[[Path], Any], folder: Path) -> tuple[Any, str]:
    """What is read, or None and the sentence that refuses it."""
    try:
        return read(folder), ""
    except ValueError as error:
        return None, str(error)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one finished run."""
    folder = tmp_path_factory.mktemp("finished")
    job = plan([*TINY, f"results={folder}"])[0]
    execute(job)
    (run,) = (folder / "runs").iterdir()
    return run


@QUICK
@given(key=st.sampled_from([*MANIFEST, "id"]), value=JSON, gone=st.booleans())
def test_an_edited_manifest_is_read_as_one_or_refused_in_a_sentence(
    key: str, value: Any, gone: bool, finished: Path, tmp_path: Path
) -> None:
    about = manifest(finished)
    about[key] = value
    if gone:
        del about[key]
    (tmp_path / "manifest.json").write_text(json.dumps(about))
    found, said = attempt(read_manifest, tmp_path)
    if found is None:
        assert str(tmp_path) in said
        assert f"{key!r}" in said
    else:
        assert all(fits(found[name]) for name, (_, fits) in MANIFEST.items())


@QUICK
@given(key=st.sampled_from(sorted(ROUND)), value=JSON, cut=st.integers(0, 400), gone=st.booleans())
def test_an_edited_line_of_rounds_is_a_round_or_refused_by_its_number(
    key: str, value: Any, cut: int, gone: bool, finished: Path, tmp_path: Path
) -> None:
    lines = (finished / "rounds.jsonl").read_text().splitlines()
    line = json.loads(lines[2])
    line[key] = value
    if gone:
        del line[key]
    text = json.dumps(line)
    lines[2] = text[: len(text) - cut] if cut < 200 else text
    (tmp_path / "rounds.jsonl").write_text("\n".join(lines) + "\n")
    rounds, said = attempt(read_rounds, tmp_path)
    if rounds is None:
        assert f"{tmp_path}/rounds.jsonl line 3 is " in said
    else:
        assert [r.round for r in rounds] == list(range(len(lines)))
        assert all(isinstance(row, int) for row in rounds[2].queried)


@QUICK
@given(text=st.binary(max_size=300) | st.just(b"[" * 100_000))
def test_bytes_that_are_no_manifest_and_no_rounds_are_said_to_be_none(
    text: bytes, tmp_path: Path
) -> None:
    for name, read in (("manifest.json", read_manifest), ("rounds.jsonl", read_rounds)):
        (tmp_path / name).write_bytes(text + b"\n")
        found, said = attempt(read, tmp_path)
        assert not found
        assert found is not None or str(tmp_path / name) in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line["answers"].reverse(), "has other rows or answers than this problem"),
        (lambda line: line.update(queried=line["queried"][::-1]), "has other rows or answers"),
        (lambda line: line.update(queried=[999] * 10), "distinct"),
        (lambda line: line.update(queried=[*range(991, 1001)]), "outside 0..299"),
        (lambda line: line.update(queried=[], answers=[]), "has other rows or answers"),
    ],
)
def test_a_log_that_is_not_of_this_problem_is_not_gone_on_with(
    change: Callable[[Any], Any],
    said: str,
    finished: Path,
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [json.loads(x) for x in (finished / "rounds.jsonl").read_text().splitlines()[:3]]
    change(lines[2])
    folder = here / "results" / "runs" / finished.name
    folder.mkdir(parents=True)
    (folder / "rounds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["run", *TINY]) == 1
    error = capsys.readouterr().err
    assert "the log's round 2" in error
    assert said in error


def test_status_counts_a_damaged_run_and_says_what_to_delete(
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "-m", *SWEEP]) == 0
    name, folder = next(iter(runs(here).items()))
    (folder / "manifest.json").write_text('{"finished": 5}')
    capsys.readouterr()
    assert main(["status", *SWEEP]) == 1
    said = capsys.readouterr().out
    assert "3 of 4 done, 1 damaged" in said
    assert f"{name} damaged: " in said
    assert f"delete results/runs/{name} to run it anew" in said


@pytest.mark.parametrize(
    ("learner", "training"), [("linear", "linear.logistic"), ("mlp", "training._Fit.training_step")]
)
def test_an_interrupted_run_is_cut_and_not_failed(
    learner: str,
    training: str,
    here: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    quick = [*TINY, f"learner={learner}"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test may run in a shell's
    with monkeypatch.context() as patched:  # background, where it is ignored
        patched.setattr(f"al_bench.learners.{training}", interrupted)
        assert main(["run", *quick]) == 130
    signal.signal(signal.SIGINT, before)  # which Lightning leaves ignored
    assert "interrupted; the same command goes on from here" in capsys.readouterr().err
    assert main(["status", *quick]) == 0
    assert "0 of 1 done, 1 cut" in capsys.readouterr().out
    assert main(["run", *quick]) == 0
