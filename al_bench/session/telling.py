"""Answers on their way into a session: read off values, tables and files, and checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from al_bench.datasets.check import UNSEEN
from al_bench.session.engine import ASKED
from al_bench.session.incoming import GIVEN
from al_bench.session.store import Store, insert_many
from al_bench.session.tables import column, columns_of
from al_bench.session.values import Answer

if TYPE_CHECKING:
    import pandas as pd

UNASKED = "unasked"  # source of an answer to a row that was never suggested
NOT_SURE = "?"  # in a table, where no class is called so


def table_answers(
    where: str, columns: Any, annotator: str, classes: Sequence[str]
) -> tuple[list[Answer], int]:
    """The answers of a table with columns id and answer, and perhaps annotator and seconds, and how
    many lines have none. An answer "?" says "not sure"."""
    names, given = column(where, columns, "id"), column(where, columns, "answer")
    who = columns.get("annotator", [None] * len(names))
    took = columns.get("seconds", [None] * len(names))
    found = []
    for line, (name, answer, by, seconds) in enumerate(zip(names, given, who, took, strict=True)):
        said = cell(answer)
        if said is None:
            continue
        unsure = said == NOT_SURE and NOT_SURE not in classes
        try:
            spent = None if cell(seconds) is None else float(seconds)
        except (TypeError, ValueError):
            raise ValueError(
                f"{where}: line {line + 1} took {seconds!r} seconds; wanted a number"
            ) from None
        found.append(Answer(str(name), None if unsure else said, cell(by) or annotator, spent))
    return found, len(names) - len(found)


def cell(value: Any) -> str | None:
    """What a cell of a table says, None where it is empty."""
    if value is None or value != value:  # NaN
        return None
    return str(value).strip() or None


def file_answers(path: Path, annotator: str, classes: Sequence[str]) -> tuple[list[Answer], int]:
    """The same of a csv, parquet or jsonl."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} of answers")
    return table_answers(str(path), columns_of(path), annotator, classes)


def listed(
    answers: Iterable[Answer] | pd.DataFrame, annotator: str, classes: Sequence[str]
) -> list[Answer]:
    """Answers as they are given in Python, a list or a data frame."""
    table: Any = answers
    if hasattr(table, "columns"):
        columns = {str(name): table[name].tolist() for name in table.columns}
        return table_answers("the data frame", columns, annotator, classes)[0]
    return list(table)


def append(store: Store, answers: Sequence[Answer], classes: Sequence[str], unasked: bool) -> int:
    """Append answers, all or none; how many.

    unasked: whether rows that were never suggested may be answered. ValueError, in one sentence,
    where an answer is no class, of no row, or of a row that was not asked about.
    """
    with store.writing() as connection:
        lines = []
        for one in answers:
            check(one, classes)
            row = store.number_of(one.id)
            if row is None:
                raise ValueError(f"an answer is of id {one.id!r}, which is no row of the session")
            asked = store.was_suggested(row)
            if not asked and not unasked:
                raise ValueError(
                    f"row {one.id!r} was never suggested; say --unasked (unasked=True in Python) "
                    "to answer it all the same"
                )
            source = ASKED if asked else UNASKED
            lines.append((row, one.annotator, one.answer, time(), one.seconds, source))
        names = ("row", "annotator", "answer", "time", "seconds", "source")
        insert_many(connection, "answers", names, lines)
    return len(lines)


def check(one: Answer, classes: Sequence[str]) -> None:
    """ValueError where an answer is no class, its annotator no name, or its time no time."""
    if one.answer is not None and one.answer not in classes:
        raise ValueError(
            f"the answer about {one.id!r} is {one.answer!r}; wanted one of {', '.join(classes)}"
        )
    check_annotator(one.annotator)
    if one.seconds is not None and not (isfinite(one.seconds) and one.seconds >= 0):
        raise ValueError(
            f"the answer about {one.id!r} took {one.seconds} seconds; wanted 0 or more"
        )


def check_annotator(name: str) -> None:
    """ValueError unless this is a name that a person may have here."""
    if not name or len(name) > 200 or name != name.strip() or UNSEEN.search(name):
        raise ValueError(f"an annotator is called {name!r}; wanted a name of up to 200 characters")
    if name == GIVEN:
        raise ValueError(
            f"an annotator is called {GIVEN!r}, which stands for labels that came with the data; "
            "wanted another name"
        )
