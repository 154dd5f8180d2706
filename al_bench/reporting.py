"""``albench report``: which runs belong to an experiment, and where its tables and figures go."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from al_bench.config import Job, plan
from al_bench.store import run_id

if TYPE_CHECKING:
    from al_bench.report.analysis import Analysis

ABOUT = "Build the tables and figures of experiments from their runs or their parquet file."


def main(arguments: Sequence[str]) -> int:
    """Write results/<name>.parquet, tables, figures and a page; print the main table."""
    options = parser().parse_args(arguments)
    jobs, name = jobs_of(options.overrides, options.config_dir, options.name)
    from al_bench.report.analysis import analyse
    from al_bench.report.build import write
    from al_bench.report.frame import read_parquet, read_runs, write_parquet
    from al_bench.report.references import with_references

    out = Path(options.out or jobs[0].config.results)
    parquet = out / f"{name}.parquet"
    if options.parquet:
        results = read_parquet(parquet)
    else:
        names = {run_id(job.science) for job in jobs}
        results = read_runs(Path(jobs[0].config.results) / "runs", names)
    if not options.parquet:
        write_parquet(results, parquet)
    spec, results = with_references(spec_of(jobs), results)
    analysis = analyse(results, spec)
    written = write(analysis, name, out)
    show(analysis)
    print("\n".join(str(path) for path in [parquet, *written]))
    if options.log == "wandb":
        log_to_wandb(name, analysis, written, Path(jobs[0].config.results), options.mode)
    return 0


def show(analysis: Analysis) -> None:
    """The main table of every setting and the claims on the terminal; the files have the others."""
    from rich.console import Console

    from al_bench.report import tables
    from al_bench.report.claim_tables import over_sets
    from al_bench.report.overall import ranking
    from al_bench.report.render import console

    print(analysis.results.summary())
    shown = [tables.main(analysis, found) for found in analysis.found]
    if len(shown) > 1:
        shown.append(ranking(analysis))
    shown += map(over_sets, analysis.claims)
    terminal = Console(width=None if sys.stdout.isatty() else 140)
    for table in shown:
        terminal.print(console(table))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("albench report", description=ABOUT)
    made.add_argument(
        "overrides", nargs="+", help="experiment=a, experiment=a,b, or what was given to run -m"
    )
    made.add_argument("--name", help="name of the report; the experiment's by default")
    made.add_argument("--out", help="folder for tables and figures (default: results)")
    made.add_argument(
        "--parquet", action="store_true", help="read results/<name>.parquet instead of runs"
    )
    made.add_argument("--log", choices=("none", "wandb"), default="none")
    made.add_argument("--mode", choices=("offline", "online"), default="offline")
    made.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    return made


def jobs_of(
    overrides: Sequence[str], extra: Path | None, name: str | None
) -> tuple[list[Job], str]:
    """Every run of the named experiments, and what the report is called."""
    chosen = [o.removeprefix("experiment=") for o in overrides if o.startswith("experiment=")]
    rest = [o for o in overrides if not o.startswith("experiment=")]
    if not chosen:
        return list(plan(rest, extra)), name or "runs"
    experiments = chosen[0].split(",")
    jobs = [job for e in experiments for job in plan([f"experiment={e}", *rest], extra)]
    return jobs, name or "_".join(e.replace("/", "_") for e in experiments)


def spec_of(jobs: Sequence[Job]) -> Any:
    """What the (first) experiment wants its report to show."""
    from al_bench.report.spec import ReportSpec

    options = OmegaConf.to_container(jobs[0].config.report, resolve=True)
    assert isinstance(options, dict)
    try:
        return ReportSpec(**{str(key): value for key, value in options.items()})
    except TypeError as error:
        raise ValueError(f"report: {error}".replace("ReportSpec.__init__() ", "")) from None


def log_to_wandb(
    name: str,
    analysis: Analysis,
    written: Sequence[Path],
    folder: Path,
    mode: str,
) -> None:
    """One W&B run with the experiment's tables, figures and savings."""
    import wandb

    from al_bench.loggers import start_wandb
    from al_bench.report.tables import tables

    run = start_wandb(folder, project="al_bench", mode=mode, name=f"report {name}", group=name)
    try:
        for number, table in enumerate(tables(analysis)):
            shown = wandb.Table(columns=list(table.header), data=[list(r) for r in table.rows])
            run.log({f"tables/{number:02d} {table.title}": shown})
        for path in written:
            if path.suffix == ".png":
                run.log({f"figures/{path.stem}": wandb.Image(str(path))})
    finally:
        wandb.finish()
