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
