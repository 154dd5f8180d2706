"""Bit-equal results across processors: numerical libraries are limited to AVX2 if available.

By default each uses the widest instructions of the processor, so the order of sums and the
polynomial of logarithms differ between machines. Libraries read their limits from environment
variables when they are loaded. MKL does not promise equal bits between processor makers, and
products of few rows differ, which the packaged encoders avoid (`benchmarks/bits.py`).
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which
from typing import Any

from al_bench.runs.component import targets
from al_bench.runs.config import config_dir
from al_bench.runs.declarations import OURS, imports
from al_bench.runs.display import parameters

AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's and SciPy's matrix products
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's own loops, from 2.4 on
    "MKL_CBWR": "AVX2,STRICT",  # torch's matrix products
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # torch's convolutions
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# Let glibc keep freed memory. Otherwise the kernel clears the pages of every large array again, two
# thirds of the time of a convolutional network (benchmarks/embedding.py).
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
CPUS, START = Path("/proc/cpuinfo"), Path("/proc/self/environ")


def deterministic() -> None:
    """Make the numerical libraries of this process and its children give the same bits on every
    processor with AVX2, as the command line does (``deterministic=true``).

    Call it first: ``import al_bench; al_bench.deterministic()``, before NumPy or torch is imported.
    RuntimeError if one of them is imported already, since it has chosen its instructions by then.
    On a processor without AVX2 nothing changes. A run's manifest records whether the limit held."""
    if isa_limited():
        return
    loaded = [name for name in ("numpy", "torch") if name in sys.modules]
    if loaded:
        raise RuntimeError(f"al_bench.deterministic() was called after {' and '.join(loaded)} had "
                           "been imported; wanted it before")  # fmt: skip
    for name, value in isa_limits().items():
        os.environ.setdefault(name, value)
    _early.update(os.environ)


_early: dict[str, str] = {}  # the environment in which libraries were loaded, if known


def isa_limited() -> bool:
    """Whether the libraries of this process were loaded with the limit to AVX2."""
    wanted = isa_limits()
    return bool(wanted) and any(wanted.items() <= known.items() for known in (_early, at_start()))


def isa_limits() -> Mapping[str, str]:
    """The environment variables that limit libraries to AVX2; none on a processor without AVX2."""
    if platform.machine() not in ("x86_64", "AMD64") or not CPUS.exists():
        return {}
    with CPUS.open() as lines:
        flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return AVX2 if {"avx2", "fma"} <= set(flags) else {}


@cache
def at_start() -> Mapping[str, str]:
    """The environment that this process was started with, as far as the system reports it."""
    whole = START.read_bytes().decode(errors="replace") if START.exists() else ""
    return dict(line.split("=", 1) for line in whole.split("\0") if "=" in line)


def restart_limited(arguments: Sequence[str]) -> None:
    """Restart this process, once, with one thread and, unless ``deterministic=false``, AVX2."""
    wanted = {**ONE_THREAD, **MALLOC}
    if "deterministic=false" not in arguments:
        wanted |= isa_limits()
    if not wanted.keys() <= os.environ.keys():
        environment = {**wanted, **os.environ}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


PACKAGES = (
    *("al-bench", "numpy", "scipy", "scikit-learn", "torch", "pytorch-lightning", "hydra-core"),
)
EXTRAS = {  # packages by import name
    "cleanlab": "cleanlab",
    "crowdkit": "crowd-kit",
    "gguf": "gguf",
    "peft": "peft",
    "skactiveml": "scikit-activeml",
}


def versions(settings: Mapping[str, Any]) -> dict[str, str]:
    """The installed versions of the packages that can change a number of this run."""
    found = {package: installed_version(package) for package in PACKAGES}
    for package in sorted({EXTRAS[name] for name in packages(settings) if name in EXTRAS}):
        with suppress(PackageNotFoundError):  # the run itself fails if it needs the package
            found[package] = installed_version(package)
    return found


def packages(settings: Mapping[str, Any]) -> Iterator[str]:
    """The packages of the components, those that ours import, and gguf for its weights."""
    for target in targets(settings):
        yield from imports(target) if target.startswith(OURS) else [target.partition(".")[0]]
    if any(str(value).endswith(".gguf") for value in parameters(settings).values()):
        yield "gguf"


@lru_cache(maxsize=32)
def installed_version(package: str) -> str:
    """The version of a package, read once per process; PackageNotFoundError if not installed."""
    return version(package)


@lru_cache(maxsize=1)
def commit() -> str | None:
    """The git commit of the checkout, with a + if files are changed; None where there is none."""
    root = config_dir().parent
    if not (root / ".git").exists() or which("git") is None:
        return None
    asking = ["git", "-C", str(root)]
    changes = ["status", "--porcelain", "--", "al_bench", "configs"]
    head, changed = (
        subprocess.run([*asking, *words], capture_output=True, text=True).stdout.strip()
        for words in (["rev-parse", "HEAD"], changes)
    )
    return head + ("+" if changed else "") or None
