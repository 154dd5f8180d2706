"""Several people's answers, read from a table as a data set's yaml describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from al_bench.core.state import ABSENT, Ints
from al_bench.data.datasets.check import refuse
from al_bench.data.datasets.columns import NOBODY, column_of, numbered
from al_bench.data.types import People

KEYS = ("answers", "who", "missing")


def people_columns(
    where: str,
    table: Any,
    people: Mapping[str, Mapping[str, Any]],
    own: Sequence[str] | None,
    n_classes: int,
) -> dict[str, People]:
    """Tables of several people's answers, by name, each described by a mapping in the yaml.

    answers: columns of classes; who: ``place`` (the columns are first answers, second answers ...),
    ``column`` (each column is one person), or the column with the person of each answer; missing:
    whether a cell may be empty or -1."""
    return {name: read_people(f"{where}: answers {name!r}", table, of, own, n_classes)
            for name, of in people.items()}  # fmt: skip


def read_people(
    where: str, table: Any, of: Mapping[str, Any], own: Sequence[str] | None, n_classes: int
) -> People:
    """One table of answers."""
    if set(of) != set(KEYS) or not isinstance(of["missing"], bool) or not of["answers"]:
        raise ValueError(
            f"{where} are told of by {dict(of)}; wanted answers: a list of columns, who: place, "
            "column or a list of columns, missing: true or false"
        )
    columns, who = [str(column) for column in of["answers"]], of["who"]
    given = [numbered(where, table, c, own, n_classes, of["missing"]) for c in columns]
    answers = np.stack(given, axis=1)
    if isinstance(who, str):
        if who not in ("place", "column"):
            raise ValueError(f"{where} have who={who!r}; wanted place, column or a list of columns")
        return People(answers, tuple(columns) if who == "column" else ())
    if len(who) != len(columns):
        raise ValueError(f"{where} have {len(columns)} columns and {len(who)} that say who gave "
                         "them; wanted as many")  # fmt: skip
    return by_worker(where, answers, [worker_names(where, table, str(column)) for column in who])


def worker_names(where: str, table: Any, column: str) -> list[str]:
    """The person of each answer in a column, as text; empty without an answer."""
    values = table[column_of(where, table, column)][:]
    return ["" if value in NOBODY else str(value) for value in values]


def by_worker(where: str, answers: Ints, who: Sequence[Sequence[str]]) -> People:
    """(n, places) answers, by the (places, n) people who gave them, as one column per person."""
    named = np.array(who).T
    given = answers != ABSENT

    def says(cell: Ints) -> str:
        has = "an answer and not who gave it" if given[tuple(cell)] else "who and not an answer"
        return f"row {cell[0]} has {has} at place {cell[1]}"

    refuse(where, np.argwhere(given != (named != "")), says, "both or neither")
    names, number = np.unique(named[given], return_inverse=True)
    rows = np.nonzero(given)[0]
    pairs, counts = np.unique(np.stack([rows, number]), axis=1, return_counts=True)
    if np.any(counts > 1):
        row, person = pairs[:, np.argmax(counts > 1)]
        raise ValueError(f"{where}: {names[person]!s} answered row {row} more than once; wanted "
                         "one answer of each to a row")  # fmt: skip
    table = np.full((len(answers), len(names)), ABSENT, dtype=np.int64)
    table[rows, number] = answers[given]
    return People(table, tuple(map(str, names)))
