"""Numerical libraries are held to AVX2 where the processor has it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from al_bench.configuration.portable import AVX2, hold

FREE = {name: value for name, value in os.environ.items() if name not in AVX2}
PRINT = (
    "import al_bench, os; print(os.environ.get('MKL_CBWR'), os.environ.get('ONEDNN_MAX_CPU_ISA'))"
)


def cpus(folder: Path, flags: str) -> Path:
    (folder / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n")
    return folder / "cpuinfo"


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name in AVX2:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("free")
def test_a_processor_with_avx2_is_held_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    hold(cpus(tmp_path, "fpu fma avx avx2 avx512f"))
    assert {name: os.environ[name] for name in AVX2} == AVX2 | {"MKL_CBWR": "COMPATIBLE"}


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize("flags", ["fpu avx", "avx2", ""])
def test_an_older_processor_is_left_as_it_is(tmp_path: Path, flags: str) -> None:
    hold(cpus(tmp_path, flags))
    hold(tmp_path / "there is none")
    assert not set(AVX2) & set(os.environ)


@pytest.mark.usefixtures("free")
def test_another_kind_of_processor_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    hold(cpus(tmp_path, "fma avx2"))
    assert not set(AVX2) & set(os.environ)


@pytest.mark.skipif(
    "avx2" not in (Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""),
    reason="no AVX2 here",
)
def test_importing_the_package_is_enough() -> None:
    done = subprocess.run([sys.executable, "-c", PRINT], env=FREE, capture_output=True, text=True)
    assert done.stdout.split() == ["AVX2,STRICT", "AVX2"], done.stderr
