"""Dropping classes too rare to be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al_bench.problem.types import Dataset, Split
from al_bench.state import Ints


def without_rare(dataset: Dataset, min_count: int) -> Dataset:
    """The data set without classes of fewer than `min_count` training rows, renumbered in order.

    ValueError where fewer than two classes are left, or where human columns name a dropped class.
    """
    if min_count < 1:
        raise ValueError(f"{dataset.name}: min_count is {min_count}; wanted at least 1")
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
    number = np.where(stays, np.cumsum(stays) - 1, -1)
    names = tuple(name for name, stay in zip(dataset.class_names, stays, strict=True) if stay)
    train, test = _renumber(dataset.train, number), _renumber(dataset.test, number)
    return replace(dataset, train=train, test=test, class_names=names)


def _renumber(split: Split, number: Ints) -> Split:
    rows = np.flatnonzero(number[split.labels] >= 0)
    kept = split.take(rows)
    return replace(kept, labels=number[kept.labels])
