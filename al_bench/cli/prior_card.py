"""``albench prior``: the report card of a prior, before anything is queried.

Only here are labels used to evaluate a prior alone. It is evaluated on the whole split and the data
set's own classes, without imbalance and noise.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints
from al_bench.data.types import Dataset, Prior, Split
from al_bench.runs.plan import plan


def make(
    overrides: Sequence[str], split: str, rows: int | None, name: str | None, extra: Path | None
) -> list[Path]:
    """Evaluate one prior on one data set, print its card and write it as md, json and png."""
    jobs = list(plan(overrides, extra))
    if len(jobs) > 1:
        raise ValueError(f"one card at a time; these overrides stand for {len(jobs)} runs")
    job = jobs[0]
    from al_bench.core.threads import limit_threads
    from al_bench.report.prior_card import card_of, card_tables, write_card
    from al_bench.report.tables.render import print_tables
    from al_bench.runs.component import Component
    from al_bench.runs.run import known_prior, load_dataset

    limit_threads(int(job.at("threads")))
    dataset = load_dataset(Component.of("dataset", job.at("dataset")))
    prior = known_prior(Component.of("prior", job.at("prior")))
    own = prior.choose(dataset.modality) if hasattr(prior, "choose") else prior
    given = {"--split": split, "--rows": rows, "--name": name, "--config-dir": extra}
    more = [str(one) for pair in given.items() if pair[1] not in (None, "test") for one in pair]
    card = {
        "name": name or f"{dataset.name}_{job.choices['prior']}",
        "command": shlex.join(["albench", "prior", *overrides, *more]),
        "split": split,
        "dataset": dataset.key,
        "prior": own.key,
        "encoder": prior.encoder(dataset.modality).key,
        "class_names": list(dataset.class_names),
        "prompts": list(dataset.prompts),
    }
    card |= card_of(*measured(dataset, prior, split, rows, Path(job.at("cache")).expanduser()))
    print_tables(card_tables(card))
    return write_card(card, Path(job.at("results")) / "priors")


def measured(
    dataset: Dataset, prior: Prior, split: str, rows: int | None, cache: Path
) -> tuple[Floats, Ints]:
    """(n, k) zero-shot probabilities, from the cache, and (n,) labels of a split."""
    from al_bench.data.build import embedded

    some = sampled(dataset.train if split == "train" else dataset.test, rows)
    name = split if rows is None else f"{split}, {len(some)} rows"
    return embedded(dataset, name, some, prior, cache)[1], some.labels


def sampled(split: Split, rows: int | None) -> Split:
    """The split, or a random sample of its rows, the same at every call."""
    if rows is None or rows >= len(split):
        return split
    index = np.sort(rng(0, "report card").choice(len(split), size=rows, replace=False))
    return split.take(index)
