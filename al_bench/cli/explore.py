"""``albench explore``: one self-contained page of results to look through."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from al_bench.cli.parsers import with_examples

if TYPE_CHECKING:
    from al_bench.analysis.keys import Choice
    from al_bench.configuration.commands import Asked

ABOUT = "Write one HTML file that shows results: filter, compare, drag a level, get a command."
MORE = """
  albench explore results/savings.parquet --out results/explorer.html
  albench explore results/*.parquet --metrics balanced_accuracy --title "All of it"
"""
PACKAGED = "al_bench.datasets.Packaged"


def main(arguments: Sequence[str]) -> int:
    """Write the page, and say how large it is."""
    options = parser().parse_args(arguments)
    from al_bench.analysis.explorer import About, explorer_data, joined
    from al_bench.analysis.frame import read_parquet
    from al_bench.configuration.config import config_folders
    from al_bench.report.explorer.build import explorer

    how = partial(asked_for, folders=tuple(config_folders(options.config_dir)))
    results = joined([read_parquet(path) for path in options.files])
    data = explorer_data(results, options.metrics, About(modality, how))
    title = options.title or ", ".join(path.stem for path in options.files)
    text = explorer(data, title)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, encoding="utf-8")
    print(f"{options.out}: {data['summary']}, {len(text.encode()) / 1e6:.1f} MB")
    return 0


def asked_for(choice: Choice, folders: tuple[Path, ...]) -> Asked | None:
    """How `albench run` is asked for a choice."""
    from al_bench.configuration.commands import asked

    return asked(choice.group, choice.option, choice.node, folders)


def modality(choice: Choice) -> str:
    """What a data set's rows are: as its config says, or its file that ships with us."""
    from al_bench.datasets.packaged import modality_of

    said = (v for k, v in choice.parameters.items() if k.rpartition(".")[2] == "modality")
    for node in (choice.node, *choice.node.values()):  # a set may be part of another
        if isinstance(node, dict) and node.get("_target_") == PACKAGED:
            return modality_of(node["name"])
    return str(next(said, "not said"))


def parser() -> argparse.ArgumentParser:
    made = with_examples("explore", ABOUT, MORE)
    made.add_argument(
        "files",
        nargs="*",
        type=Path,
        default=[Path("results/savings.parquet")],
        help="parquet files that `albench report` wrote (default: results/savings.parquet)",
    )
    made.add_argument("--out", type=Path, default=Path("results/explorer.html"), metavar="FILE")
    made.add_argument("--title", help="what the page is called (default: the files' names)")
    made.add_argument(
        "--metrics",
        nargs="+",
        default=["balanced_accuracy", "product_balanced_accuracy"],
        metavar="METRIC",
        help="which the page lets choose among, the first at first; higher is better",
    )
    made.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    return made
