"""``albench enter``, ``merge`` and ``verify``: entries of a task, made, joined and made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from al_bench.cli.options import ConfigDir


def enter(
    name: Annotated[str, typer.Argument(help="of the entry, and of its folder")],
    task: Annotated[str, typer.Option(help="what to enter it for (`albench list task`)")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="the method: strategy=mine, learner.l2=3, ...", show_default=False),
    ] = None,
    config_dir: ConfigDir = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="where the entry's folder goes")
    ] = Path("entries"),
) -> None:
    """Run a method on a task of the leaderboard and write the folder of its entry.

    It is checked to be honest before and after.

    \b
    examples:
      albench enter margin --task alfm_v1 strategy=margin
      albench enter mine --task alfm_v1 --config-dir mine strategy=mine supervision=posterior_labels

    What is done is kept: given again, the command goes on. `albench list task` shows the tasks.
    """
    from al_bench.report import entries

    entries.enter(name, entries.read_task(task, config_dir), overrides or [], out, config_dir)


def merge(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER_OR_PARQUET...", help="entries, folders of runs, files"),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="the parquet file")],
) -> None:
    """Join results of many machines into one parquet file, or say which do not fit.

    \b
    examples:
      albench merge entries/mine entries/margin --out results/leaderboard.parquet
      albench merge node1/results/runs node2/results/runs results/savings.parquet --out all.parquet

    Equal ids are equal runs but for rounding, and one problem has one digest, or nothing is
    written. Of a run that is in several the first is taken. `albench claim` and `albench report
    --known` read it.
    """
    from al_bench.report.entries import RESULTS
    from al_bench.report.merge import merged_tables
    from al_bench.report.results import read_parquet, read_runs, write_parquet

    several = {}
    for path in sources:
        if not path.exists():
            raise FileNotFoundError(f"no results at {path}; wanted an entry's folder, a folder of "
                                    "runs or a parquet file")  # fmt: skip
        whole = path / RESULTS if (path / RESULTS).is_file() else path
        several[str(path)] = read_runs(whole) if whole.is_dir() else read_parquet(whole)
    results = merged_tables(several)
    write_parquet(results, out)
    print(f"{out}: {results.summary()}, of {len(several)} sources")


def verify(
    folder: Annotated[Path, typer.Argument(help="of the entry")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="where to run: cache=..., threads=...", show_default=False),
    ] = None,
    share: Annotated[
        float, typer.Option(help="fraction of its runs to make again, rounded up")
    ] = 0.03,
    seed: Annotated[
        int | None, typer.Option(help="of the sample (default: drawn, and printed)")
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(metavar="AREA", help="how far areas may lie apart on another machine"),
    ] = 0.04,
    config_dir: ConfigDir = None,
) -> int:
    """Make a random sample of an entry's runs again and say which differ.

    \b
    examples:
      albench verify entries/mine --config-dir mine
      albench verify entries/mine --config-dir mine --share 1

    On an environment equal to the entry's (versions, processor kind, instructions) runs have to be
    equal in every digit that is kept; elsewhere areas under their curves may differ by --tolerance,
    and by that over the root of the sample's size in the mean. Code that --config-dir names is run
    here: read it first.
    """
    from al_bench.report import entries

    return entries.verify(folder, overrides or (), share, seed, tolerance, config_dir)
