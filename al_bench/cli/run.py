"""``albench run``: one run, sweeps and experiments, and Hydra's information about them."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from al_bench.cli.options import ConfigDir, Multirun, Overrides

# options of Hydra's parser that have no effect here
UNUSED = {
    "config_name": ("--config-name", "options, experiment=<name>, or --config-dir <folder>"),
    "config_path": ("--config-path", "--config-dir <folder>, whose options are used besides"),
    "experimental_rerun": ("--experimental-rerun", "the same command again, which goes on"),
}


def run(
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    again: Annotated[bool, typer.Option("--again", help="make finished runs anew")] = False,
    multirun: Multirun = False,
) -> None:
    """Run one configuration, a sweep (strategy=a,b) or experiments; finished runs are skipped.

    \b
    examples:
      albench run dataset=trec strategy=margin noise=symmetric noise.rate=0.2
      albench run strategy=random,margin,badge seed=0,1,2 hydra/launcher=joblib
      albench run experiment=savings
      albench run strategy=badge --cfg job      # what it is made of, without running it

    `albench list` shows the options of each group. Hydra's own --cfg, --info, --resolve, --package
    and --hydra-help are passed on.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach main, which prints them once
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no network unless asked for
    from hydra._internal.utils import get_args_parser

    from al_bench.runs.experiments import plans
    from al_bench.runs.plan import HERE
    from al_bench.runs.run import execute
    from al_bench.runs.sweep import sweep, sweep_all

    arguments = [*(overrides or ()), *(["again=true"] if again else ())]
    given = get_args_parser().parse_intermixed_args(arguments)
    check_used(given)
    if given.hydra_help or given.cfg or given.info or given.shell_completion:
        show_hydra(arguments, given, config_dir)
        return
    every = plans(given.overrides, config_dir)
    ((name, planned), *others) = every.items()
    if others:
        sweep_all(every, config_dir)
    elif len(planned) > 1 or planned.hydra.launcher["_target_"] != HERE:
        sweep(planned, config_dir, name)
    else:
        execute(planned[0])


def check_used(given: Namespace) -> None:
    """ValueError for an option of Hydra's that has no effect here."""
    for key, (option, wanted) in UNUSED.items():
        if getattr(given, key, None) is not None:
            raise ValueError(f"{option} {getattr(given, key)} would change nothing: al_bench has "
                             f"one configuration; wanted {wanted}")  # fmt: skip


def show_hydra(arguments: Sequence[str], given: Namespace, extra: Path | None) -> None:
    """Print Hydra's information about a config, itself or shell completion; nothing is run."""
    import hydra

    from al_bench.runs.composing import prepare_hydra, search
    from al_bench.runs.config import as_hydra_takes, config_dir, trust_folder

    if extra is not None:
        trust_folder(extra)
    flags = [argument for argument in arguments if argument not in given.overrides]
    sys.argv = ["albench run", *search(extra), *flags, *as_hydra_takes(given.overrides)]
    prepare_hydra()

    def nothing(config: Any) -> None: ...

    hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="config")(nothing)()


def embed(
    overrides: Overrides = None, config_dir: ConfigDir = None, multirun: Multirun = False
) -> None:
    """Fill the embedding cache for a configuration or every run of an experiment.

    \b
    examples:
      albench embed experiment=savings
      albench embed dataset=trec prior=packaged

    Blocks are stored one by one: several processes or machines can fill one cache together, and a
    killed one loses one block.
    """
    from al_bench.data.build import embedded
    from al_bench.priors.weights import THREADS
    from al_bench.runs.component import Component
    from al_bench.runs.config import workers
    from al_bench.runs.experiments import plans
    from al_bench.runs.run import known_prior, load_dataset

    os.environ.setdefault(THREADS, str(workers(1)))  # every core, since no run needs one
    every = plans(overrides or (), config_dir).values()
    calls: dict[tuple[Component, Component, bool], Path] = {}  # distinct ones only
    for job in (job for planned in every for job in planned):
        dataset, cache = Component.of("dataset", job.at("dataset")), Path(job.at("cache"))
        calls[dataset, Component.of("prior", job.at("prior")), True] = cache
        if model := (job.at("annotators") or {}).get("prior"):  # which answers pool rows alone
            calls[dataset, Component.of("prior", model), False] = cache
    for (dataset, prior, tested), cache in calls.items():
        data = load_dataset(dataset)
        for name, split in {"train": data.train, **({"test": data.test} if tested else {})}.items():
            embedded(data, name, split, known_prior(prior), cache.expanduser())
            print(f"{data.name} {name}: {len(split)} rows embedded", flush=True)
