"""The same bits on more processors: numerical libraries are held to AVX2 where it is there.

Each library picks the widest instructions of the processor it finds, so sums are taken in another
order, and logarithms by another polynomial, from one machine to the next. What decides is read from
the environment when a library is loaded; what is set there already stays. MKL promises nothing
between makers of processors, and products of few rows differ, which the encoders
of the packaged models avoid: `benchmarks/bits.py` compares what they and a small run give.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's and SciPy's matrix products
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's own loops, from 2.4 on
    "MKL_CBWR": "AVX2,STRICT",  # torch's matrix products
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # torch's convolutions
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
}


def hold(cpus: Path = Path("/proc/cpuinfo")) -> None:
    """Hold libraries that are not loaded yet to AVX2, where the processor has it; else to nothing.

    The threads of a matrix product matter as well, and are the caller's to fix.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not cpus.exists():
        return
    with cpus.open() as lines:
        flags = next((line.split() for line in lines if line.startswith("flags")), [])
    if {"avx2", "fma"} <= set(flags):
        for name, value in AVX2.items():
            os.environ.setdefault(name, value)
