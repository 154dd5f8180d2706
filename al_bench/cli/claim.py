"""``albench claim`` and ``explore``: methods compared, from parquet files only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from al_bench.cli.options import ConfigDir

if TYPE_CHECKING:
    import pandas as pd

    from al_bench.report.keys import Choice
    from al_bench.report.spec import ReportSpec
    from al_bench.runs.options import Asked

PACKAGED = "al_bench.data.Packaged"
METRICS = ("balanced_accuracy", "product_balanced_accuracy")


def claim(
    source: Annotated[
        list[str],
        typer.Argument(
            help="experiment=<name>, whose claims are held on results/<name>.parquet, a parquet "
            "file, or both"
        ),
    ],
    ours: Annotated[
        str | None, typer.Option(metavar="COLUMN=VALUE,...", help="one method, by its columns")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE,... ...",
            help="its rivals (default: the report's baselines, or all published methods)",
        ),
    ] = None,
    sets: Annotated[
        str | None, typer.Option(metavar="A,B", help="data sets (default: all)")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="the tables set by set too")] = False,
    metric: Annotated[str, typer.Option(help="where no experiment says it")] = "balanced_accuracy",
    config_dir: ConfigDir = None,
) -> None:
    """Show how a method compares with others: an experiment's claims, or one of your own.

    \b
    examples:
      albench claim experiment=savings
      albench claim experiment=savings --sets trec,vader --each
      albench claim mine.parquet --ours strategy=mine,learner=mlp --against strategy=margin

    Nothing is written.
    """
    if against and not ours:
        raise ValueError("albench claim has --against without --ours; wanted both, or neither")
    path, spec = asked_claims(source, ours, against or (), metric, config_dir)
    from al_bench.report.claims import evaluate_claim
    from al_bench.report.comparison import comparison_data, narrowed
    from al_bench.report.results import read_parquet
    from al_bench.report.tables.claims import over_sets, set_by_set
    from al_bench.report.tables.render import print_tables

    results = read_parquet(path)
    frame = of_sets(narrowed(results.frame, spec.metric), sets)
    data = comparison_data(frame, spec, results.partial)
    claims = [evaluate_claim(claim, data, spec) for claim in spec.claimed]
    print(results.summary())
    print_tables(over_sets(claims, data.names))
    print(*(f"{one.claim.name}: {why}." for one in claims for why in one.missing), sep="\n")
    if each:
        print_tables(set_by_set(claim, data.names) for claim in claims)


def asked_claims(
    source: Sequence[str], ours: str | None, against: Sequence[str], metric: str, extra: Path | None
) -> tuple[Path, ReportSpec]:
    """The parquet file, and the claims to evaluate on it."""
    from al_bench.cli.report import report_config, report_name, spec_of
    from al_bench.report.claims import claim_spec

    own = claim_spec(selection(ours), list(map(selection, against)), metric) if ours else None
    files = [Path(one) for one in source if one.endswith(".parquet")]
    overrides = [one for one in source if not one.endswith(".parquet")]
    if len(files) > 1:
        raise ValueError(f"albench claim has {len(files)} parquet files; wanted one")
    if not overrides:
        if own is None:
            raise ValueError(f"albench claim has {files[0]} without a claim; wanted "
                             "experiment=<name>, whose claims to hold, or --ours")  # fmt: skip
        return files[0], own
    config = report_config(overrides, extra)
    path = files[0] if files else Path(config.results) / f"{report_name(overrides)}.parquet"
    spec = spec_of(config)
    if own is not None:
        (claim,) = own.claims
        given = {"baselines": own.baselines} if own.baselines else {}
        spec = replace(spec, claims=[{**claim, **given}])
    if not spec.claims:
        raise ValueError(f"report.claims of {report_name(overrides)} is empty; wanted --ours")
    return path, spec


def selection(text: str) -> dict[str, Any]:
    """Columns and their values from ``strategy=margin,learner.balance=[none,weights]``."""
    import yaml

    pairs = [part.partition("=") for part in re.split(r",(?![^\[]*\])", text)]
    if not all(key and equals and value for key, equals, value in pairs):
        raise ValueError(f"{text!r} is no selection of a method; wanted column=value,column=value")
    return {key: yaml.safe_load(value) for key, _, value in pairs}


def of_sets(frame: pd.DataFrame, names: str | None) -> pd.DataFrame:
    """The runs on some data sets, or all; ValueError if one has none."""
    if names is None:
        return frame
    wanted, there = names.split(","), sorted(frame["dataset"].unique())
    for name in wanted:
        if name not in there:
            raise ValueError(f"--sets has {name!r}, of which there is no run; there is "
                             f"{', '.join(there)}")  # fmt: skip
    return frame[frame["dataset"].isin(wanted)].reset_index(drop=True)


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
