"""What suites spend their time on, and how many runs an hour they make beside another checkout.

    python benchmarks/suites.py                              # prints today's
    python benchmarks/suites.py --beside ../before --write   # at once; into results/benchmarks

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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pages import published, table

HERE = Path(__file__).parents[1]
PAGE = HERE / "results" / "benchmarks" / "profile.md"
RULES = "codecision,truth_balanced,random,margin,alfamix,dropquery,base"
SUITES = {
    "savings_rule": ["dataset=trec,fashion_mnist", "seed=0", f"strategy={RULES}"],
    "savings_parts": ["noise.rate=0.4", "seed=0"],
    "annotators": ["dataset=trec,fashion_mnist", "annotators=mixed,spammers", "seed=0"],
}
PROFILE = ("savings_rule", "annotators")  # the other one takes a quarter of an hour
PARTS = {  # functions that do not call each other
    "logistic regressions": "logistic",
    "noise rate and exponents": "averages",
    "metrics": "evaluate",
    "data and noise": "known_problem",
    "files of runs": "append",
}
MAIN = """
import sys, time
from al_bench.cli.main import main
if main(sys.argv[1:]):
    sys.exit(1)
print(time.process_time())
"""
PROFILED = f"import cProfile, sys; cProfile.run({MAIN!r}, sys.argv.pop(1))"


def made(checkout: Path, suite: str, profile: Path | None = None) -> tuple[int, float]:
    """The runs of a part of a suite, and the processor seconds that they took."""
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    env = {**os.environ, **one, "PYTHONPATH": str(checkout.resolve())}
    code = ["-c", MAIN] if profile is None else ["-c", PROFILED, str(profile)]
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, *code, "run", f"experiment={suite}", *SUITES[suite]]
        line += ["results=here", "threads=1", "hydra.launcher.n_jobs=1"]
        said = subprocess.run(line, check=True, capture_output=True, cwd=folder, env=env, text=True)
        runs = len(list(Path(folder).glob("here/runs/*/rounds.jsonl")))
        return runs, float(said.stdout.split()[-1])


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


def commit_of(checkout: Path) -> str:
    line = ["git", "-C", str(checkout), "log", "-1", "--format=`%h` of %as"]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--beside", type=Path, help="a checkout to compare with")
    parser.add_argument("--suites", nargs="+", choices=SUITES, default=list(SUITES))
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    checkouts = [*([args.beside] if args.beside else []), HERE]
    cells, parts = [], []
    for suite in args.suites:
        with ThreadPoolExecutor(len(checkouts)) as pool:  # each on a processor of its own
            found = pool.map(made, checkouts, [suite] * len(checkouts))
            an_hour = [3600 * runs / seconds for runs, seconds in found]
        cells.append(
            [suite, *(f"{one:,.0f}" for one in an_hour), f"{an_hour[-1] / an_hour[0]:.1f}"]
        )
        print(*cells[-1], flush=True)
        parts += [[suite, *shares(suite)]] if suite in PROFILE else []
    head = ["suite", *(["before"] if args.beside else []), "today", "times"]
    text = "\n".join([
        "# What do suites spend their time on?",
        "",
        "Made by `python benchmarks/suites.py --beside CHECKOUT --write`, the checkout of before "
        f"at {commit_of(checkouts[0])}; a part of each suite, as it stood and stands. Runs an hour "
        "of one processor, start-up included; both at once, on a processor each.",
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
