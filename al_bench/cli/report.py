"""``albench report``: which runs belong to an experiment, and where its tables and figures go."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from al_bench.cli.options import Log, Mode
from al_bench.cli.status import absent
from al_bench.runs.component import run_id
from al_bench.runs.config import config_folders, is_sweep
from al_bench.runs.experiments import experiments, plans
from al_bench.runs.options import option_of
from al_bench.runs.plan import Job, composed

if TYPE_CHECKING:
    from al_bench.analysis.analysis import Analysis
    from al_bench.analysis.frame import Missing, Results
    from al_bench.analysis.spec import ReportSpec


def make(
    overrides: Sequence[str],
    name: str | None,
    out: Path | None,
    parquet: bool,
    known: Sequence[Path],
    quiet: bool,
    log: Log,
    mode: Mode,
    extra: Path | None,
) -> None:
    """Write results/<name>.parquet, a page, tables, figures and details; print the main table."""
    config = options_of(overrides, extra)
    from al_bench.analysis.analysis import analyse
    from al_bench.analysis.frame import read_parquet, write_parquet
    from al_bench.report.build import write

    name = name or name_of(overrides)
    folder = Path(config.results)
    out = out or folder
    written = []
    if parquet:
        results = read_parquet(folder / f"{name}.parquet")
    else:
        results = read(overrides, extra, folder / "runs", known)
        written = [write_parquet(results, out / f"{name}.parquet")]
    analysis = analyse(results, spec_of(config))
    written += write(analysis, name, out)
    if not quiet:
        show(analysis)
    print("\n".join(str(path) for path in written))
    if log == Log.WANDB:
        table = folder / f"{name}.parquet" if parquet else written[0]
        log_to_wandb(name, analysis, written, table, folder, mode)


def name_of(overrides: Sequence[str]) -> str:
    """The name of a report: its experiments', or where it has none one by its overrides."""
    names, rest = experiments(overrides)
    if names:
        return "_".join(name.replace("/", "_") for name in names)
    name = f"runs_{sha256(' '.join(sorted(rest)).encode()).hexdigest()[:6]}"
    print(f"the report is called {name}; --name gives it another name")
    return name


def options_of(overrides: Sequence[str], extra: Path | None) -> DictConfig:
    """The configuration of the (first) experiment: what its report shows, where results lie."""
    names, rest = experiments(overrides)
    first = [f"experiment={name}" for name in names[:1]]
    return composed([*first, *(o for o in rest if not is_sweep(o))], extra)


def read(
    overrides: Sequence[str], extra: Path | None, folder: Path, known: Sequence[Path] = ()
) -> Results:
    """Every run of the experiments, of those that are not in the folder what `known` parquet files
    have; those that cannot be made here are listed with the reason."""
    from al_bench.analysis.frame import (
        NOT_STARTED,
        completed,
        read_parquet,
        read_runs,
        without_data,
    )

    planned = plans(overrides, extra).values()
    jobs = {run_id(job.science): job for one in planned for job in one}
    results = completed(read_runs(folder, jobs), [read_parquet(path) for path in known])
    todo = [run.id for run in results.unfinished if run.why == NOT_STARTED]
    todo += [run.id for run in results.failed if run.why.startswith("FileNotFoundError")]
    gone = absent({name: jobs[name] for name in todo})
    return without_data(results, {name: missing(name, jobs[name], extra) for name in gone})


def missing(name: str, job: Job, extra: Path | None) -> Missing:
    """A run whose data set is not here, described as finished runs are."""
    from al_bench.analysis.frame import NOT_AVAILABLE, Missing, describe
    from al_bench.analysis.keys import columns_of

    science, folders = job.science, config_folders(extra)
    groups = ("dataset", "imbalance", "noise", "strategy")
    choices = {g: option_of(g, science[g], folders, job.choices.get(g)) for g in groups}
    columns = columns_of(choices, science)
    where = {c: columns[c] for group in groups[:3] for c in (group, f"{group}_config")}
    return Missing(name, describe(choices, science, science["seed"]), NOT_AVAILABLE, where)


def show(analysis: Analysis) -> None:
    """The tables of the page, and of each setting the main one, on the terminal."""
    from rich.console import Console

    from al_bench.report.tables.render import console
    from al_bench.report.tables.tables import main_tables, summary

    print(analysis.results.summary())
    terminal = Console(width=None if sys.stdout.isatty() else 140)
    for table in (*main_tables(analysis), *summary(analysis)):
        terminal.print(console(table))


def spec_of(config: DictConfig) -> ReportSpec:
    """What an experiment wants its report to show."""
    from al_bench.analysis.spec import ReportSpec

    options = OmegaConf.to_container(config.report, resolve=True)
    assert isinstance(options, dict)
    try:
        return ReportSpec(**{str(key): value for key, value in options.items()})
    except TypeError as error:
        raise ValueError(f"report: {error}".replace("ReportSpec.__init__() ", "")) from None


def headline(analysis: Analysis) -> dict[str, float]:
    """By setting, the mean area under the curve of every method, and the fraction of labels that it
    saves over random and over the best baseline."""
    from al_bench.analysis.savings import area

    found, names = {}, analysis.names
    for one in analysis.found:
        place, setting = names.place(one.setting.place), one.setting
        for method in setting.methods:
            value = area(setting.of(method), setting.labels, log=False).mean()
            found[f"area/{place}/{names.method(method)}"] = float(value)
        for rival, compared in (("random", one.over_random), ("best", one.over_best)):
            for method, comparison in compared.items():
                saved = float(comparison.saving("integrated").value)
                found[f"saved over {rival}/{place}/{names.method(method)}"] = saved
    return {key: value for key, value in found.items() if isfinite(value)}


def log_to_wandb(
    name: str,
    analysis: Analysis,
    written: Sequence[Path],
    results: Path,
    folder: Path,
    mode: str,
) -> None:
    """One W&B run with the experiment's tables, figures and savings, and the parquet file of its
    results as an artifact, of which W&B makes a new version where its content is a new one."""
    import wandb

    from al_bench.report.tables.tables import tables
    from al_bench.runs.loggers import start_wandb

    about = {"runs": int(analysis.frame["id"].nunique()), "metric": analysis.spec.metric}
    about |= {"ours": [analysis.names.method(ours) for ours in analysis.sides.ours]}
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
