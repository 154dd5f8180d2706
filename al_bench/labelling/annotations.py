"""Answers on their way into a session: read, checked, and written by one function, `append`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from math import isfinite
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from warnings import warn

from al_bench.core.hashing import UNSEEN
from al_bench.labelling.store import ASKED, GIVEN, UNASKED, Answer, Store
from al_bench.labelling.tables import cell, file_table, frame_table, listed

NOT_SURE = "?"  # in a table, unless a class has this name
IMPORTED = "brought"  # kind of decision: answers imported from another tool


class Imported(NamedTuple):
    """An answer in another tool. key: identifies it there, also after it changes; changed: time of
    its last change, in seconds since 1970, or None."""

    key: str
    answer: Answer
    changed: float | None

    def is_news(self, known: tuple[float | None, str | None] | None) -> bool:
        """Whether this is later than the time and answer imported last, or else differs."""
        if known is None:
            return True
        changed, answer = known
        if changed is None or self.changed is None:
            return answer != self.answer.answer
        return self.changed > changed


@dataclass(frozen=True)
class AnswerTable:
    """Answers from one source. places: (m,) where each is in it, and wrong: lines that are no
    answers, in words; empty: number of lines without an answer."""

    answers: Sequence[Answer]
    where: str = ""
    places: Sequence[str] = ()
    wrong: Sequence[str] = ()
    empty: int = 0


def append(
    store: Store,
    table: AnswerTable,
    classes: Sequence[str],
    unasked: bool = False,
    given: bool = False,
) -> int:
    """Append answers, all or none; returns how many.

    unasked: whether rows that were never suggested may be answered; given: whether the labels came
    with the data. Classes are found whatever their case, and rows by an id that a spreadsheet
    changed, with a warning. ValueError that says all mistakes: an unknown class or row, a row that
    was not suggested, an invalid annotator or time, or two answers in one table by one annotator
    about one row."""
    lines, wrong, changed = [], list(table.wrong), {}
    before: dict[tuple[int, str], tuple[str | None, str]] = {}
    with store.writing():
        spellings = Spellings(store)
        for number, one in enumerate(table.answers):
            place = table.places[number] if table.places else ""
            try:
                line = checked(store, one, classes, unasked, given, spellings)
            except ValueError as error:
                wrong.append(f"{place}: {error}" if place else str(error))
                continue
            row, annotator, answer, name, source = line
            if name != one.id:
                changed[one.id] = name
            earlier, there = before.setdefault((row, annotator), (answer, place))
            if place and earlier != answer:
                wrong.append(f"{place}: {annotator} answers {one.id!r} with {answer or NOT_SURE!r},"
                             f" in {there} with {earlier or NOT_SURE!r}")  # fmt: skip
            lines.append((row, annotator, answer, time(), one.seconds, source))
        if wrong:
            about = f"{table.where}: " if table.where else ""
            raise ValueError(about + listed(wrong))
        names = ("row", "annotator", "answer", "time", "seconds", "source")
        store.append_all("answers", names, lines)
    if changed:
        example = next(f"{new!r} came as {old!r}" for old, new in changed.items())
        warn(f"{table.where}: {len(changed):,} ids were changed, as spreadsheets do, and are "
             f"recognised: {example}", stacklevel=2)  # fmt: skip
    return len(lines)


def checked(
    store: Store,
    one: Answer,
    classes: Sequence[str],
    unasked: bool,
    given: bool,
    spellings: Spellings,
) -> tuple[int, str, str | None, str, str]:
    """The row, annotator, class, row name and source of an answer; ValueError where it is none."""
    what = f"the answer about {one.id!r}"
    answer = one.answer
    if answer is not None and answer not in classes:
        same = [name for name in classes if name.casefold() == answer.strip().casefold()]
        if not same:
            raise ValueError(f"{what} is {answer!r}; wanted one of {', '.join(classes)}")
        answer = same[0]  # names differ in more than case
    if not given:
        check_annotator(one.annotator)
    if one.seconds is not None and not (isfinite(one.seconds) and one.seconds >= 0):
        raise ValueError(f"{what} took {one.seconds} seconds; wanted 0 or more")
    name: str | None = one.id
    if (row := store.find(one.id)) is None and (name := spellings.find(one.id)) is not None:
        row = store.find(name)
    if row is None or name is None:
        raise ValueError(f"an answer is of id {one.id!r}, which is no row of the session")
    source = GIVEN if given else ASKED if store.suggested(row) else UNASKED
    if source == UNASKED and not unasked:
        raise ValueError(
            f"row {one.id!r} was never suggested; say --unasked (unasked=True in Python) "
            "to answer it all the same"
        )
    return row, one.annotator, answer, name, source


@dataclass(frozen=True)
class Spellings:
    """Finds rows by names that a spreadsheet has changed: without spaces around them, or a number
    without zeros before or behind it, of 15 digits, or as ``1.23E+19``."""

    store: Store

    @cached_property
    def names(self) -> list[str]:
        return self.store.names()

    @cached_property
    def numbers(self) -> dict[Decimal, list[str]]:
        found: dict[Decimal, list[str]] = {}
        for name in self.names:
            if (value := number_of(name)) is not None:
                found.setdefault(value, []).append(name)
        return found

    def find(self, given: str) -> str | None:
        """The one name that is written like this; None where there is none, or several."""
        text, value = given.strip(), number_of(given)
        if value is None:
            found = [name for name in self.names if name.strip() == text]
        else:
            digits = len(value.as_tuple().digits) if "E" in text.upper() else 15
            found = self.numbers.get(value, [])
            if not found and ("E" in text.upper() or len(text) > digits):
                step = Decimal(1).scaleb(value.adjusted() - digits + 1)
                close = [n for number, n in self.numbers.items() if abs(number - value) < step]
                found = [name for names in close for name in names]
        return found[0] if len(found) == 1 else None


def number_of(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def check_annotator(name: str) -> None:
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
    """Append the new answers of another tool, all or none; returns how many. One is imported once,
    even if undone or changed in the session since, unless the tool has changed it."""
    with store.writing():  # so that two processes do not import the same
        earlier = (line for lines in store.decided(IMPORTED) for line in lines)
        known = {key: (changed, answer) for key, changed, answer in earlier}
        news = []
        for one in sorted(found, key=lambda one: one.changed or 0.0):
            if one.is_news(known.get(one.key)):
                news.append(one)
                known[one.key] = one.changed, one.answer.answer
        count = append(store, AnswerTable([one.answer for one in news]), classes, unasked)
        if news:
            store.decide(IMPORTED, [[one.key, one.changed, one.answer.answer] for one in news])
    return count


def read_answers(
    source: Any, annotator: str, classes: Sequence[str], encoding: str | None = None
) -> AnswerTable:
    """Answers from values, a data frame or a file with columns id and answer, optionally annotator
    and seconds; "?" means "not sure". annotator: for lines that name none; encoding: of a csv."""
    if isinstance(source, AnswerTable):
        return source
    if isinstance(source, Path):
        if not source.is_file():
            raise FileNotFoundError(f"there is no file {source} of answers")
        table = file_table(source, encoding)
    elif hasattr(source, "columns"):
        table = frame_table("the data frame", source)
    else:
        return AnswerTable(list(source))
    names, given = table.column("id"), table.column("answer")
    nothing = [None] * len(table)
    who, seconds = (table.columns.get(name, nothing) for name in ("annotator", "seconds"))
    found, places, wrong, empty = [], [], [], 0
    for row, (name, answer, by, took) in enumerate(zip(names, given, who, seconds, strict=True)):
        label = cell(answer)
        if label is None:
            empty += 1
            continue
        unsure = label == NOT_SURE and NOT_SURE not in classes
        try:
            spent = None if cell(took) is None else float(took)
        except (TypeError, ValueError):
            wrong.append(f"{table.place(row)} took {took!r} seconds; wanted a number")
            continue
        found.append(Answer(str(name), None if unsure else label, cell(by) or annotator, spent))
        places.append(table.place(row))
    return AnswerTable(found, table.where, places, wrong, empty)
