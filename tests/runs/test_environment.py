"""What a run was made in: instructions of the processor, packages, the commit of the code."""

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from al_bench.runs import environment
from al_bench.runs.environment import AVX2, MALLOC, ONE_THREAD, isa_limits
from al_bench.runs.plan import plan
from tests.runs.test_run import TINY

FREE = {k: v for k, v in os.environ.items() if k not in {*AVX2, *MALLOC, *ONE_THREAD}}
PRINT = "import os; print(sorted(os.environ.items()))"
HERE = pytest.mark.skipif(not isa_limits(), reason="no AVX2 here")


def said(code: str, *arguments: str) -> str:
    """What Python says of this code in an environment that holds libraries to nothing."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=FREE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("flags", "machine", "held"),
    [
        ("fpu fma avx avx2 avx512f", "x86_64", True),
        ("fpu avx", "x86_64", False),
        ("avx2", "x86_64", False),
        ("", "x86_64", False),
        ("fma avx2", "aarch64", False),
        (None, "x86_64", False),
    ],
)
def test_a_processor_with_avx2_is_held_to_it_and_others_to_nothing(
    flags: str | None, machine: str, held: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flags is not None:
        text = f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n"
        (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(environment, "CPUS", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert isa_limits() == (AVX2 if held else {})
    assert held or not environment.isa_limited()


def test_importing_the_package_changes_nobodys_environment() -> None:
    assert said(f"import al_bench, al_bench.api; {PRINT}") == said(PRINT)


@HERE
def test_from_python_it_is_asked_for_before_numpy_and_said_where_that_is_too_late() -> None:
    ask = "import al_bench; al_bench.deterministic()"
    limited = "from al_bench.runs.environment import isa_limited; print(isa_limited())"
    assert said(f"{ask}; import numpy; {ask}; {limited}") == "True"
    late = f"import numpy, al_bench\ntry: {ask}\nexcept RuntimeError as e: print(e)\n{limited}"
    assert said(late).splitlines() == [
        "al_bench.deterministic() was called after numpy had been imported; wanted it before",
        "False",
    ]


@HERE
@pytest.mark.parametrize("asked", [True, False])
def test_a_command_asks_for_it_unless_told_not_to_and_the_manifest_says_whether_it_holds(
    asked: bool, tmp_path: Path
) -> None:
    code = "import numpy, al_bench.cli.main as cli; raise SystemExit(cli.main())"
    where = [f"results={tmp_path}", f"cache={tmp_path}", "protocol.rounds=1"]
    said(code, "run", *TINY, *where, *([] if asked else ["deterministic=false"]))
    (file,) = tmp_path.glob("runs/*/manifest.json")
    assert json.loads(file.read_text())["deterministic"] == {"asked": asked, "holds": asked}


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("al_bench", "configs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    monkeypatch.setattr(environment, "config_dir", lambda: tmp_path / "configs")
    return tmp_path


def test_a_checkout_has_its_commit_with_a_plus_where_files_are_changed_and_others_have_none(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = environment.commit.__wrapped__
    assert commit() is None  # an installed package
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "all")
    assert commit() == (head := git(checkout, "rev-parse", "HEAD"))
    (checkout / "configs" / "file").write_text("changed")
    assert commit() == head + "+"
    monkeypatch.setenv("PATH", "")  # no git
    assert commit() is None


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        ([], set()),
        (["annotators=alike", "label_model=majority"], set()),
        (["annotators=alike", "label_model=dawid_skene"], {"crowd-kit"}),
        (["annotators=alike", "label_model=crowdlab"], {"cleanlab"}),
        (["supervision=confident_learning", "learner=transformers_lora"], {"cleanlab", "peft"}),
        (["strategy=skactiveml"], {"scikit-activeml"}),
        (["prior=llm"], {"gguf"}),
    ],
)
def test_versions_are_of_what_every_run_uses_and_of_what_this_one_uses_besides(
    overrides: list[str], wanted: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "installed_version", lambda package: "1")
    found = environment.versions(plan(overrides)[0].science)
    assert set(found) == {*environment.PACKAGES, *wanted}


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(package: str) -> str:
        if package == "cleanlab":
            raise PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(environment, "installed_version", installed)
    chosen = plan(["supervision=confident_learning"])[0].science
    assert set(environment.versions(chosen)) == set(environment.PACKAGES)
