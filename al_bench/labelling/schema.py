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
class Answered:
    """A row of the table of answers; answer: a class by name, None for "not sure"; source: ASKED,
    UNASKED or GIVEN."""

    number: int
    row: int
    annotator: str
    answer: str | None
    seconds: float | None
    source: str
    time: float = 0.0


@dataclass(frozen=True)
class Decision:
    """Something decided: undo, skip, unskip, withdraw, fit, prior, estimate, brought."""

    number: int
    kind: str
    value: Any
    time: float = 0.0


@dataclass(frozen=True)
class Guesses:
    """What a fit says of the rows kept for the audit, for rules that compare fits.

    key: of the fit; pool: digest of the rows; labels: that taught it; answers: the number of the
    last one then; classes: int32 numbers in the order of these rows.
    """

    key: str
    pool: str
    labels: int
    answers: int
    classes: bytes


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
