"""A session on disk: one SQLite file for any number of processes and threads. A finished
transaction survives a kill or a power cut; nothing written is changed later: triggers refuse it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from time import time
from typing import Any

FORM = 2  # version of the tables
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
    "metadata": "row INTEGER NOT NULL UNIQUE, value TEXT NOT NULL",
}
FILE = "session.sqlite"
PATIENCE = 60.0  # seconds that a writer waits for others


@dataclass(frozen=True)
class Suggestion:
    """A row to label next.

    number: of the suggestion; row: row number in the session; id: the row's name; kind: ``query``
    where the strategy chose it, ``audit`` where it was drawn at random to measure the model,
    ``check`` where its label is to be certified; text or path: what to show, neither for
    embeddings; guess, confidence: the model's likeliest class and its probability; why: in words;
    annotator: whom it is for, None for anybody."""

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
    """One annotator's answer about a row. answer: class name, None for "not sure"; seconds: how
    long it took. A stored answer also has its number, time, row number in the session, and source:
    ASKED, UNASKED or GIVEN."""

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
    """A recorded decision, such as undo, skip, withdraw, fit, prior, estimate or note."""

    number: int
    kind: str
    value: Any
    time: float = 0.0


def schema() -> Iterator[str]:
    """SQL statements that make the tables, to which rows can only be appended."""
    yield f"PRAGMA application_id = {MARK}"
    yield f"PRAGMA user_version = {FORM}"
    for table, columns in TABLES.items():
        yield f"CREATE TABLE {table} (number INTEGER PRIMARY KEY, {columns})"
        yield from append_only(table)
    yield "CREATE INDEX suggestions_by_row ON suggestions (row)"


def append_only(table: str) -> Iterator[str]:
    for change in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


@dataclass
class Store:
    """The tables of one session; OSError where the file cannot be read or written. inside: whether
    the thread that holds the lock is in a transaction, which nested ones join."""

    file: Path
    connection: sqlite3.Connection
    lock: RLock = field(default_factory=RLock)
    inside: bool = False

    @classmethod
    def create(cls, folder: Path) -> Store:
        """A file without tables yet, see `make`; ValueError where the folder holds a session."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise ValueError(f"{folder} is a file; wanted a folder for a session") from None
        store = cls(folder / FILE, connected(folder / FILE))
        if store._pragma("application_id") == MARK:
            store.close()
            raise ValueError(f"{folder} is a session already; go on with it, or choose another")
        return store

    def make(self) -> None:
        """Make the tables, inside the transaction that first fills them."""
        with self.writing() as connection:
            for line in schema():
                connection.execute(line)

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the tables of an existing session; ValueError where there is none."""
        file = folder / FILE
        if not file.is_file():
            raise ValueError(f"{folder} is no session: it has no file {FILE}")
        store = cls(file, connected(file))
        try:
            mark, form = store._pragma("application_id"), store._pragma("user_version")
            if mark != MARK:
                raise ValueError(f"{file} is no session: nothing made it one")
            if form != FORM:
                raise ValueError(f"{file} has form {form}; this al_bench reads form {FORM}")
        except BaseException:
            store.close()
            raise
        return store

    def _pragma(self, name: str) -> int:
        with sqlite_errors(self.file):
            return int(self.connection.execute(f"PRAGMA {name}").fetchone()[0])

    def close(self) -> None:
        with self.lock:
            self.connection.close()

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A read transaction: everything read inside is of one moment."""
        return self._transaction("BEGIN")

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction, or a part of this thread's: all inside is written, or nothing."""
        return self._transaction("BEGIN IMMEDIATE")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self.lock, sqlite_errors(self.file):
            if self.inside and self.connection.in_transaction:
                yield self.connection
                return
            try:
                self.inside = True
                self.connection.rollback()  # in case an interrupt left a transaction open
                self.connection.execute(begin)
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                self.connection.rollback()  # in case SQLite did not do so itself
                raise
            finally:
                self.inside = False

    def append(self, table: str, **values: Any) -> int:
        with self.writing():
            self.append_all(table, list(values), [list(values.values())])
            return self.count(table)

    def append_all(self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        marks = ", ".join("?" * len(names))
        with self.writing() as connection:
            sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
            connection.executemany(sql, rows)

    def decide(self, kind: str, value: Any) -> int:
        return self.append("decisions", kind=kind, value=json.dumps(value), time=time())

    def set(self, settings: Mapping[str, Any]) -> None:
        """Append settings, which replace earlier ones of the same name."""
        rows = [(name, json.dumps(value), time()) for name, value in settings.items()]
        self.append_all("settings", ("name", "value", "time"), rows)

    def settings(self) -> dict[str, Any]:
        rows = self._read("SELECT name, value FROM settings ORDER BY number")
        return {name: json.loads(value) for name, value in rows}

    def arrivals(self) -> list[tuple[int, str, int]]:
        """(number, key of its content, row count) of each arrival."""
        return self._read("SELECT number, key, n FROM arrivals ORDER BY number")

    def rows(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """(name, text, path, digest) of all rows in order; a row's number is its place, from 0."""
        return self._read("SELECT name, text, path, digest FROM rows ORDER BY number")

    def names(self) -> list[str]:
        return [name for (name,) in self._read("SELECT name FROM rows ORDER BY number")]

    def find(self, name: str) -> int | None:
        """The number of the row of this name; None where there is no such row."""
        found = self._read("SELECT number - 1 FROM rows WHERE name = ?", name)
        return int(found[0][0]) if found else None

    def suggested(self, row: int) -> bool:
        return bool(self._read("SELECT 1 FROM suggestions WHERE row = ? LIMIT 1", row))

    def texts(self, rows: Sequence[int]) -> list[str | None]:
        sql = "SELECT text FROM rows WHERE number = ?"
        return [self._read(sql, row + 1)[0][0] for row in rows]

    def digest(self, row: int) -> str | None:
        found: str | None = self._read("SELECT digest FROM rows WHERE number = ?", row + 1)[0][0]
        return found

    def metadata(self, row: int) -> dict[str, str]:
        found = self._read("SELECT value FROM metadata WHERE row = ?", row)
        return dict(json.loads(found[0][0])) if found else {}

    def count(self, table: str) -> int:
        return int(self._read(f"SELECT coalesce(max(number), 0) FROM {table}")[0][0])

    def strata(self) -> list[tuple[int, int]]:
        """(stratum, place within the stratum) of each row that has one, from row 0 on."""
        return self._read("SELECT stratum, place FROM strata ORDER BY number")

    def suggestions(self, after: int = 0) -> list[Suggestion]:
        sql = (
            "SELECT s.number, s.row, name, kind, text, path, guess, confidence, why, batch, "
            "annotator FROM suggestions s JOIN rows ON rows.number = s.row + 1 "
            "WHERE s.number > ? ORDER BY s.number"
        )
        return [Suggestion(*row) for row in self._read(sql, after)]

    def answers(self, after: int = 0) -> list[Answer]:
        sql = (
            "SELECT name, answer, annotator, seconds, a.number, a.row, source, time "
            "FROM answers a JOIN rows ON rows.number = a.row + 1 "
            "WHERE a.number > ? ORDER BY a.number"
        )
        return [Answer(*row) for row in self._read(sql, after)]

    def decisions(self, after: int = 0) -> list[Decision]:
        sql = "SELECT number, kind, value, time FROM decisions WHERE number > ? ORDER BY number"
        rows = self._read(sql, after)
        return [Decision(n, kind, json.loads(value), at) for n, kind, value, at in rows]

    def decided(self, kind: str) -> list[Any]:
        rows = self._read("SELECT value FROM decisions WHERE kind = ? ORDER BY number", kind)
        return [json.loads(value) for (value,) in rows]

    def guesses(self, pool: str) -> list[tuple[str, int, bytes]]:
        """Of each fit on a pool: key, number of labels, classes (int32) of the reserved rows."""
        sql = "SELECT key, labels, classes FROM guesses WHERE pool = ? ORDER BY number"
        return self._read(sql, pool)

    def _read(self, sql: str, *values: Any) -> list[Any]:
        with self.reading() as connection:
            return connection.execute(sql, values).fetchall()


def connected(file: Path) -> sqlite3.Connection:
    """A connection that waits for other writers and flushes every commit to the disk."""
    with sqlite_errors(file):
        connection = sqlite3.connect(
            file, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def unwritable(place: Path) -> Iterator[None]:
    """Raise errors of the disk as an OSError that names the file or folder."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OSError(error.errno, f"{place} cannot be written: {reason}") from error


@contextmanager
def sqlite_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"{file} cannot be read or written: {error}") from error
