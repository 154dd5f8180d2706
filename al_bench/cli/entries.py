"""``albench enter``, ``merge`` and ``verify``: make, merge and reproduce entries of a task."""

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

    The method is checked before its runs are made, and the runs are checked afterwards.

    \b
    examples:
      albench enter margin --task alfm_v1 strategy=margin
      albench enter mine --task alfm_v1 --config-dir mine strategy=mine supervision=posterior_labels

    Finished runs are kept: the same command continues. `albench list task` shows the tasks.
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
    """Merge results of several machines into one parquet file, or say which do not fit.

    \b
    examples:
      albench merge entries/mine entries/margin --out results/leaderboard.parquet
      albench merge node1/results/runs node2/results/runs results/savings.parquet --out all.parquet

    Nothing is written unless equal ids are equal runs (except rounding) and each problem has one
    digest. A run in several sources is taken from the first. `albench claim` and `albench report
    --known` read the file.
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
    share: Annotated[float, typer.Option(help="fraction of its runs to make again")] = 0.03,
    seed: Annotated[int | None, typer.Option(help="of the sample (default: drawn)")] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="AREA", help="how far areas may lie apart on another machine")
    ] = 0.04,
    config_dir: ConfigDir = None,
) -> int:
    """Make a random sample of an entry's runs again and say which differ.

    \b
    examples:
      albench verify entries/mine --config-dir mine
      albench verify entries/mine --config-dir mine --share 1

    In an environment equal to the entry's (versions, kind of processor, instructions) runs must be
    equal in every stored digit. Elsewhere areas under their curves may differ by --tolerance, and
    their mean by --tolerance over the root of the sample's size. Code in --config-dir is run here:
    read it first.
    """
    from al_bench.report import entries

    return entries.verify(folder, overrides or (), share, seed, tolerance, config_dir)
