"""Several processes on one session, and one that is killed: nothing is lost and nothing doubled."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from al_bench.core.state import State
from al_bench.labelling import Answer, Session
from al_bench.labelling.model_service import fitted_state
from al_bench.labelling.store import FILE, FORM, schema
from tests.labelling.data import knows, new, npz

TELLS = """
import sys
from al_bench.labelling import Answer, Session
folder, who, start, stop = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
with Session.open(folder) as session:
    for row in range(start, stop):
        session.tell([Answer(str(row), "praise", who, 1.0)], unasked=True)
        print(row, flush=True)
"""
SUGGESTS = """
import sys
from al_bench.labelling import Session
with Session.open(sys.argv[1]) as session:
    for _ in range(4):
        print(*(one.id for one in session.suggest(8, sys.argv[2])), flush=True)
"""


def process(code: str, *arguments: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_thousand_answers_of_four_writers_are_there_once_each(tmp_path: Path) -> None:
    new(tmp_path, data=npz(tmp_path, n=250)).close()
    folder = tmp_path / "session"
    writers = [process(TELLS, folder, f"writer {i}", 0, 250) for i in range(4)]
    for writer in writers:
        said, error = writer.communicate(timeout=120)
        assert writer.returncode == 0, error
        assert len(said.split()) == 250
    with Session.open(folder) as session:
        found = Counter((one.annotator, one.row) for one in session.store.answers())
    assert found == Counter((f"writer {i}", row) for i in range(4) for row in range(250))


def test_processes_that_suggest_at_once_suggest_different_rows(tmp_path: Path) -> None:
    new(tmp_path).close()
    both = [process(SUGGESTS, tmp_path / "session", who) for who in ("ann", "bob")]
    rows = []
    for one in both:
        said, error = one.communicate(timeout=120)
        assert one.returncode == 0, error
        rows += said.split()
    assert len(set(rows)) == len(rows) == 64


def test_what_a_killed_writer_was_told_is_there(tmp_path: Path) -> None:
    new(tmp_path, data=npz(tmp_path, n=5000)).close()
    folder = tmp_path / "session"
    writer = process(TELLS, folder, "ann", 0, 5000)
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(40)]
    os.kill(writer.pid, signal.SIGKILL)
    rest, _ = writer.communicate(timeout=60)
    told += [int(line) for line in rest.split("\n") if line.strip()]
    with Session.open(folder) as session:
        rows = [one.row for one in session.store.answers()]
        assert set(told) <= set(rows)
        assert len(rows) <= len(told) + 1  # one may be written and not yet printed
        assert len(set(rows)) == len(rows) < 5000
        batch = session.suggest(5)  # and others go on
        assert session.tell([Answer(one.id, "praise") for one in batch]) == 5
    with sqlite3.connect(folder / FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_tables_that_change_have_another_form() -> None:
    known = "bfe87a9253676388e7bfc2f74c4dc45763e106f07e0a970d242afe233ad8ec17"
    assert (FORM, sha256("\n".join(schema()).encode()).hexdigest()) == (2, known)


@pytest.mark.parametrize("table", ["answers", "suggestions", "rows", "decisions", "settings"])
def test_nothing_that_was_written_can_be_changed_or_deleted(tmp_path: Path, table: str) -> None:
    with new(tmp_path) as session:
        session.tell(knows(session.suggest(5)))
        session.undo("ann")
    with sqlite3.connect(tmp_path / "session" / FILE) as connection:
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET number = number + 1"):
            with pytest.raises(sqlite3.IntegrityError, match="is append-only"):
                connection.execute(change)


def test_fits_made_at_once_have_numbers_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new(tmp_path) as one, Session.open(tmp_path / "session") as other:
        batch = one.suggest(10)
        one.tell(knows(batch[:5]))
        moment = one.service.snapshot()
        one.tell(knows(batch[5:]))

        def meanwhile(*arguments: Any) -> State:
            monkeypatch.undo()
            other.predict()
            return fitted_state(*arguments)

        monkeypatch.setattr("al_bench.labelling.model_service.fitted_state", meanwhile)
        numbers = {
            one.service.fit(moment).number,
            other.service.fit(other.service.snapshot()).number,
        }
        assert numbers == {1, 2}
        assert one.status().fits == 2


class Interrupted:
    """A connection that is interrupted once at a statement, before or after it is done."""

    def __init__(self, connection: sqlite3.Connection, statement: str, done: bool) -> None:
        self.connection, self.statement, self.done = connection, statement, done

    def execute(self, sql: str, *values: Any) -> Any:
        if sql != self.statement:
            return self.connection.execute(sql, *values)
        self.statement = ""
        if self.done:
            self.connection.execute(sql, *values)
        raise KeyboardInterrupt

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


@pytest.mark.parametrize(
    ("statement", "done"), [("COMMIT", False), ("BEGIN IMMEDIATE", True), ("BEGIN", True)]
)
def test_what_is_told_after_an_interrupt_is_on_the_disk(
    tmp_path: Path, statement: str, done: bool
) -> None:
    with new(tmp_path) as session:
        first, second = knows(session.suggest(2))
        store: Any = session.store
        store.connection = Interrupted(store.connection, statement, done)
        with pytest.raises(KeyboardInterrupt):
            session.tell([first])
        assert session.tell([second]) == 1
        with Session.open(tmp_path / "session") as other:
            assert [one.row for one in other.store.answers()] == [int(second.id)]


def test_all_answers_of_a_call_are_written_or_none(tmp_path: Path) -> None:
    with new(tmp_path) as session:
        answers = knows(session.suggest(5))
        wrong = [*answers[:4], type(answers[0])(answers[4].id, "no class")]
        with pytest.raises(ValueError, match="wanted one of complaint, praise, question"):
            session.tell(wrong)
        assert session.status().answered == 0
