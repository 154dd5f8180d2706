"""``albench embed``: what foundation models say of data sets, computed once and kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from al_bench.cli.options import ConfigDir, Log, Mode, Multirun, Overrides


def embed(
    overrides: Overrides = None,
    log: Log = Log.NONE,
    mode: Mode = Mode.OFFLINE,
    config_dir: ConfigDir = None,
    multirun: Multirun = False,
) -> None:
    """Fill the embedding cache for a configuration or every run of an experiment.

    \b
    examples:
      albench embed experiment=savings
      albench embed dataset=trec prior=packaged --log wandb    # and version what is kept, offline

    Blocks are kept one by one: several processes or machines may fill one cache together, and a
    killed one loses a block. With --log every array is an artifact, of which W&B makes a new
    version where its content is a new one.
    """
    import numpy as np

    from al_bench.priors.device import THREADS
    from al_bench.problem.build import embedded
    from al_bench.runs.component import Component
    from al_bench.runs.config import workers
    from al_bench.runs.experiments import plans
    from al_bench.runs.parts import known_prior, loaded

    os.environ.setdefault(THREADS, str(workers(1)))  # every core: no run beside it wants one
    every = plans(overrides or (), config_dir).values()
    calls = {  # without a whole config for each run: a suite has thousands of these pairs' runs
        tuple(Component.of(group, job.at(group)) for group in ("dataset", "prior")): job
        for planned in every
        for job in planned
    }
    kept, results = dict[Path, str](), Path()
    for pair, job in calls.items():
        dataset, prior, results = loaded(pair[0]), known_prior(pair[1]), Path(job.at("results"))
        for name, split in (("train", dataset.train), ("test", dataset.test)):
            arrays = embedded(dataset, name, split, prior, Path(job.at("cache")).expanduser())
            print(f"{dataset.name} {name}: {len(split)} rows embedded", flush=True)
            for what, array in zip(("embeddings", "zero-shot"), arrays, strict=True):
                if isinstance(array, np.memmap) and array.filename:  # others are not kept
                    kept[Path(array.filename).parent] = f"{what}-{dataset.name}-{name}"
    if log == Log.WANDB:
        log_to_wandb(kept, results, mode)


def log_to_wandb(kept: Mapping[Path, str], folder: Path, mode: str) -> None:
    """One W&B run whose artifacts are entries of the cache under these names; what made an entry
    is an artifact's metadata."""
    import wandb

    from al_bench.runs.loggers import start_wandb

    run = start_wandb(folder, project="al_bench", mode=mode, name="embeddings", group="embeddings")
    try:
        for entry, name in kept.items():
            about = json.loads((entry / "about.json").read_text("utf-8"))
            artifact = wandb.Artifact(name, type="foundation model", metadata=about)
            artifact.add_dir(str(entry), policy="immutable")  # it never changes: no copy is made
            run.log_artifact(artifact)
    finally:
        wandb.finish()
