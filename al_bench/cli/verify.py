"""``albench verify``: some of an entry's runs made again, and held against what it says."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from al_bench.cli.parsers import with_examples

if TYPE_CHECKING:
    import pandas as pd

    from al_bench.analysis.frame import Results
    from al_bench.configuration.plan import Job
    from al_bench.configuration.tasks import Task
    from al_bench.entries.folder import Entry
    from al_bench.entries.predictions import Predictions
    from al_bench.entries.rerun import Again

TOLERANCE = 0.04  # of one run's area, between kinds of machines: docs/entering.md
ABOUT = "Make a random sample of an entry's runs again and compare their curves with its own."
MORE = f"""
  albench verify entries/mine --config-dir mine
  albench verify entries/mine --config-dir mine --share 1

On an environment equal to the entry's (versions, processor kind, instructions) runs have to be
equal in every digit that is kept; elsewhere areas under their curves may differ by --tolerance
({TOLERANCE}), and by that over the root of the sample's size in the mean. Code that --config-dir
names is run here: read it first.
"""


def main(arguments: Sequence[str]) -> int:
    """Check the folder, make the sample again, say which runs differ; 1 where any does."""
    options = parser().parse_intermixed_args(arguments)
    from al_bench.entries.folder import read
    from al_bench.entries.rerun import compare, sample

    entry, extra = read(options.folder), options.config_dir
    task, jobs = in_order(str(options.folder), entry, options.overrides, extra)
    seen = partial(with_labels, task=task, files=options.labels)
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    drawn = sample(list(jobs), options.share, seed)
    print(f"{len(drawn)} of {len(jobs)} runs, drawn by --seed {seed}", flush=True)
    unlike = different(jobs[drawn[0]], entry)
    tolerance = options.tolerance if unlike else 0.0
    if tolerance and task.held_out and not options.labels:
        raise ValueError(
            f"this is not the entry's {', '.join(unlike)}, so areas would be compared, and the "
            f"test labels of {task.name} are held out; wanted --labels, or --tolerance 0 (equal, "
            "or different)"
        )
    may = f"areas may differ by {tolerance}: not the entry's {', '.join(unlike)}"
    print(may if unlike else "the environment is the entry's: equal, or different")
    with tempfile.TemporaryDirectory() as folder:
        made = seen(*again({name: jobs[name] for name in drawn}, extra, Path(folder)))
    said = seen(entry.results, entry.predictions)
    found = compare(said[said["id"].isin(drawn)], made, task.metric, tolerance)
    return told(found, tolerance)


def with_labels(
    results: Results, predictions: Predictions | None, task: Task, files: Sequence[Path]
) -> pd.DataFrame:
    """The rounds of some runs with what they say of test rows, and with the test metrics where
    there are files of the labels that the task holds out."""
    from al_bench.entries.predictions import beside
    from al_bench.entries.score import scored_by

    if files:
        results = scored_by(results, predictions, task, files)
    return beside(results.frame, predictions)


def in_order(
    name: str, entry: Entry, where: Sequence[str], extra: Path | None
) -> tuple[Task, dict[str, Job]]:
    """The task and the entry's runs by id, composed anew; ValueError, in one sentence,
    where the entry is not what it has to be."""
    from al_bench.configuration.tasks import entered
    from al_bench.entries.honest import check_blind, check_entry, named, task_of

    task = task_of(name, entry.about, extra)
    planned = entered(task, [*entry.about.overrides, *where], extra)
    check_blind(entry.about.name, planned[0])
    jobs = named(planned)
    check_entry(name, entry.results, list(jobs), task, entry.predictions)
    return task, jobs


def different(job: Job, entry: Entry) -> list[str]:
    """What of this environment is not as the entry's was, on record or by its own runs."""
    from al_bench.entries.folder import here

    ours = here(job)
    found = [key for key, value in ours.items() if entry.environment.get(key) != value]
    used = set(entry.results.provenance.get("versions", ()))
    same = used == {f"{name} {version}" for name, version in ours["versions"].items()}
    return found if same or "versions" in found else ["versions", *found]


def again(
    jobs: Mapping[str, Job], extra: Path | None, folder: Path
) -> tuple[Results, Predictions | None]:
    """Some runs made anew in a folder, and what they say of test rows that are held out."""
    from al_bench.analysis.frame import read_runs
    from al_bench.configuration.config import config_folders
    from al_bench.entries.predictions import of_runs
    from al_bench.runs.run import execute
    from al_bench.runs.saying import Silent

    for number, job in enumerate(jobs.values(), start=1):
        config = job.config
        config.results = str(folder)
        print(f"{number} of {len(jobs)}: {' '.join(job.overrides)}", flush=True)
        execute(config, config_folders(extra), say=Silent())
    return read_runs(folder / "runs", jobs), of_runs(folder / "runs", jobs) or None


def told(found: Sequence[Again], tolerance: float) -> int:
    """Print what became of each run and of all; 1 where they are not what the entry says."""
    from al_bench.entries.rerun import shifted

    for one in found:
        state = "equal" if one.where is None else "DIFFERS" if one.apart else "close"
        how = "" if one.where is None else f": first in {one.where}"
        how += f"; area {one.area:+.4f}" if how and not isnan(one.area) else ""
        print(f"{state:8} {one.id}{how}")
    apart, shift = [one.id for one in found if one.apart], shifted(found, tolerance)
    if apart:
        print(f"{len(apart)} of {len(found)} runs are not what the entry says: {', '.join(apart)}")
    if shift is not None:
        print(f"the mean area of these runs is {shift:+.4f} from what the entry says")
    return 1 if apart or shift is not None else 0


def parser() -> argparse.ArgumentParser:
    made = with_examples("verify", ABOUT, MORE)
    made.add_argument("folder", type=Path, help="of the entry")
    made.add_argument("overrides", nargs="*", help="where to run: cache=..., threads=...")
    made.add_argument("--share", type=float, default=0.03,
                      help="fraction of its runs to make again, rounded up (0.03)")  # fmt: skip
    made.add_argument("--seed", type=int, help="of the sample (default: drawn, and printed)")
    made.add_argument("--tolerance", type=float, default=TOLERANCE, metavar="AREA",
                      help="how far areas may lie apart on another kind of machine")  # fmt: skip
    made.add_argument("--labels", nargs="+", type=Path, default=[], metavar="FILE",
                      help="the test labels, where the task holds them out")  # fmt: skip
    made.add_argument("--config-dir", type=Path, help="the folder of the method's own configs")
    return made
