"""``albench claim``: what one method saves over others, from a parquet file alone."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from al_bench.cli.parsers import with_examples
from al_bench.cli.report import name_of, options_of, spec_of

if TYPE_CHECKING:
    import pandas as pd

    from al_bench.analysis.spec import ReportSpec

ABOUT = "Hold the claims of an experiment, or one of your own, on its parquet file."
MORE = """
  albench claim experiment=savings
  albench claim experiment=savings --sets trec,vader --each
  albench claim mine.parquet --ours strategy=mine,learner=mlp --against strategy=margin
"""


def main(arguments: Sequence[str]) -> int:
    """Print the tables of the claims; nothing is written."""
    options = parser().parse_intermixed_args(arguments)
    path, spec = asked(options)
    from rich.console import Console

    from al_bench.analysis.claims import claims_on
    from al_bench.analysis.frame import read_parquet
    from al_bench.analysis.ground import ground, narrowed
    from al_bench.report.tables.claims import over_sets, set_by_set
    from al_bench.report.tables.render import console

    results = read_parquet(path)
    frame = of_sets(narrowed(results.frame, spec), options.sets)
    on = ground(frame, spec, results.partial)
    claims = claims_on(on, spec)
    shown = [over_sets(claimed, on.names) for claimed in claims]
    if options.each:
        shown += [set_by_set(claimed, on.names) for claimed in claims]
    print(results.summary())
    terminal = Console(width=None if sys.stdout.isatty() else 140)
    for table in shown:
        terminal.print(console(table))
    return 0


def asked(options: argparse.Namespace) -> tuple[Path, ReportSpec]:
    """The parquet file, and the claims to hold on it."""
    from al_bench.analysis.table import claim_spec

    files = [Path(one) for one in options.source if one.endswith(".parquet")]
    overrides = [one for one in options.source if not one.endswith(".parquet")]
    if len(files) > 1:
        raise ValueError(f"albench claim has {len(files)} parquet files; wanted one")
    if not (overrides or options.ours):
        raise ValueError(f"albench claim has {files[0]} without a claim; wanted experiment=<name>, "
                         "whose claims to hold, or --ours")  # fmt: skip
    if options.against and not options.ours:
        raise ValueError("albench claim has --against without --ours; wanted both, or neither")
    own: ReportSpec | None = None
    if options.ours:
        ours, against = selection(options.ours), list(map(selection, options.against))
        own = claim_spec(ours, against, options.metric)
    if not overrides:
        assert own is not None
        return files[0], own
    config = options_of(overrides, options.config_dir)
    path = files[0] if files else Path(config.results) / f"{name_of(overrides)}.parquet"
    spec = spec_of(config)
    if own is not None:
        (claim,) = own.claims
        given = {"baselines": own.baselines} if own.baselines else {}
        spec = replace(spec, claims=[{**claim, **given}])
    if not spec.claims:
        raise ValueError(f"report.claims of {name_of(overrides)} is empty; wanted --ours")
    return path, spec


def selection(text: str) -> dict[str, Any]:
    """Columns and their values from ``strategy=margin,learner.balance=[none,weights]``."""
    pairs = [part.partition("=") for part in re.split(r",(?![^\[]*\])", text)]
    if not all(key and equals and value for key, equals, value in pairs):
        raise ValueError(f"{text!r} is no selection of a method; wanted column=value,column=value")
    return {key: yaml.safe_load(value) for key, _, value in pairs}


def of_sets(frame: pd.DataFrame, names: str | None) -> pd.DataFrame:
    """The runs on some data sets, or all; ValueError where one has none."""
    if names is None:
        return frame
    wanted, there = names.split(","), sorted(frame["dataset"].unique())
    for name in wanted:
        if name not in there:
            raise ValueError(f"--sets has {name!r}, of which there is no run; there is "
                             f"{', '.join(there)}")  # fmt: skip
    return frame[frame["dataset"].isin(wanted)].reset_index(drop=True)


def parser() -> argparse.ArgumentParser:
    made = with_examples("claim", ABOUT, MORE)
    made.add_argument(
        "source",
        nargs="+",
        help="experiment=<name>, whose claims are held on results/<name>.parquet, a parquet file, "
        "or both",
    )
    made.add_argument("--ours", metavar="COLUMN=VALUE,...", help="one method, by its columns")
    made.add_argument(
        "--against",
        nargs="+",
        default=(),
        metavar="COLUMN=VALUE,...",
        help="its rivals (default: the report's baselines, or all published methods)",
    )
    made.add_argument("--sets", metavar="A,B", help="data sets (default: all)")
    made.add_argument("--each", action="store_true", help="the tables set by set too")
    made.add_argument("--metric", default="balanced_accuracy", help="where no experiment says it")
    made.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    return made
