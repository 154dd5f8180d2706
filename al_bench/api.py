"""The Python API: problems, runs, results and plots; the command line is a thin shell around it.

A component is given by the name of an option (``strategy="badge"``) or as an object
(``strategy=Mine()``); values inside an option by overrides (``"noise.rate=0.4"``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_bench.loop import Round
from al_bench.truth import Problem

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from omegaconf import DictConfig

OWN_ARRAYS = {"imbalance": "natural", "noise": "clean", "prior": "given"}


def make_problem(
    dataset: Any = "wordnet_nouns25",
    imbalance: Any = "natural",
    noise: Any = "clean",
    prior: Any = "packaged",
    seed: int = 0,
    overrides: Sequence[str] = (),
) -> Problem:
    """The pool and test rows of a data set under an imbalance, an annotator and a prior.

    Embeddings are computed once and kept in the cache folder (AL_BENCH_CACHE).
    """
    from al_bench.runs.parts import problem_of

    choices = {"dataset": dataset, "imbalance": imbalance, "noise": noise, "prior": prior}
    return problem_of(composed(choices, seed, overrides))


def active_learning(
    problem: Problem,
    strategy: Any = "margin",
    init: Any = "random",
    supervision: Any = "labels",
    learner: Any = "linear",
    protocol: Any = "small",
    seed: int = 0,
    overrides: Sequence[str] = (),
) -> Iterator[Round]:
    """Yield the rounds of one run in memory; round 0 is the prior alone. Nothing is written."""
    from al_bench.runs.parts import parts_of

    choices = {"strategy": strategy, "init": init, "supervision": supervision}
    choices |= {"learner": learner, "protocol": protocol}
    parts = parts_of(composed(choices, seed, overrides), problem)
    yield from parts.rounds(problem, seed)


def run(
    problem: Problem | None = None,
    *,
    name: str = "arrays",
    seed: int = 0,
    results: str | Path = "results",
    overrides: Sequence[str] = (),
    again: bool = False,
    config_dir: str | Path | None = None,
    **choices: Any,
) -> pd.DataFrame:
    """Make one run and return its rounds as a tidy table; done ones are read, cut ones go on.

    problem: of one's own arrays, called `name` in tables, in place of dataset, imbalance, noise and
    prior; choices: components by group; results: the folder whose ``runs/`` is written; config_dir:
    a folder of one's own options.
    """
    from al_bench.analysis.frame import read_runs
    from al_bench.configuration.config import config_folders
    from al_bench.runs.run import execute

    extra = None if config_dir is None else Path(config_dir)
    choices = (OWN_ARRAYS if problem else {}) | choices
    lines = [f"results={results}", f"again={again}", *overrides]
    config = composed(choices, seed, lines, extra)
    if problem is not None:
        from al_bench.runs.parts import given_problem

        config.dataset = given_problem(problem, name)
    done = execute(config, config_folders(extra), problem=problem, say=_quiet)
    frame: pd.DataFrame = read_runs(Path(results) / "runs", [done]).frame
    return frame


def sweep(
    problem: Problem | None = None,
    *,
    seed: int | Sequence[int] = (0, 1, 2, 3, 4),
    n_jobs: int = 1,
    **options: Any,
) -> pd.DataFrame:
    """Make a run for every combination of those options that are lists, and for every seed.

    options: as for `run`; n_jobs: so many runs at once. Returns the rounds of all runs.
    """
    import pandas as pd
    from joblib import Parallel, delayed

    fixed = {key: options.pop(key) for key in ("overrides", "config_dir") if key in options}
    listed = {key: v if isinstance(v, list) else [v] for key, v in options.items()}
    seeds = [seed] if isinstance(seed, int) else list(seed)
    jobs = [
        fixed | dict(zip(listed, values, strict=True)) | {"seed": number}
        for values in product(*listed.values())
        for number in seeds
    ]
    frames = Parallel(n_jobs=n_jobs)(delayed(run)(problem, **job) for job in jobs)
    frame: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return frame


def load_results(source: str | Path, results: str | Path = "results") -> pd.DataFrame:
    """One tidy table, a row a run and round, of a parquet file, a folder of runs or the name of a
    report, ``load_results("savings")``.

    results: the folder whose ``<name>.parquet`` is read for a name. FileNotFoundError where there
    is none of these.
    """
    from al_bench.analysis.frame import load

    frame: pd.DataFrame = load(source, results)
    return frame


def savings(
    frame: pd.DataFrame,
    ours: Mapping[str, Any],
    baselines: Sequence[Mapping[str, Any]] | None = None,
    metric: str = "balanced_accuracy",
) -> pd.DataFrame:
    """The fraction of labels that a method saves over the best baseline, setting by setting.

    ours: the method by its columns, ``{"strategy": "codecision"}``; baselines: the same for each of
    them (None: all other published ones).
    """
    from al_bench.analysis.table import savings_table

    return savings_table(frame, ours, baselines, metric)


def plot_learning_curves(
    frame: pd.DataFrame, metric: str = "balanced_accuracy", ax: Axes | None = None
) -> Any:
    """Mean learning curves with 95 % bands over seeds; returns the matplotlib axes drawn on."""
    from al_bench.report.figures.curves import plot_learning_curves as plot

    return plot(frame, metric=metric, ax=ax)


def composed(
    choices: Mapping[str, Any], seed: int, overrides: Sequence[str], extra: Path | None = None
) -> DictConfig:
    """The config of some choices: options by name, objects as the calls that make them."""
    from omegaconf import open_dict

    from al_bench.configuration.objects import node_of
    from al_bench.configuration.plan import plan

    names = {group: option for group, option in choices.items() if isinstance(option, str)}
    where = {"init": "strategy@init"}
    lines = [f"{where.get(group, group)}={option}" for group, option in names.items()]
    (job,) = plan(["logger=none", *lines, *overrides, f"seed={seed}"], extra)
    config = job.config
    with open_dict(config):
        for group, part in choices.items():
            if group not in names:
                config[group] = node_of(part)
    return config


def _quiet(_: str) -> None:
    """Say nothing."""
