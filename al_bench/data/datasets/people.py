"""Several people's answers out of a table, and what a data set's yaml says of them."""

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
    """What several people said, by name, as a yaml tells of it.

    answers: columns of class numbers or of the data's own class names `own`; who: ``place`` (a
    column is the first answer, the second ...), ``column`` (each column is one person), or as many
    columns that say who gave each answer; missing: whether a cell may be empty or -1. ValueError,
    in one sentence, for an unknown class, a missing answer that is not declared, or one person's
    second answer to a row. O(n a) time; O(n w) memory for w people.
    """
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
    """Who gave each answer of a column, as a text; empty where nobody did."""
    values = table[column_of(where, table, (column,))][:]
    return ["" if value in NOBODY else str(value) for value in values]


def by_worker(where: str, answers: Ints, who: Sequence[Sequence[str]]) -> People:
    """(n, places) answers given by (places, n) people, with one column for each of the people."""
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
