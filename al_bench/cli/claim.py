"""``albench claim``: how one method compares with others, from a parquet file only."""

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

    from al_bench.report.spec import ReportSpec


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
    print_tables([over_sets(claims, data.names)])
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
