"""Answers on their way into a session: read from values, tables and other tools, checked, and
written by one function, `append`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from time import time
from typing import Any, NamedTuple

from al_bench.core.hashing import UNSEEN
from al_bench.labelling.schema import ASKED, GIVEN, UNASKED, Answer
from al_bench.labelling.store import Store
from al_bench.labelling.tables import cell, column, file_columns, frame_columns

NOT_SURE = "?"  # in a table, unless a class has this name
IMPORTED = "brought"  # kind of decision: answers imported from another tool


class Imported(NamedTuple):
    """An answer in another tool.

    key: identifies the answer there, also after it changes; changed: time of its last change, in
    seconds since 1970, None where the tool does not record it.
    """

    key: str
    answer: Answer
    changed: float | None

    def is_news(self, known: tuple[float | None, str | None] | None) -> bool:
        """Whether this differs from `known`, the time and answer imported last under this key. If
        both times are known, only a later one is news."""
        if known is None:
            return True
        changed, answer = known
        if changed is None or self.changed is None:
            return answer != self.answer.answer
        return self.changed > changed


def append(
    store: Store,
    answers: Iterable[Answer],
    classes: Sequence[str],
    unasked: bool = False,
    given: bool = False,
) -> int:
    """Append answers, all or none; returns how many.

    unasked: whether rows that were never suggested may be answered; given: whether the labels came
    with the data. ValueError, in one sentence, for an unknown class or row, a row that was not
    suggested, or an invalid annotator or time.
    """
    lines = []
    with store.writing():
        for one in answers:
            what = f"the answer about {one.id!r}"
            if one.answer is not None and one.answer not in classes:
                raise ValueError(f"{what} is {one.answer!r}; wanted one of {', '.join(classes)}")
            if not given:
                check_annotator(one.annotator)
            if one.seconds is not None and not (isfinite(one.seconds) and one.seconds >= 0):
                raise ValueError(f"{what} took {one.seconds} seconds; wanted 0 or more")
            found = store.find(one.id)
            if found is None:
                raise ValueError(f"an answer is of id {one.id!r}, which is no row of the session")
            row, suggested = found
            source = GIVEN if given else ASKED if suggested else UNASKED
            if source == UNASKED and not unasked:
                raise ValueError(
                    f"row {one.id!r} was never suggested; say --unasked (unasked=True in Python) "
                    "to answer it all the same"
                )
            lines.append((row, one.annotator, one.answer, time(), one.seconds, source))
        names = ("row", "annotator", "answer", "time", "seconds", "source")
        store.append_all("answers", names, lines)
    return len(lines)


def check_annotator(name: str) -> None:
    """ValueError unless this is a valid annotator name."""
    if not name or len(name) > 200 or name != name.strip() or UNSEEN.search(name):
        raise ValueError(f"an annotator is called {name!r}; wanted a name of up to 200 characters")
    if name == GIVEN:
        raise ValueError(
            f"an annotator is called {GIVEN!r}, which stands for labels that came with the data; "
            "wanted another name"
        )


def import_answers(
    store: Store, found: Iterable[Imported], classes: Sequence[str], unasked: bool = False
) -> int:
    """Append the new answers of another tool, all or none; returns how many.

    An answer is imported once, even if it was undone or changed in the session since, unless the
    tool has changed it. unasked, errors: as in `append`.
    """
    with store.writing():  # so that two processes do not import the same
        earlier = (line for lines in store.decided(IMPORTED) for line in lines)
        known = {key: (changed, answer) for key, changed, answer in earlier}
        news = []
        for one in sorted(found, key=lambda one: one.changed or 0.0):
            if one.is_news(known.get(one.key)):
                news.append(one)
                known[one.key] = one.changed, one.answer.answer
        count = append(store, [one.answer for one in news], classes, unasked)
        if news:
            store.decide(IMPORTED, [[one.key, one.changed, one.answer.answer] for one in news])
    return count


def read_answers(source: Any, annotator: str, classes: Sequence[str]) -> tuple[list[Answer], int]:
    """Answers from values, a data frame or a file, and how many lines have none.

    A table has columns id and answer, optionally annotator and seconds; the answer "?" means "not
    sure". annotator: for lines that name none.
    """
    if isinstance(source, Path):
        if not source.is_file():
            raise FileNotFoundError(f"there is no file {source} of answers")
        where, table = str(source), file_columns(source)
    elif hasattr(source, "columns"):
        where, table = "the data frame", frame_columns(source)
    else:
        return list(source), 0
    names, given = column(where, table, "id"), column(where, table, "answer")
    nothing = [None] * len(names)
    who, seconds = table.get("annotator", nothing), table.get("seconds", nothing)
    found = []
    lines = zip(names, given, who, seconds, strict=True)
    for n, (name, answer, by, took) in enumerate(lines, start=1):
        label = cell(answer)
        if label is None:
            continue
        unsure = label == NOT_SURE and NOT_SURE not in classes
        try:
            spent = None if cell(took) is None else float(took)
        except (TypeError, ValueError):
            wrong = f"{where}: line {n} took {took!r} seconds; wanted a number"
            raise ValueError(wrong) from None
        found.append(Answer(str(name), None if unsure else label, cell(by) or annotator, spent))
    return found, len(names) - len(found)
