"""The Python API: problems, runs, results and plots; the command line is a thin shell around it.

A component is given by the name of an option (``strategy="badge"``) or as an object
(``strategy=Mine()``); parameters of an option are set by overrides (``"noise.rate=0.4"``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_bench.core.loop import Round
from al_bench.core.problem import Problem

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from al_bench.runs.plan import Job

OWN_ARRAYS = {"imbalance": "natural", "noise": "clean", "prior": "given"}


def make_problem(
    dataset: Any = "wordnet_nouns25",
    imbalance: Any = "natural",
    noise: Any = "clean",
    prior: Any = "packaged",
    annotators: Any = None,
    seed: int = 0,
    overrides: Sequence[str] = (),
) -> Problem:
    """The pool and test rows of a data set with an imbalance, label noise and a prior. annotators:
    several annotators instead of one with label noise `noise` (None). Embeddings are computed once
    and kept in the cache folder (AL_BENCH_CACHE)."""
    from al_bench.runs.run import problem_of

    choices = {"dataset": dataset, "imbalance": imbalance, "noise": noise, "prior": prior}
    choices["annotators"] = annotators
    return problem_of(chosen(choices, seed, overrides))


def active_learning(
    problem: Problem,
    strategy: Any = "margin",
    init: Any = "random",
    supervision: Any = "labels",
    learner: Any = "linear",
    protocol: Any = "small",
    label_model: Any = None,
    annotator_selection: Any = None,
    seed: int = 0,
    overrides: Sequence[str] = (),
) -> Iterator[Round]:
    """Yield the rounds of one run in memory; round 0 is the prior alone. Nothing is written. With
    several annotators, label_model merges their answers (None: majority vote), and
    annotator_selection chooses whom to ask (None: each in turn)."""
    from al_bench.core import loop
    from al_bench.runs.run import parts_of

    choices = {"strategy": strategy, "init": init, "supervision": supervision}
    choices |= {"learner": learner, "protocol": protocol}
    choices |= {"label_model": label_model, "annotator_selection": annotator_selection}
    job = chosen(choices, seed, overrides)
    check_own(choices, job)
    parts, _ = parts_of(job, problem)
    yield from loop.active_learning(parts, problem, job.at("seed"))


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
    """Make one run and return its rounds as a tidy table. A finished run is read, an interrupted
    one resumed, and one that another process is making is waited for.

    problem: made of your own arrays, called `name` in tables; it replaces dataset, imbalance,
    noise, annotators and prior. choices: components by group, None for no component of an optional
    group; results: the folder whose ``runs/`` is written; config_dir: a folder with your own
    options. ValueError if a group is chosen that the problem replaces."""
    from al_bench.report.results import read_runs
    from al_bench.runs.run import Silent, execute

    extra = None if config_dir is None else Path(config_dir)
    job = chosen((OWN_ARRAYS if problem is not None else {}) | choices, seed, overrides, extra)
    own: dict[str, Any] = {"results": str(results), "again": again}
    if problem is not None:
        from al_bench.runs.run import given_problem

        check_own(choices, job)
        own["dataset"] = given_problem(problem, name)
    done = execute(job.having(own), problem=problem, wait=True, say=Silent())
    frame: pd.DataFrame = read_runs(Path(results) / "runs", [done]).frame
    return frame


def sweep(
    problem: Problem | None = None,
    *,
    seed: int | Iterable[int] = (0, 1, 2, 3, 4),
    n_jobs: int = 1,
    **options: Any,
) -> pd.DataFrame:
    """Make a run for every seed and every combination of the options that are lists or tuples.
    options: as for `run`; n_jobs: number of parallel runs. Returns the rounds of all runs, in the
    usual order of tables of results."""
    import pandas as pd
    from joblib import Parallel, delayed

    from al_bench.report.results import sorted_rounds

    fixed = {key: options.pop(key) for key in ("overrides", "config_dir") if key in options}
    listed = {key: v if isinstance(v, list | tuple) else [v] for key, v in options.items()}
    seeds = list(seed) if isinstance(seed, Iterable) else [seed]
    jobs = [
        fixed | dict(zip(listed, values, strict=True)) | {"seed": number}
        for values in product(*listed.values())
        for number in seeds
    ]
    frames = Parallel(n_jobs=n_jobs)(delayed(run)(problem, **job) for job in jobs)
    return sorted_rounds(pd.concat(frames))


def load_results(source: str | Path, results: str | Path = "results") -> pd.DataFrame:
    """One tidy table, a row per run and round, of a parquet file, a folder of runs or, by name, a
    report whose ``<name>.parquet`` is in the folder `results`. FileNotFoundError if there is
    none."""
    from al_bench.report.results import load

    frame: pd.DataFrame = load(source, results)
    return frame


def savings(
    frame: pd.DataFrame,
    ours: Mapping[str, Any],
    baselines: Sequence[Mapping[str, Any]] | None = None,
    metric: str = "balanced_accuracy",
) -> pd.DataFrame:
    """How a method compares with the best baseline, one row per setting: the share of the budget at
    which it reaches the baseline's final accuracy, what that saves, and differences in the metric.

    ours: the method by its columns, ``{"strategy": "codecision"}``; baselines: the same for each
    baseline (None: all other published methods)."""
    from al_bench.report.claims import savings_table

    return savings_table(frame, ours, baselines, metric)


def plot_learning_curves(
    frame: pd.DataFrame, metric: str = "balanced_accuracy", ax: Axes | None = None
) -> Any:
    """Mean learning curves with 95 % bands over seeds; returns the matplotlib axes drawn on."""
    from al_bench.report.figures.figures import plot_learning_curves as plot

    return plot(frame, metric=metric, ax=ax)


def chosen(
    choices: Mapping[str, Any], seed: int, overrides: Sequence[str], extra: Path | None = None
) -> Job:
    """The run of options by name and components as objects; None leaves a group as it is."""
    from al_bench.runs.config import OPTIONAL
    from al_bench.runs.plan import plan

    try:
        seed = index(seed)  # numpy integers too
    except TypeError:
        raise ValueError(f"seed is {seed!r}; wanted a whole number") from None
    if isinstance(overrides, str):
        raise ValueError(f"overrides is {overrides!r}; wanted a list of such texts")
    names = {group: option for group, option in choices.items() if isinstance(option, str)}
    parts = {g: part for g, part in choices.items()
             if g not in names and not (part is None and g in OPTIONAL)}  # fmt: skip
    lines = [f"{group}={option}" for group, option in names.items()]
    planned = plan(["logger=none", *lines, *overrides, f"seed={seed}"], extra)
    if len(planned) != 1:
        raise ValueError(f"{', '.join([*lines, *overrides])} stand for {len(planned)} runs; wanted "
                         "one (al_bench.sweep takes lists of options)")  # fmt: skip
    return planned[0].having({group: given(group, part) for group, part in parts.items()})


def given(group: str, part: Any) -> Mapping[str, Any]:
    """The config node of an object; a classifier of scikit-learn becomes a learner. ValueError if
    the object is no component."""
    from al_bench.runs.component import Component
    from al_bench.runs.config import GROUPS, OPTIONAL

    if group not in (*GROUPS, *OPTIONAL):
        raise ValueError(f"there is no group {group!r}; there are {', '.join(GROUPS + OPTIONAL)}")
    if isinstance(part, type) or type(part).__module__ == "builtins":
        raise ValueError(f"{group} is {part!r}; wanted the name of an option, or an object that a "
                         "class of yours or ours makes")  # fmt: skip
    if group != "learner" or not hasattr(part, "get_params"):
        return Component.of(group, part).params
    from al_bench.learners import SklearnClassifier

    params = Component.of(group, SklearnClassifier(part)).params
    return {**params, "classifier": {**params["classifier"], "_convert_": "all"}}


def check_own(choices: Mapping[str, Any], job: Job) -> None:
    """ValueError if a group is chosen that a given problem replaces."""
    chosen = [group for group in ("dataset", *OWN_ARRAYS) if group in choices]
    chosen += [] if job.at("annotators") is None else ["annotators"]
    if chosen:
        raise ValueError(
            f"{chosen[0]} is chosen beside a problem, which has its own; wanted one of the two"
        )
