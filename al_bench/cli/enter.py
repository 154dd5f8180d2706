"""``albench enter``: one method on a task, from its files to a folder that others can check."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from al_bench.cli.parsers import with_examples

ABOUT = "Run a method on a task, check that it is honest, and write the folder of its entry."
MORE = """
  albench enter margin --task alfm_v1 strategy=margin
  albench enter mine --task alfm_v1 --config-dir mine strategy=mine supervision=vetted

What is done is kept: given again, the command goes on. `albench list task` shows the tasks.
"""
HELD_OUT = "The test labels are held out; who holds them finds the numbers (`albench score`)."


def main(arguments: Sequence[str]) -> int:
    """Check the contract, run, check the runs, write the folder; the first that fails is said."""
    options = parser().parse_intermixed_args(arguments)
    from al_bench.configuration.tasks import entered, of_method, read_task
    from al_bench.datasets.check import check_file_name
    from al_bench.entries.honest import check_blind, named
    from al_bench.runs.sweep import sweep
    from al_bench.testing.contract import check_config

    name, extra, overrides = check_file_name(options.name), options.config_dir, options.overrides
    task = read_task(options.task, extra)
    planned = entered(task, overrides, extra)
    check_blind(name, planned[0])
    if check_config(of_method(overrides), extra):
        raise ValueError(f"{name} breaks a promise of its kind (above), so nothing was run; "
                         "`albench check` with the same options checks it again")  # fmt: skip
    jobs = named(planned)
    sweep(planned, extra, f"{name} on {task.name}")

    from al_bench.analysis.frame import read_runs
    from al_bench.entries.card import numbers
    from al_bench.entries.folder import About, write
    from al_bench.entries.honest import check_entry
    from al_bench.entries.predictions import of_runs

    runs = Path(planned[0].at("results")) / "runs"
    results, predictions = read_runs(runs, jobs), of_runs(runs, jobs) if task.held_out else None
    unknown = check_entry(name, results, list(jobs), task, predictions)
    about = About(name, task.name, task.version, tuple(of_method(overrides)))
    table = HELD_OUT if task.held_out else numbers(results.frame, task)
    written = write(options.out / name, about, results, planned[0], table, predictions)
    print(table)
    print("\n".join(str(path) for path in written))
    print(checked(len(jobs), unknown))
    print(f"next: fill in {options.out / name / 'card.md'} and hand in the folder with the code")
    return 0


def checked(runs: int, unknown: int) -> str:
    """What was found of an entry that is in order."""
    said = f"{runs} runs, complete, on problems of one digest each"
    return said + (f"; {unknown} runs met problems of which the task has no digest on record"
                   if unknown else ", which are the task's")  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = with_examples("enter", ABOUT, MORE)
    made.add_argument("name", help="of the entry, and of its folder")
    made.add_argument("overrides", nargs="*", help="the method: strategy=mine, learner.l2=3, ...")
    made.add_argument("--task", required=True, help="what to enter it for (`albench list task`)")
    made.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    made.add_argument("--out", type=Path, default=Path("entries"), metavar="FOLDER",
                      help="where the entry's folder goes (default: entries)")  # fmt: skip
    return made
