"""``albench score``: the test metrics of an entry, by whoever holds the labels of its task."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from al_bench.cli.parsers import with_examples

ABOUT = "Hold an entry's predictions against test labels that its author never had."
MORE = """
  albench score entries/mine --labels reviews_labels.npz
  albench score entries/mine --labels reviews_labels.npz --config-dir board --out mine.parquet

The labels have to be those on record of the task. What follows from the classes predicted is filled
in, to the last bit as if the labels had been there; likelihood and calibration stay absent. No run
is made and no code of the method called: `albench verify` makes runs again. `albench merge`,
`claim`, `explore` and `report --parquet` read the file. Each answer tells of the labels: give few.
"""


def main(arguments: Sequence[str]) -> int:
    """Check the folder and the labels, and write the parquet file of its results."""
    options = parser().parse_args(arguments)
    from al_bench.analysis.frame import write_parquet
    from al_bench.entries.card import numbers
    from al_bench.entries.folder import read
    from al_bench.entries.honest import check_entry, check_whole, task_of
    from al_bench.entries.score import scored_by

    entry, name = read(options.folder), str(options.folder)
    task = task_of(name, entry.about, options.config_dir)
    ids = sorted(set(entry.results.frame.get("id", ())))
    check_entry(name, entry.results, ids, task, entry.predictions)
    check_whole(name, entry.results.frame, task)
    results = scored_by(entry.results, entry.predictions, task, options.labels)
    out = options.out or Path("scored") / f"{options.folder.resolve().name}.parquet"
    write_parquet(results, out)
    print(numbers(results.frame, task))
    print(f"{out}: {results.summary()}")
    return 0


def parser() -> argparse.ArgumentParser:
    made = with_examples("score", ABOUT, MORE)
    made.add_argument("folder", type=Path, help="of the entry")
    made.add_argument("--labels", nargs="+", type=Path, required=True, metavar="FILE",
                      help="the test labels of each data set")  # fmt: skip
    made.add_argument("--out", type=Path, metavar="FILE",
                      help="the parquet file (default: scored/<folder>.parquet)")  # fmt: skip
    made.add_argument("--config-dir", type=Path, help="a folder of configs that has the task")
    return made
