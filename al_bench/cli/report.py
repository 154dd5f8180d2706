"""``albench report``: the tables and figures of an experiment's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from al_bench.cli.options import ConfigDir, Log, Mode, Multirun

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from al_bench.report.analysis import Analysis
    from al_bench.report.results import Missing, Results
    from al_bench.report.spec import ReportSpec
    from al_bench.runs.plan import Job


def report(
    overrides: Annotated[
        list[str], typer.Argument(help="experiment=a, experiment=a,b, or what was given to run")
    ],
    name: Annotated[
        str | None, typer.Option(help="name of the report; the experiment's by default")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder for tables and figures (default: results)")
    ] = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="read results/<name>.parquet instead of runs")
    ] = False,
    known: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE ...",
            help="parquet files of earlier reports, for the runs that are not in results/runs",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="print only what is written")] = False,
    log: Log = Log.NONE,
    mode: Mode = Mode.OFFLINE,
    config_dir: ConfigDir = None,
    multirun: Multirun = False,
) -> None:
    """Build the tables and figures of an experiment from its runs, or from its parquet file."""
    config = report_config(overrides, config_dir)
    from al_bench.report.analysis import analyse
    from al_bench.report.build import write_report
    from al_bench.report.results import read_parquet, write_parquet
    from al_bench.report.tables.render import print_tables
    from al_bench.report.tables.tables import answer, tables

    name = name or report_name(overrides)
    folder = Path(config.results)
    out = out or folder
    table = folder / f"{name}.parquet"
    written = []
    if parquet:
        results = read_parquet(table)
    else:
        results = read_results(overrides, config_dir, folder / "runs", known or ())
        table = write_parquet(results, out / f"{name}.parquet")
        written = [table]
    analysis = analyse(results, spec_of(config))
    written += write_report(analysis, name, out)
    print("\n".join(map(str, written)))
    if not quiet:
        print(results.summary())
        print_tables(tables(analysis)[:1])
        print(answer(analysis))
    if log == Log.WANDB:
        log_to_wandb(name, analysis, written, table, folder, mode)


def report_name(overrides: Sequence[str]) -> str:
    """The name of a report: that of its experiments, or else one made from its overrides."""
    from al_bench.runs.experiments import experiments

    names, rest = experiments(overrides)
    if names:
        return "_".join(name.replace("/", "_") for name in names)
    name = f"runs_{sha256(' '.join(sorted(rest)).encode()).hexdigest()[:6]}"
    print(f"the report is called {name}; --name gives it another name")
    return name


def report_config(overrides: Sequence[str], extra: Path | None) -> DictConfig:
    """The config of the (first) experiment: its report's spec and the folder of results."""
    from al_bench.runs.config import is_sweep
    from al_bench.runs.experiments import experiments
    from al_bench.runs.plan import composed

    names, rest = experiments(overrides)
    first = [f"experiment={name}" for name in names[:1]]
    return composed([*first, *(o for o in rest if not is_sweep(o))], extra)


def spec_of(config: DictConfig) -> ReportSpec:
    """The report spec of an experiment's config."""
    from omegaconf import OmegaConf

    from al_bench.report.spec import ReportSpec

    options: Any = OmegaConf.to_container(config.report, resolve=True)
    try:
        return ReportSpec(**options)
    except TypeError as error:
        raise ValueError(f"report: {error}".replace("ReportSpec.__init__() ", "")) from None


def read_results(
    overrides: Sequence[str], extra: Path | None, folder: Path, known: Sequence[Path]
) -> Results:
    """Every run of the experiments, from the folder or else from `known` parquet files."""
    from al_bench.cli.status import absent
    from al_bench.report.results import (
        NOT_STARTED,
        completed_from,
        read_parquet,
        read_runs,
        without_data,
    )
    from al_bench.runs.experiments import plans

    jobs = {job.id: job for one in plans(overrides, extra).values() for job in one}
    results = completed_from(read_runs(folder, jobs), [read_parquet(path) for path in known])
    todo = [run.id for run in results.unfinished if run.why == NOT_STARTED]
    todo += [run.id for run in results.failed if run.why.startswith("FileNotFoundError")]
    gone = absent([jobs[name] for name in todo], {})
    return without_data(results, {name: missing_run(name, jobs[name], extra) for name in gone})


def missing_run(name: str, job: Job, extra: Path | None) -> Missing:
    """A run whose data set is not available, described like a finished run."""
    from al_bench.report.keys import group_columns
    from al_bench.report.results import NOT_AVAILABLE, Missing, describe
    from al_bench.runs.config import config_folders
    from al_bench.runs.options import option_of

    science, folders = job.science, config_folders(extra)
    groups = ("dataset", "imbalance", "noise", "strategy")
    choices = {g: option_of(g, science[g], folders, job.choices.get(g)) for g in groups}
    columns = group_columns(choices, science)
    where = {c: columns[c] for group in groups[:3] for c in (group, f"{group}_config")}
    return Missing(name, describe(choices, science, science["seed"]), NOT_AVAILABLE, where)


def headline(analysis: Analysis) -> Mapping[str, float]:
    """By setting, each method's area under the curve and shares of the budget to reach others."""
    found, names = {}, analysis.names
    for one in analysis.settings:
        setting = names.setting(one.curves.setting)
        for method in one.curves.methods:
            found[f"area/{setting}/{names.method(method)}"] = one.curves.area(method)
        for rival, comparisons in (("random", one.over_random), ("best", one.over_best)):
            for method, comparison in comparisons.items():
                key = f"budget to reach {rival}/{setting}/{names.method(method)}"
                found[key] = comparison.efficiency.share
    return {key: value for key, value in found.items() if isfinite(value)}


def log_to_wandb(
    name: str, analysis: Analysis, written: Sequence[Path], results: Path, folder: Path, mode: str
) -> None:
    """One W&B run with the tables and figures, and the results' parquet file as an artifact."""
    import wandb

    from al_bench.report.tables.tables import tables
    from al_bench.runs.loggers import start_wandb

    about = {"runs": int(analysis.frame["id"].nunique()), "metric": analysis.spec.metric}
    about |= {"ours": [analysis.names.method(ours) for ours in analysis.roles.ours]}
    about |= analysis.names.shared() | dict(analysis.results.provenance)
    run = start_wandb(folder, project="al_bench", mode=mode, name=f"report {name}", group=name,
                      job_type="report", config=about)  # fmt: skip
    try:
        run.summary.update(headline(analysis))
        for number, table in enumerate(tables(analysis)):
            shown = wandb.Table(columns=list(table.header), data=[list(r) for r in table.rows])
            run.log({f"tables/{number:02d} {table.title}": shown})
        for path in written:
            if path.suffix == ".png":
                run.log({f"figures/{path.stem}": wandb.Image(str(path))})
        artifact = wandb.Artifact(f"results-{name}", type="results")
        artifact.add_file(str(results))
        run.log_artifact(artifact)
    finally:
        wandb.finish()
