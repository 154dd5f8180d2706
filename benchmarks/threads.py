"""Whether a second thread pays in a fit: seconds of one head on one thread and on all, by its size.

python benchmarks/threads.py    # a quiet machine; what `ALONE` of learners/logistic.py is from
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from time import perf_counter

import numpy as np
from pages import table

import al_bench.learners.logistic as logistic
from al_bench.arithmetic import one_hot, unit

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "threads.md"
SIZES = ((750, 10), (750, 100), (750, 150), (750, 300), (3000, 150), (10_000, 10), (10_000, 150),
         (20_000, 100))  # fmt: skip
WIDTH, NOISE, REPEAT = 384, 3.0, 3
NEVER_MORE = 2**62  # multiplications: one thread for all


def seconds(rows: int, classes: int, alone: int) -> float:
    """The quickest of some fits, on one thread where its products are smaller than `alone`."""
    rng = np.random.default_rng(0)
    known = rng.integers(classes, size=rows)
    noise = NOISE * rng.standard_normal((rows, WIDTH))
    features = unit(rng.standard_normal((classes, WIDTH))[known] + noise).astype(np.float32)
    targets, times = one_hot(known, classes), []
    logistic.ALONE = alone
    for _ in range(REPEAT):
        began = perf_counter()
        logistic.logistic(features, targets, np.ones(rows), 8.0, np.zeros(classes), 1e-5, 200)
        times.append(perf_counter() - began)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    given = parser.parse_args()
    lines = []
    for rows, classes in SIZES:
        size = math.log2(rows * (WIDTH + 1) * classes)
        times = [f"{seconds(rows, classes, alone):.3f}" for alone in (NEVER_MORE, 0)]
        lines.append((f"{rows:,} x {WIDTH}, {classes} classes", f"2^{size:.1f}", *times))
    head = ["fit", "multiplications a product", "one thread, s", f"{os.cpu_count()} threads, s"]
    page = ["# Threads of a fit", "", "Made by `python benchmarks/threads.py --write`.", ""]
    made = "\n".join([*page, *table(head, lines)])
    print(made)
    if given.write:
        PAGE.write_text(made + "\n", "utf-8")


if __name__ == "__main__":
    main()
