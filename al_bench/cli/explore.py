"""``albench explore``: one self-contained page to explore results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from al_bench.cli.claim import selection
from al_bench.cli.options import ConfigDir

if TYPE_CHECKING:
    from al_bench.report.keys import Choice
    from al_bench.runs.options import Asked

PACKAGED = "al_bench.data.Packaged"
METRICS = ("balanced_accuracy", "product_balanced_accuracy")


def explore(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="parquet files that `albench report` wrote, a tab each (default: "
            "results/savings.parquet)",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE")] = Path("results/explorer.html"),
    title: Annotated[
        str | None, typer.Option(help="what the page is called (default: the files' names)")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC ...",
            help="which the page lets choose among, the first at first; higher is better "
            f"(default: {' '.join(METRICS)})",
        ),
    ] = None,
    single: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN=VALUE,...",
            help="the opponent at first, besides the best of each setting",
        ),
    ] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Write one HTML file to explore results: filter, rank, compare, copy a command.

    \b
    examples:
      albench explore results/savings.parquet --out results/explorer.html
      albench explore results/savings.parquet results/foundation.parquet --title "All of it"
    """
    from al_bench.report.explorer.data import explorer, explorer_data
    from al_bench.report.results import read_parquet
    from al_bench.runs.config import config_folders
    from al_bench.runs.options import override_of

    folders = config_folders(config_dir)

    def command(choice: Choice) -> Asked | None:
        return override_of(choice.group, choice.option, choice.node, folders)

    files = files or [Path("results/savings.parquet")]
    alone = selection(single) if single else None
    tabs = {
        path.stem.replace("_", " "): explorer_data(
            read_parquet(path), metrics or METRICS, modality, command, alone
        )
        for path in files
    }
    text = explorer(tabs, title or ", ".join(tabs))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(f"{out}: {len(tabs)} tabs, {len(text.encode()) / 1e6:.1f} MB")


def modality(choice: Choice) -> str:
    """The modality of a data set: from its config, or from its file in this package."""
    from al_bench.data.datasets.packaged import modality_of

    said = (v for k, v in choice.parameters.items() if k.rpartition(".")[2] == "modality")
    for node in (choice.node, *choice.node.values()):  # a data set may wrap another
        if isinstance(node, dict) and node.get("_target_") == PACKAGED:
            return modality_of(node["name"])
    return str(next(said, "not said"))
