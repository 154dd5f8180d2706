"""Answers on their way into a session: read off values, tables and other tools, checked, and
written by one function, `append`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from al_bench.datasets.check import UNSEEN
from al_bench.labelling.schema import ASKED, GIVEN, UNASKED
from al_bench.labelling.settings import Answer
from al_bench.labelling.store import Store, insert_many
from al_bench.labelling.tables import cell, column, columns_of

if TYPE_CHECKING:
    import pandas as pd

NOT_SURE = "?"  # in a table, where no class is called so
BROUGHT = "brought"  # kind of a decision: which answers came from another tool

Mark: TypeAlias = tuple[float | None, str | None]  # when an answer was changed last, and what it is


class Brought(NamedTuple):
    """An answer as another tool has it.

    key: of the answer there, the same whatever it is changed to; changed: when it was last, in
    seconds since 1970, None where the tool does not say.
    """

    key: str
    answer: Answer
    changed: float | None


def append(
    store: Store,
    answers: Sequence[Answer],
    classes: Sequence[str],
    unasked: bool = False,
    given: bool = False,
) -> int:
    """Append answers, all or none; how many.

    unasked: whether rows that were never suggested may be answered; given: whether they came with
    the data. ValueError, in one sentence, where an answer is no class, of no row, or of a row that
    was not asked about.
    """
    with store.writing() as connection:
        lines = []
        for one in answers:
            check(one, classes, given)
            row = store.number_of(one.id)
            if row is None:
                raise ValueError(f"an answer is of id {one.id!r}, which is no row of the session")
            source = GIVEN if given else ASKED if store.was_suggested(row) else UNASKED
            if source == UNASKED and not unasked:
                raise ValueError(
                    f"row {one.id!r} was never suggested; say --unasked (unasked=True in Python) "
                    "to answer it all the same"
                )
            lines.append((row, one.annotator, one.answer, time(), one.seconds, source))
        names = ("row", "annotator", "answer", "time", "seconds", "source")
        insert_many(connection, "answers", names, lines)
    return len(lines)


def check(one: Answer, classes: Sequence[str], given: bool = False) -> None:
    """ValueError where an answer is no class, its annotator no name, or its time no time."""
    if one.answer is not None and one.answer not in classes:
        raise ValueError(
            f"the answer about {one.id!r} is {one.answer!r}; wanted one of {', '.join(classes)}"
        )
    if not given:
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


def bring(
    store: Store, found: Iterable[Brought], classes: Sequence[str], unasked: bool = False
) -> int:
    """Append those answers of another tool that are not known, all or none; how many.

    What was brought once is not brought again, even where it was undone or answered anew in the
    session since, unless the tool has changed it. unasked: as of `append`, whose errors come.
    """
    with store.writing():  # so that two processes do not bring the same
        lines = (line for d in store.decisions() if d.kind == BROUGHT for line in d.value)
        known: dict[str, Mark] = {key: (changed, answer) for key, changed, answer in lines}
        news = []
        for one in sorted(found, key=lambda one: one.changed or 0.0):
            mark = one.changed, one.answer.answer
            if is_news(known.get(one.key), mark):
                news.append(one)
                known[one.key] = mark
        count = append(store, [one.answer for one in news], classes, unasked)
        if news:
            store.decide(BROUGHT, [[one.key, one.changed, one.answer.answer] for one in news])
    return count


def is_news(last: Mark | None, now: Mark) -> bool:
    """Whether an answer is not the one that was brought last, or an older one."""
    if last is None:
        return True
    if last[0] is None or now[0] is None:
        return last[1] != now[1]
    return now[0] > last[0]


def file_answers(path: Path, annotator: str, classes: Sequence[str]) -> tuple[list[Answer], int]:
    """The answers of a csv, parquet or jsonl, as of `table_answers`."""
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
