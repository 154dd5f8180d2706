"""Commands that make no sense, and a disk that is full: one sentence, and nothing is written that
was not there before."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.labelling import Session
from tests.labelling.data import npz
from tests.labelling.hostile import (
    TEXTS,
    counts,
    refused,
    write,
)


def answers(text: str) -> Callable[[Path], list[str]]:
    return lambda folder: ["tell", "mine", write("told.csv", text)(folder)]


def said(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda folder: list(arguments)


def with_file(name: str, content: str | bytes, *arguments: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        write(name, content)(folder)
        return list(arguments)

    return make


COMMANDS: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "no command": (said("sugest", "mine"), "No such command 'sugest'"),
    "no session": (said("status", "nowhere"), "nowhere is no session: it has no file"),
    "a file for a session": (with_file("f", "x", "status", "f"), "f is no session"),
    "no database": (with_file("session.sqlite", "x" * 999, "status", "."), "not a database"),
    "no folder at all": (said("status"), "Missing argument"),
    "a budget of 0": (said("suggest", "mine", "--budget", "0"), "wanted at least 1"),
    "a budget of no number": (
        said("suggest", "mine", "--budget", "x"),
        "Invalid value for '--budget'",
    ),
    "a place that is not there": (said("suggest", "mine", "--out", "no/b.csv"), "No such file"),
    "a folder for a file": (said("suggest", "mine", "--out", "."), "is there already"),
    "a batch that is there": (
        with_file("b.csv", "id,answer\n1,praise\n", "suggest", "mine", "--out", "b.csv"),
        "b.csv is there already, perhaps with answers",
    ),
    "a full disk": (
        said("predict", "mine", "--data", "same.npz", "--out", "/dev/full"),
        "No space left",
    ),
    "a folder that nothing can be written to": (
        said("new", "/proc/mine", "--data", "same.npz", "--classes", "a,b,c"),
        "/proc/mine",
    ),
    "nobody": (said("suggest", "mine", "--annotator", ""), "wanted a name of up to"),
    "the name of labels": (said("suggest", "mine", "--annotator", "given"), "wanted another name"),
    "tasks of embeddings": (said("tasks", "mine", "--out", "t.json"), "at which nobody can look"),
    "tasks to nowhere": (said("tasks", "mine"), "Missing option '--out'"),
    "an interface of Argilla": (
        said("tasks", "mine", "--out", "t", "--tool", "argilla", "--interface", "i.xml"),
        "--interface is of Label Studio alone",
    ),
    "an address of no folder": (
        said("tasks", "mine", "--out", "t.json", "--images-url", "http://x/"),
        "--images-url wants --images-root",
    ),
    "no export": (said("tell", "mine", "x.json"), "there is no file x.json of answers"),
    "no answers": (said("tell", "mine", "nowhere.csv"), "there is no file nowhere.csv of answers"),
    "empty answers": (answers(""), "is empty"),
    "answers without ids": (answers("answer\npraise\n"), "has no column 'id'"),
    "answers without answers": (answers("id\n1\n"), "has no column 'answer'"),
    "an unknown class": (
        answers("id,answer\nWAITS,prais\n"),
        "is 'prais'; wanted one of complaint",
    ),
    "an unknown id": (
        answers("id,answer\nx,praise\n"),
        "of id 'x', which is no row of the session",
    ),
    "a row never asked": (
        answers("id,answer\nNEVER,praise\n"),
        "was never suggested; say --unasked",
    ),
    "html for a class": (answers("id,answer\nWAITS,<b>praise</b>\n"), "wanted one of complaint"),
    "seconds of no number": (answers("id,answer,seconds\nWAITS,praise,x\n"), "took 'x' seconds"),
    "seconds below 0": (answers("id,answer,seconds\nWAITS,praise,-1\n"), "wanted 0 or more"),
    "the labels' own name": (answers("id,answer,annotator\nWAITS,praise,given\n"), "another name"),
    "answers in utf-16": (
        with_file("t.csv", "id,answer\n1,praise".encode("utf-16"), "tell", "mine", "t.csv"),
        "is UTF-16",
    ),
    "nothing to add": (said("add", "mine"), "wanted either --data or --classes"),
    "rows that are there": (
        said("add", "mine", "--data", "same.npz"),
        "are in the session already",
    ),
    "rows of another kind": (
        with_file("t.csv", TEXTS, "add", "mine", "--data", "t.csv"),
        "of kind text",
    ),
    "rows of another width": (said("add", "mine", "--data", "wide.npz"), "has 9 features a row"),
    "a class that is there": (
        said("add", "mine", "--classes", "praise"),
        "are both called 'praise'",
    ),
    "a class of nothing": (said("add", "mine", "--classes", ""), "wanted a list of one name"),
    "a class without a table": (said("add", "mine", "--classes", "d"), "give a table of"),
    "a class with a narrow table": (
        said("add", "mine", "--classes", "d", "--prior-table", "same.npz"),
        "has shape (150, 3); wanted (150, 4)",
    ),
    "an export to nowhere": (said("export", "mine"), "Missing option '--out'"),
    "an export into a file": (
        with_file("f", "x", "export", "mine", "--out", "f"),
        "cannot be written",
    ),
    "predictions of texts": (
        with_file("t.csv", TEXTS, "predict", "mine", "--data", "t.csv"),
        "holds rows of kind text",
    ),
    "predictions of another width": (
        said("predict", "mine", "--data", "wide.npz"),
        "has 9 features a row; the model reads 8",
    ),
    "a model that is none": (
        with_file("model.json", "{}", "predict", ".", "--data", "same.npz"),
        "is not an .npz of plain arrays",
    ),
    "a session once more": (
        said("new", "mine", "--data", "same.npz", "--classes", "a,b,c"),
        "is a session already",
    ),
    "a file in place of a folder": (
        with_file("f", "x", "new", "f", "--data", "same.npz", "--classes", "a,b,c"),
        "f is a file; wanted a folder",
    ),
    "another's options": (said("suggest", "mine", "--config-dir", "nowhere"), "not a folder"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_commands_that_make_no_sense_are_refused_and_nothing_is_written(
    case: str, here: Path, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, sentence = COMMANDS[case]
    npz(here, name="same.npz")
    np.savez(here / "wide.npz", features=np.ones((5, 9)))
    with Session.open(mine) as session:
        waits, asked = session.waiting()[0].id, {s.row for s in session.store.suggestions()}
    arguments = make(here)
    if (here / "told.csv").exists():
        text = (here / "told.csv").read_text().replace("WAITS", waits)
        never = next(row for row in range(150) if row not in asked)
        (here / "told.csv").write_text(text.replace("NEVER", str(never)))
    before = counts(mine)
    assert sentence in refused(["session", *arguments], capsys)
    assert counts(mine) == before
    batch = here / "b.csv"
    assert not batch.exists() or batch.read_text() == "id,answer\n1,praise\n"


FULL = """
import resource, sys
from al_bench.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("size", [0, 4096, 12_000])
def test_a_disk_that_is_full_is_said_so_and_what_was_there_stays(
    here: Path, mine: Path, size: int
) -> None:
    (here / "a.csv").write_text("id,answer\n" + "\n".join(f"{row},praise" for row in range(150)))
    before = counts(mine)
    line = ["session", "tell", "mine", "a.csv", "--unasked"]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(size), *line], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("albench: ")
    assert "cannot be read or written" in done.stderr
    assert counts(mine) == before
    assert main(line) == 0
    assert counts(mine)["answers"] == before["answers"] + 150
