"""What `albench merge` costs: 20,000 runs of eight machines, each with a tenth of another's.

    python benchmarks/merge.py --write     # into results/benchmarks/merge.md

Runs are those of results/savings.parquet, again under more seeds until there are enough, with the
ids and digests that they would have. Seconds are the clock's, of the command in a fresh process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import pandas as pd

from al_bench.analysis.frame import Results, in_order, read_parquet, write_parquet
from al_bench.analysis.merge import runs_of, science_of
from al_bench.configuration.identity import name_of
from al_bench.configuration.tasks import problem_name

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "results" / "benchmarks" / "merge.md"
RUNS, MACHINES = 20_000, 8


def made() -> pd.DataFrame:
    """RUNS runs, a row a round."""
    known = read_parquet(ROOT / "results" / "savings.parquet").frame
    several = -(-RUNS // known["id"].nunique())
    parts = []
    for time in range(several):
        part = known.assign(seed=known["seed"] + 1000 * time)
        rows = {row["id"]: row for row in runs_of(part)}
        names = {old: name_of(science_of(row)) for old, row in rows.items()}
        problems = {old: problem_name(science_of(row), row["seed"]) for old, row in rows.items()}
        digests = {old: sha256(name.encode()).hexdigest()[:16] for old, name in problems.items()}
        parts.append(part.assign(digest=part["id"].map(digests), id=part["id"].map(names)))
    whole = pd.concat(parts)
    return in_order(whole[whole["id"].isin(whole["id"].unique()[:RUNS])])


def main() -> None:
    """Write eight files, merge them once, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into results/benchmarks/merge.md")
    given = parser.parse_args()
    whole = made()
    place = whole["id"].map({name: number for number, name in enumerate(whole["id"].unique())})
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"machine{number}.parquet") for number in range(MACHINES)]
        for number, path in enumerate(files):
            also = (place % MACHINES == (number + 1) % MACHINES) & (place % (10 * MACHINES) < 8)
            part = whole[(place % MACHINES == number) | also].reset_index(drop=True)
            write_parquet(Results(part, (), (), {}), path)
        out = Path(folder, "all.parquet")
        command = [sys.executable, "-c", "from al_bench.cli.main import main; main()"]
        began = perf_counter()
        subprocess.run([*command, "merge", *map(str, files), "--out", str(out)], check=True)
        seconds = perf_counter() - began
        size = out.stat().st_size / 2**20
    load = os.getloadavg()[0]
    text = f"""# Merging

Made by `python benchmarks/merge.py`; load average {load:.1f} on {os.cpu_count()} processors.

| files | runs | rounds | seconds | MiB |
| ---: | ---: | ---: | ---: | ---: |
| {MACHINES} | {whole["id"].nunique():,} | {len(whole):,} | {seconds:.1f} | {size:.1f} |
"""
    print(text)
    if given.write:
        OUTPUT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
