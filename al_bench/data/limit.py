"""A limit on the rows of a data set, for quick trials; applied before imbalance and noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al_bench.core.rng import rng
from al_bench.core.state import Ints
from al_bench.data.types import Dataset, Split


def limited(dataset: Dataset, limit: int) -> Dataset:
    """At most `limit` random rows of each split, equal for every seed, at least one per class."""
    k = len(dataset.class_names)
    if not isinstance(limit, int) or limit < k:
        raise ValueError(f"dataset.limit is {limit!r}; wanted a whole number of at least {k}, a "
                         f"row for each class of {dataset.name}")  # fmt: skip
    train, test = (split.take(drawn_rows(split, limit)) for split in (dataset.train, dataset.test))
    return replace(dataset, key=f"{dataset.key}-limit-{limit}", train=train, test=test)


def drawn_rows(split: Split, limit: int) -> Ints:
    """The row numbers that are kept, ascending."""
    order = rng(0, "limit").permutation(len(split))
    firsts = np.unique(split.labels[order], return_index=True)[1]
    return np.sort(np.concatenate([order[firsts], np.delete(order, firsts)])[:limit])
