"""Texts in parquet files, read in place, with several people's answers to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import one_of
from al_bench.core.hashing import digest
from al_bench.data.datasets.check import checked_dataset, refuse
from al_bench.data.datasets.columns import (
    absent_of,
    aliases,
    class_words,
    column_of,
    human_columns,
    label_names,
    numbered,
    open_parquet,
    people_columns,
    rows_where,
    why_absent,
    without_gaps,
)
from al_bench.data.types import Dataset, Source, Split


@dataclass(frozen=True)
class Texts:
    """Texts of one or two parquet files, with human answers to the rows of the pool.

        >>> data = Texts("mine", pool=file, test=file).load()

    Parameters
    ----------
    name : name in reports
    pool, test : the file of each split, looked up below $AL_BENCH_DATA first
    pool_rows, test_rows : which of its rows, as allowed values by column; {}: all
    input : columns of text, joined by a new line
    label, class_names, prompts, human : as in ``Hub``
    people : tables of several people's answers by name, each with `answers` (columns), `who`
        (``place``, ``column`` or columns) and `missing` (see ``al_bench.data.datasets.columns``)
    """

    brings: ClassVar = ("pool", "test")

    name: str
    pool: str
    test: str
    pool_rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    test_rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    input: Sequence[str] = ("text",)
    label: str = "label"
    class_names: Mapping[str, str] | Sequence[str] | None = None
    prompts: Sequence[str] = ("This text is about {}.",)
    human: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    people: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def absent(self) -> str | None:
        """Why the files are not on this machine, or None if they are; reads nothing."""
        return why_absent(self.name, self.pool, self.test)

    def load(self) -> Dataset:
        """FileNotFoundError if a file is missing, ValueError if it is not as described."""
        path, pool = open_parquet(self.name, self.pool)
        other, test = open_parquet(self.name, self.test)
        where, there = f"{self.name} train ({path})", f"{self.name} test ({other})"
        pool = rows_where(where, pool, self.pool_rows)
        test = rows_where(there, test, self.test_rows)
        own = label_names(where, pool, column_of(where, pool, self.label))
        names = class_words(f"{where}: column {self.label!r}", own, self.class_names)
        train = self.split(where, pool, own, len(names))
        columns = human_columns(where, pool, self.human, own, len(names))
        people = people_columns(where, pool, self.people, own, len(names))
        origins = [f"sha256:{digest(path)}", alike(self.pool_rows)]
        origins += [f"sha256:{digest(other)}", alike(self.test_rows)]
        return checked_dataset(
            Dataset(
                name=self.name,
                key=",".join(map(str, [self.name, *origins, *self.input, self.label])),
                modality="text",
                train=replace(train, columns=columns, people=people),
                test=self.split(there, test, own, len(names)),
                class_names=names,
                prompts=tuple(self.prompts),
                aliases=aliases(own, names, self.class_names),
            )
        )

    def split(self, where: str, table: Any, own: Sequence[str] | None, n_classes: int) -> Split:
        parts = [without_gaps(where, table, column) for column in self.input]
        texts = parts[0] if len(parts) == 1 else list(map("\n".join, zip(*parts, strict=True)))
        return Split(texts, numbered(where, table, self.label, own, n_classes))


def alike(rows: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    return {column: list(rows[column]) for column in sorted(rows)}


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
