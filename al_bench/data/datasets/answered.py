"""A data set with people's answers from another file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import one_of
from al_bench.data.datasets.check import checked_dataset, refuse
from al_bench.data.datasets.columns import (
    absent_of,
    column_of,
    human_columns,
    open_parquet,
    why_absent,
    without_gaps,
)
from al_bench.data.datasets.people import people_columns
from al_bench.data.types import Dataset, Source, Split


@dataclass(frozen=True)
class Answered:
    """Another data set with human answers to one of its splits from a parquet file.

    It has the rows of `inner`, and so the same key and embeddings.

        >>> data = Answered(Packaged("vader"), "asked", "train", file="answers.parquet")

    Parameters
    ----------
    inner : the data set
    name : name in reports with these answers
    split : ``train`` or ``test``
    file : parquet, looked up below $AL_BENCH_DATA first
    row : the column with the row number of each line in the split, from 0
    label : the column that must equal the split's class numbers, which checks that the lines match
        the rows
    human, people : as in ``Texts``
    """

    brings: ClassVar = ("file",)

    inner: Source
    name: str
    split: str
    file: str
    row: str = "row"
    label: str = "label"
    human: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    people: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of(self.name, ("train", "test"), split=self.split)

    def absent(self) -> str | None:
        """Why the data are not on this machine, or None if they are or this is unknown."""
        return absent_of(self.inner) or why_absent(self.name, self.file)

    def load(self) -> Dataset:
        """FileNotFoundError if the file is missing, ValueError if it does not match the split."""
        dataset = self.inner.load()
        path, table = open_parquet(self.name, self.file)
        where = f"{self.name} {self.split} ({path})"
        split: Split = getattr(dataset, self.split)
        table = self.in_order(where, table, split)
        for source in self.human.values():
            for column in [source] if isinstance(source, str) else source:
                column_of(where, table, column)
        k = len(dataset.class_names)
        columns = human_columns(where, table, self.human, None, k)
        people = people_columns(where, table, self.people, None, k)
        found = replace(
            split, columns={**split.columns, **columns}, people={**split.people, **people}
        )
        train, test = (found, dataset.test) if self.split == "train" else (dataset.train, found)
        return checked_dataset(replace(dataset, name=self.name, train=train, test=test))

    def in_order(self, where: str, table: Any, split: Split) -> Any:
        """The lines in the order of the split; each row has one line, with the row's class."""
        rows = np.array(without_gaps(where, table, self.row))
        order = np.argsort(rows, kind="stable")
        if not np.array_equal(rows[order], np.arange(len(split))):
            raise ValueError(
                f"{where}: column {self.row!r} has {len(rows)} lines from {rows.min()} to "
                f"{rows.max()}; wanted one for each row 0..{len(split) - 1}"
            )
        table = table.select(order)
        labels = np.array(without_gaps(where, table, self.label))
        other = np.flatnonzero(labels != split.labels)
        where, wanted = f"{where}: column {self.label!r}", "those of the data set, row by row"
        refuse(where, other, lambda row: f"row {row} is {labels[row]}", wanted)
        return table
