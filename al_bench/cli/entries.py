"""``albench enter``, ``merge`` and ``verify``: entries of a task, made, joined and made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from al_bench.cli.options import ConfigDir

if TYPE_CHECKING:
    from al_bench.analysis.frame import Results
    from al_bench.runs.plan import Job

TOLERANCE = 0.04  # of one run's area, between kinds of machines: docs/entering.md


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
      albench enter mine --task alfm_v1 --config-dir mine strategy=mine supervision=vetted

    What is done is kept: given again, the command goes on. `albench list task` shows the tasks.
    """
    from al_bench.datasets.check import check_file_name
    from al_bench.entries.checks import check_blind, check_entry
    from al_bench.entries.tasks import entered, of_method, read_task
    from al_bench.runs.component import run_id
    from al_bench.runs.sweep import sweep
    from al_bench.testing.contract import check_config

    overrides, about = overrides or [], read_task(task, config_dir)
    check_file_name(name)
    planned = entered(about, overrides, config_dir)
    check_blind(name, planned[0])
    if check_config(of_method(overrides), config_dir):
        raise ValueError(f"{name} breaks a promise of its kind (above), so nothing was run; "
                         "`albench check` with the same options checks it again")  # fmt: skip
    ids = [run_id(job.science) for job in planned]
    sweep(planned, config_dir, f"{name} on {task}")

    from al_bench.analysis.frame import read_runs
    from al_bench.entries.card import numbers
    from al_bench.entries.folder import write

    results = read_runs(Path(planned[0].at("results")) / "runs", ids)
    unknown = check_entry(name, results, ids, about)
    written = write(out / name, of_method(overrides), about, results, planned[0])
    print("\n".join([numbers(results.frame, about), *map(str, written)]))
    record = (f"; {unknown} runs met problems of which the task has no digest on record"
              if unknown else ", which are the task's")  # fmt: skip
    print(f"{len(ids)} runs, complete, on problems of one digest each{record}")
    print(f"next: fill in {out / name / 'card.md'} and hand in the folder with the code")


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

    Equal ids are equal runs, and one problem has one digest, or nothing is written. Of a run that
    is in several the seconds are those of the first. `albench claim` and `albench report --known`
    read it.
    """
    from al_bench.analysis.frame import write_parquet
    from al_bench.analysis.merge import merged

    several = {str(path): results_at(path) for path in sources}
    whole = merged(several)
    write_parquet(whole, out)
    print(f"{out}: {whole.summary()}, of {len(several)} sources")


def results_at(path: Path) -> Results:
    """The results of an entry's folder, of a folder of runs or of a parquet file."""
    from al_bench.analysis.frame import read_parquet, read_runs
    from al_bench.entries.folder import RESULTS

    if not path.exists():
        raise FileNotFoundError(
            f"no results at {path}; wanted an entry's folder, a folder of runs or a parquet file"
        )
    whole = path / RESULTS if (path / RESULTS).is_file() else path
    return read_runs(whole) if whole.is_dir() else read_parquet(whole)


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
    ] = TOLERANCE,
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
    import secrets

    from al_bench.entries.checks import check_blind, check_entry, compare, sample, told
    from al_bench.entries.folder import different, read
    from al_bench.entries.tasks import entered, read_task
    from al_bench.runs.component import run_id

    entry = read(folder)
    task = read_task(entry.task, config_dir)
    if task.version != entry.version:
        raise ValueError(f"{folder} is of version {entry.version} of {task.name}, which is here of "
                         f"version {task.version}")  # fmt: skip
    planned = entered(task, [*entry.overrides, *(overrides or ())], config_dir)
    check_blind(entry.name, planned[0])
    jobs = {run_id(job.science): job for job in planned}
    check_entry(str(folder), entry.results, jobs, task)
    seed = secrets.randbelow(2**31) if seed is None else seed
    drawn = sample(jobs, share, seed)
    print(f"{len(drawn)} of {len(jobs)} runs, drawn by --seed {seed}", flush=True)
    unlike = different(jobs[drawn[0]], entry)
    tolerance = tolerance if unlike else 0.0
    may = f"areas may differ by {tolerance}: not the entry's {', '.join(unlike)}"
    print(may if unlike else "the environment is the entry's: equal, or different", flush=True)
    said = entry.results.frame
    made = again({name: jobs[name] for name in drawn}).frame
    return told(compare(said[said["id"].isin(drawn)], made, task.metric, tolerance), tolerance)


def again(jobs: Mapping[str, Job]) -> Results:
    """Some runs made anew, in a folder of their own."""
    from tempfile import TemporaryDirectory

    from al_bench.analysis.frame import read_runs
    from al_bench.runs.run import Silent, execute

    with TemporaryDirectory() as folder:
        for number, job in enumerate(jobs.values(), start=1):
            print(f"{number} of {len(jobs)}: {' '.join(job.overrides)}", flush=True)
            execute(job.having({"results": folder}), say=Silent())
        return read_runs(Path(folder) / "runs", jobs)
