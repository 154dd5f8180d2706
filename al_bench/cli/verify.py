"""``albench verify``: some of an entry's runs made again, and held against what it says."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from al_bench.configuration.plan import Job
    from al_bench.entries.folder import Entry
    from al_bench.entries.rerun import Again

TOLERANCE = 0.05  # of one run's area, between kinds of machines: docs/entering.md
ABOUT = "Make a random sample of an entry's runs again and compare their curves with its own."
MORE = f"""
  albench verify entries/mine --config-dir mine
  albench verify entries/mine --config-dir mine --share 1

On an environment equal to the entry's (versions, processor kind, instructions) runs have to be
equal to the last bit; elsewhere areas under their curves may differ by --tolerance ({TOLERANCE}).
Code that --config-dir names is run here: read it first.
"""


def main(arguments: Sequence[str]) -> int:
    """Check the folder, make the sample again, say which runs differ; 1 where any does."""
    options = parser().parse_intermixed_args(arguments)
    from al_bench.configuration.tasks import entered, read_task
    from al_bench.entries.folder import here, read
    from al_bench.entries.honest import check_blind, check_entry, named
    from al_bench.entries.rerun import compare, sample

    entry = read(options.folder)
    task = read_task(entry.about.task, options.config_dir)
    if task.version != entry.about.version:
        raise ValueError(f"{options.folder} is of version {entry.about.version} of {task.name}; "
                         f"here is version {task.version}")  # fmt: skip
    with tempfile.TemporaryDirectory() as made:
        overrides = [*entry.about.overrides, *options.overrides]
        planned = entered(task, overrides, options.config_dir)
        check_blind(entry.about.name, planned[0])
        jobs = named(planned)
        check_entry(str(options.folder), entry.results, list(jobs), task)
        seed = secrets.randbelow(2**31) if options.seed is None else options.seed
        drawn = sample(list(jobs), options.share, seed)
        print(f"{len(drawn)} of {len(jobs)} runs, drawn by --seed {seed}", flush=True)
        ours = here(planned[0])
        unlike = different(ours, entry)
        tolerance = options.tolerance if unlike else 0.0
        print(f"areas may differ by {tolerance}: not the entry's {', '.join(unlike)}" if unlike
              else "equal to the last bit, as the environment is the entry's")  # fmt: skip
        runs = again({name: jobs[name] for name in drawn}, options.config_dir, Path(made))
    frame = entry.results.frame
    found = compare(frame[frame["id"].isin(drawn)], runs, task.metric, tolerance)
    for one in found:
        print(line(one))
    apart = [one.id for one in found if one.apart]
    if apart:
        print(f"{len(apart)} of {len(found)} runs are not what the entry says: {', '.join(apart)}")
    return 1 if apart else 0


def different(ours: Mapping[str, Any], entry: Entry) -> list[str]:
    """What of this environment is not as the entry's was, on record or by its own runs."""
    found = [key for key, value in ours.items() if entry.environment.get(key) != value]
    used = set(entry.results.provenance.get("versions", ()))
    same = used == {f"{name} {version}" for name, version in ours["versions"].items()}
    return found if same or "versions" in found else ["versions", *found]


def again(jobs: Mapping[str, Job], extra: Path | None, folder: Path) -> pd.DataFrame:
    """The rounds of some runs, made anew in a folder."""
    from al_bench.analysis.frame import read_runs
    from al_bench.configuration.config import config_folders
    from al_bench.runs.run import execute

    for number, job in enumerate(jobs.values(), start=1):
        config = job.config
        config.results = str(folder)
        print(f"{number} of {len(jobs)}: {' '.join(job.overrides)}", flush=True)
        execute(config, config_folders(extra), say=lambda text: None)
    return read_runs(folder / "runs", jobs).frame


def line(one: Again) -> str:
    """What became of one run."""
    if one.where is None:
        return f"equal    {one.id}"
    state = "DIFFERS" if one.apart else "close"
    return f"{state:8} {one.id}: first in {one.where}; areas {one.area:.4f} apart"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "albench verify",
        description=ABOUT,
        epilog=f"examples:{MORE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("folder", type=Path, help="of the entry")
    made.add_argument("overrides", nargs="*", help="where to run: cache=..., threads=...")
    made.add_argument("--share", type=float, default=0.03,
                      help="fraction of its runs to make again, rounded up (0.03)")  # fmt: skip
    made.add_argument("--seed", type=int, help="of the sample (default: drawn, and printed)")
    made.add_argument("--tolerance", type=float, default=TOLERANCE, metavar="AREA",
                      help="how far areas may lie apart on another kind of machine")  # fmt: skip
    made.add_argument("--config-dir", type=Path, help="the folder of the method's own configs")
    return made
