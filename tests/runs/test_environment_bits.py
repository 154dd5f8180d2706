"""Numerical libraries are held to AVX2 where a run asks for it and the processor has it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from al_bench.runs import environment as portable
from al_bench.runs.environment import AVX2, MEMORY, ONE_THREAD, settings
from tests.runs.test_run import TINY

FREE = {k: v for k, v in os.environ.items() if k not in {*AVX2, *MEMORY, *ONE_THREAD}}
PRINT = "import os; print(sorted(os.environ.items()))"
HERE = pytest.mark.skipif(not settings(), reason="no AVX2 here")


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
    monkeypatch.setattr(portable, "CPUS", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert settings() == (AVX2 if held else {})
    assert held or not portable.holds()


def test_importing_the_package_changes_nobodys_environment() -> None:
    assert said(f"import al_bench, al_bench.api; {PRINT}") == said(PRINT)


@HERE
def test_from_python_it_is_asked_for_before_numpy_and_said_where_that_is_too_late() -> None:
    ask = "import al_bench; al_bench.deterministic()"
    holds = "from al_bench.runs.environment import holds; print(holds())"
    assert said(f"{ask}; import numpy; {ask}; {holds}") == "True"
    late = f"import numpy, al_bench\ntry: {ask}\nexcept RuntimeError as e: print(e)\n{holds}"
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
