"""``albench embed``: the outputs of foundation models on data sets, computed once and cached."""

from __future__ import annotations

import os
from pathlib import Path

from al_bench.cli.options import ConfigDir, Multirun, Overrides


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
    from al_bench.priors.device import THREADS
    from al_bench.runs.component import Component
    from al_bench.runs.config import workers
    from al_bench.runs.experiments import plans
    from al_bench.runs.parts import known_prior, load_dataset

    os.environ.setdefault(THREADS, str(workers(1)))  # every core, since no run needs one
    every = plans(overrides or (), config_dir).values()
    calls = {  # distinct pairs only, without composing the config of each of thousands of runs
        tuple(Component.of(group, job.at(group)) for group in ("dataset", "prior")): job
        for planned in every
        for job in planned
    }
    for pair, job in calls.items():
        dataset, prior = load_dataset(pair[0]), known_prior(pair[1])
        cache = Path(job.at("cache")).expanduser()
        for name, split in (("train", dataset.train), ("test", dataset.test)):
            embedded(dataset, name, split, prior, cache)
            print(f"{dataset.name} {name}: {len(split)} rows embedded", flush=True)
