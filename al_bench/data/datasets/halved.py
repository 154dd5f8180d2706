"""Parts of data sets: one split as pool and test, without rare classes, or a limit of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from al_bench.core.arrays import at_least, one_of
from al_bench.core.rng import rng
from al_bench.core.state import Ints
from al_bench.data.datasets.check import checked_dataset
from al_bench.data.datasets.columns import absent_of
from al_bench.data.types import Dataset, Source, Split


@dataclass(frozen=True)
class Halved:
    """Half of one split of another data set as the pool, the other half as the test split.

    Each half has half of every class.

        >>> data = Halved(Packaged("vader"), "half", split="train").load()

    Parameters
    ----------
    inner : a data set of texts or images
    name : name in reports
    split : ``train`` or ``test``, the split that is divided
    seed : of the division only
    """

    inner: Source
    name: str
    split: str = "test"
    seed: int = 0

    def __post_init__(self) -> None:
        one_of(self.name, ("train", "test"), split=self.split)

    def absent(self) -> str | None:
        """Why the data are not on this machine, or None if they are or this is unknown."""
        return absent_of(self.inner)

    def load(self) -> Dataset:
        """ValueError if a class has only one row, which cannot be in both halves."""
        whole = self.inner.load()
        if whole.modality == "features":
            raise ValueError(f"{self.name}: halves are made of texts or images, not of features")
        split: Split = getattr(whole, self.split)
        first, second = halves(split.labels, self.seed)
        key = f"{whole.key},half of {self.split},seed={self.seed}"
        train, test = split.take(first), split.take(second)
        return checked_dataset(replace(whole, name=self.name, key=key, train=train, test=test))


def halves(labels: Ints, seed: int) -> tuple[Ints, Ints]:
    """Row numbers of two halves, ascending; their sizes differ by at most one in each class."""
    draws = rng(seed, "halves").random(len(labels))
    order = np.lexsort((draws, labels))  # by class, random within a class
    return np.sort(order[::2]), np.sort(order[1::2])


def without_rare(dataset: Dataset, min_count: int) -> Dataset:
    """The data set without classes of fewer than `min_count` training rows, renumbered in order."""
    at_least(dataset.name, 1, min_count=min_count)
    k = len(dataset.class_names)
    stays = np.bincount(dataset.train.labels, minlength=k) >= min_count
    if stays.all() or min_count == 1:
        return dataset
    if stays.sum() < 2:
        raise ValueError(
            f"{dataset.name}: {stays.sum()} classes have {min_count} training rows or more; "
            "wanted at least 2, lower min_count"
        )
    if any(split.columns or split.people for split in (dataset.train, dataset.test)):
        raise ValueError(
            f"{dataset.name}: min_count={min_count} drops {k - stays.sum()} classes that the human "
            "columns name; wanted min_count=1 or no human columns"
        )
    number = np.cumsum(stays) - 1
    names = tuple(compress(dataset.class_names, stays))
    aliases = tuple(compress(dataset.aliases, stays))
    kept = [s.take(np.flatnonzero(stays[s.labels])) for s in (dataset.train, dataset.test)]
    train, test = (replace(split, labels=number[split.labels]) for split in kept)
    return replace(dataset, train=train, test=test, class_names=names, aliases=aliases)


def limited(dataset: Dataset, limit: int) -> Dataset:
    """At most `limit` random rows of each split, equal for every seed, at least one per class."""
    k = len(dataset.class_names)
    if not isinstance(limit, int) or limit < k:
        raise ValueError(f"dataset.limit is {limit!r}; wanted a whole number of at least {k}, a "
                         f"row for each class of {dataset.name}")  # fmt: skip
    train, test = (split.take(drawn_rows(split, limit)) for split in (dataset.train, dataset.test))
    return replace(dataset, key=f"{dataset.key}-limit-{limit}", train=train, test=test)


def drawn_rows(split: Split, limit: int) -> Ints:
    order = rng(0, "limit").permutation(len(split))
    firsts = np.unique(split.labels[order], return_index=True)[1]
    return np.sort(np.concatenate([order[firsts], np.delete(order, firsts)])[:limit])
