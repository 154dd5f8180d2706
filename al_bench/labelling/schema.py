"""The tables of a session, and dataclasses for their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FORM = 1  # version of the tables
MARK = 0x414C5345  # SQLite's application_id of a session

# Sources of answers: about a suggested row, so they may count for the audit; about another row;
# labels that came with the data, whose annotator has the same name.
ASKED, UNASKED, GIVEN = "suggested", "unasked", "given"
QUERY, AUDIT, CHECK = "query", "audit", "check"  # kinds of suggestions

TABLES = {
    "settings": "name TEXT NOT NULL, value TEXT NOT NULL, time REAL NOT NULL",
    "arrivals": "key TEXT NOT NULL, n INTEGER NOT NULL, time REAL NOT NULL",
    "rows": "name TEXT NOT NULL UNIQUE, arrival INTEGER NOT NULL, text TEXT, path TEXT, "
    "digest TEXT",
    "strata": "stratum INTEGER NOT NULL, place INTEGER NOT NULL",
    "suggestions": "batch INTEGER NOT NULL, row INTEGER NOT NULL, kind TEXT NOT NULL, "
    "guess TEXT NOT NULL, confidence REAL NOT NULL, why TEXT NOT NULL, annotator TEXT, "
    "time REAL NOT NULL",
    "answers": "row INTEGER NOT NULL, annotator TEXT NOT NULL, answer TEXT, time REAL NOT NULL, "
    "seconds REAL, source TEXT NOT NULL",
    "guesses": "key TEXT NOT NULL, pool TEXT NOT NULL, labels INTEGER NOT NULL, "
    "answers INTEGER NOT NULL, classes BLOB NOT NULL",
    "decisions": "kind TEXT NOT NULL, value TEXT NOT NULL, time REAL NOT NULL",
}
LATER = {"metadata": "row INTEGER NOT NULL UNIQUE, value TEXT NOT NULL"}  # older sessions lack it


@dataclass(frozen=True)
class Suggestion:
    """A row to label next.

    number: of the suggestion; row: row number in the session; id: the row's name; kind: ``query``
    where the strategy chose it, ``audit`` where it was drawn at random to measure the model,
    ``check`` where its label is to be certified; text or path: what to show, neither for
    embeddings; guess, confidence: the model's likeliest class and its probability; why: in words;
    annotator: whom it is for, None for anybody.
    """

    number: int
    row: int
    id: str
    kind: str
    text: str | None
    path: str | None
    guess: str
    confidence: float
    why: str
    batch: int
    annotator: str | None = None


@dataclass(frozen=True)
class Answer:
    """One annotator's answer about a row.

    answer: class name, None for "not sure"; seconds: how long it took. A stored answer also has its
    number, time, row number in the session, and source: ASKED, UNASKED or GIVEN.
    """

    id: str
    answer: str | None
    annotator: str = "annotator"
    seconds: float | None = None
    number: int = 0
    row: int = -1
    source: str = ""
    time: float = 0.0


@dataclass(frozen=True)
class Note:
    """An annotator's comment on a row, and whether it is flagged."""

    comment: str = ""
    flag: bool = False


@dataclass(frozen=True)
class Decision:
    """A recorded decision: undo, skip, unskip, withdraw, fit, prior, estimate, look, brought, note,
    guideline."""

    number: int
    kind: str
    value: Any
    time: float = 0.0


def schema() -> Iterator[str]:
    """SQL statements that make the first version's tables, to which rows can only be appended."""
    yield f"PRAGMA application_id = {MARK}"
    yield f"PRAGMA user_version = {FORM}"
    for table, columns in TABLES.items():
        yield f"CREATE TABLE {table} (number INTEGER PRIMARY KEY, {columns})"
        yield from append_only(table)
    yield "CREATE INDEX suggestions_by_row ON suggestions (row)"


def later() -> Iterator[str]:
    """SQL statements that make the tables of later versions, where they are missing."""
    for table, columns in LATER.items():
        yield f"CREATE TABLE IF NOT EXISTS {table} (number INTEGER PRIMARY KEY, {columns})"
        yield from append_only(table, "IF NOT EXISTS ")


def append_only(table: str, where: str = "") -> Iterator[str]:
    for change in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER {where}{table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
