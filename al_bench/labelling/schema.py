"""The tables of a session, and their rows as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FORM = 1  # of the tables; raised when they change
MARK = 0x414C5345  # SQLite's application_id, by which a session is told from other databases

# Sources of answers: the row was suggested, so they may count for the audit; it was not; they came
# with the data, which is also who gave them.
ASKED, UNASKED, GIVEN = "suggested", "unasked", "given"
QUERY, AUDIT = "query", "audit"  # kinds of suggestions

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


@dataclass(frozen=True)
class Suggestion:
    """A row that should be labelled next.

    number: of the suggestion; row: its place in the session; id: its own name; kind: ``query``
    where the strategy chose it, ``audit`` where chance did, to measure the model; text or path:
    what to look at, neither where the data are embeddings; guess, confidence: the model's likeliest
    class and its probability; why: in words; annotator: whom it is for, None for anybody.
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
    """What somebody says of a row.

    answer: a class by name, None for "not sure"; seconds: how long that took. Of an answer that is
    stored also its number and time, the row's place in the session, and source: ASKED, UNASKED or
    GIVEN.
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
class Decision:
    """Something decided: undo, skip, unskip, withdraw, fit, prior, estimate, look, brought."""

    number: int
    kind: str
    value: Any
    time: float = 0.0


def schema() -> Iterator[str]:
    """The statements that make the tables, to which rows can be appended and nothing else."""
    yield f"PRAGMA application_id = {MARK}"
    yield f"PRAGMA user_version = {FORM}"
    for table, columns in TABLES.items():
        yield f"CREATE TABLE {table} (number INTEGER PRIMARY KEY, {columns})"
        for change in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    yield "CREATE INDEX suggestions_by_row ON suggestions (row)"
