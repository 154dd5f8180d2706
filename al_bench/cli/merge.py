"""``albench merge``: results of many machines as one parquet file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from al_bench.cli.parsers import with_examples

if TYPE_CHECKING:
    from al_bench.analysis.frame import Results

ABOUT = "Join results of many machines into one parquet file, or say which runs do not fit."
MORE = """
  albench merge entries/mine entries/margin --out results/leaderboard.parquet
  albench merge node1/results/runs node2/results/runs results/savings.parquet --out all.parquet

Equal ids are equal runs, and one problem has one digest, or nothing is written. Of a run that is in
several the seconds are those of the first. `albench claim` and `albench report --known` read it.
"""


def main(arguments: Sequence[str]) -> int:
    """Write one parquet file in the one order, with the provenance of all."""
    options = parser().parse_intermixed_args(arguments)
    from al_bench.analysis.frame import write_parquet
    from al_bench.analysis.merge import merged

    sources = {str(path): path for path in dict.fromkeys(options.sources)}
    whole = merged({name: read(path) for name, path in sources.items()})
    write_parquet(whole, options.out)
    print(f"{options.out}: {whole.summary()}, of {len(sources)} sources")
    return 0


def read(path: Path) -> Results:
    """The results of an entry's folder, of a folder of runs or of a parquet file."""
    from al_bench.analysis.frame import read_parquet, read_runs
    from al_bench.entries.predictions import FILE as PREDICTIONS

    if not path.exists():
        raise FileNotFoundError(
            f"no results at {path}; wanted an entry's folder, a folder of runs or a parquet file"
        )
    if not path.is_dir():
        return read_parquet(path)
    if (path / PREDICTIONS).is_file():
        raise ValueError(
            f"{path} is of a task whose test labels are held out; wanted what `albench score` "
            "makes of it"
        )
    whole = path / "results.parquet"
    return read_parquet(whole) if whole.is_file() else read_runs(path)


def parser() -> argparse.ArgumentParser:
    made = with_examples("merge", ABOUT, MORE)
    made.add_argument("sources", nargs="+", type=Path, metavar="FOLDER_OR_PARQUET",
                      help="entries, folders of runs, parquet files")  # fmt: skip
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="the parquet file")
    return made
