"""What suites spend their time on, and how many runs an hour they make beside another checkout.

    python benchmarks/suites.py                              # prints today's
    python benchmarks/suites.py --beside ../before --write   # in turn; into results/benchmarks

A part of each suite is made by `albench run` on one thread in one process, in an empty folder, with
features that are cached already. Suites are as they stand in each checkout, so methods may differ.
"""

from __future__ import annotations

import argparse
import os
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import published, table, timed

HERE = Path(__file__).parents[1]
PAGE = HERE / "results" / "benchmarks" / "profile.md"
RULES = "codecision,truth_balanced,random,margin,alfamix,dropquery,base"
SUITES = {
    "savings_rule": ["dataset=trec,fashion_mnist", "seed=0", f"strategy={RULES}"],
    "savings_parts": ["noise.rate=0.4", "seed=0"],
    "annotators": ["dataset=trec,fashion_mnist", "annotators=mixed,spammers", "seed=0"],
}
PARTS = {  # functions that do not call each other
    "logistic regressions": "logistic",
    "noise rate and exponents": "averages",
    "metrics": "evaluate",
    "data and noise": "known_problem",
    "files of runs": "append",
}
MAIN = "import sys; from al_bench.cli.main import main; sys.exit(main(sys.argv[1:]))"
PROFILED = (
    "import cProfile, sys; code, out = sys.argv[1:3]; del sys.argv[1:3]; cProfile.run(code, out)"
)


def made(checkout: Path, suite: str, profile: Path | None = None) -> tuple[int, float]:
    """The runs of a part of a suite, and the processor seconds that they took."""
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    code = ["-c", MAIN] if profile is None else ["-c", PROFILED, MAIN, str(profile)]
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, *code, "run", f"experiment={suite}", *SUITES[suite]]
        more = {"cwd": folder, "env": {**os.environ, **one, "PYTHONPATH": str(checkout.resolve())}}
        run = [*line, "results=here", "threads=1", "hydra.launcher.n_jobs=1"]
        seconds = timed(lambda: subprocess.run(run, check=True, stdout=subprocess.DEVNULL, **more))
        return len(list(Path(folder).glob("here/runs/*/rounds.jsonl"))), seconds[1]


def shares(suite: str) -> list[str]:
    """The share of each part in a profile of this checkout's runs, in %."""
    with tempfile.TemporaryDirectory() as folder:
        made(HERE, suite, Path(folder) / "profile")
        stats = pstats.Stats(str(Path(folder) / "profile"))
    total = stats.total_tt  # type: ignore[attr-defined]
    found = dict.fromkeys(PARTS.values(), 0.0)
    for (file, _, name), (*_, cumulative, _callers) in stats.stats.items():  # type: ignore[attr-defined]
        if name in found and "al_bench" in file:
            found[name] += 100 * cumulative / total
    return [f"{value:.0f}" for value in (*found.values(), 100 - sum(found.values()))]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--beside", type=Path, help="a checkout to compare with")
    parser.add_argument("--suites", nargs="+", choices=SUITES, default=list(SUITES))
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    checkouts = [*([args.beside] if args.beside else []), HERE]
    cells, parts = [], []
    for suite in args.suites:
        an_hour = []
        for checkout in checkouts:
            runs, seconds = made(checkout, suite)
            an_hour.append(3600 * runs / seconds)
        cells.append(
            [suite, *(f"{one:,.0f}" for one in an_hour), f"{an_hour[-1] / an_hour[0]:.1f}"]
        )
        parts.append([suite, *shares(suite)])
        print(*cells[-1], *parts[-1], flush=True)
    head = ["suite", *(["before"] if args.beside else []), "today", "times"]
    text = "\n".join([
        "# What do suites spend their time on?",
        "",
        "Made by `python benchmarks/suites.py --beside CHECKOUT --write`, with the checkout of "
        "27 November 2026 (`043d6c6`); a part of each suite, as it stood and stands. Runs an hour "
        "of one processor, start-up included.",
        "",
        *table(head, cells),
        "",
        "Shares of today's processor time, in %, under Python's profiler:",
        "",
        *table(["suite", *PARTS, "all else"], parts),
    ]) + "\n"  # fmt: skip
    published(text, PAGE, args.write)


if __name__ == "__main__":
    main()
