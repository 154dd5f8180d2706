"""Data, options, commands, sessions and models that nobody means well by: one sentence, no code is
run, and nothing is written that was not there before."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shlex import split
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al_bench.cli.main import main
from al_bench.labelling import Session
from al_bench.labelling.store import FILE
from tests.labelling.data import CLASSES, npz

TEXTS = "text\nhello there\ngood bye\nhow are you\n"
NEW = ["session", "new", "mine", "--classes", "a,b", "--data"]
F = np.ones((4, 3))
TELL = "tell mine a.csv"


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that fails says: one line."""
    code = main(arguments)
    said = capsys.readouterr().err.strip().splitlines()
    said = [line for line in said if line.startswith("albench")]
    assert code in (1, 2)
    assert len(said) == 1
    assert "Traceback" not in said[0]
    assert "AL_BENCH_DEBUG" not in said[0], "an error that nobody thought of"
    return said[0]


def write(name: str, content: str | bytes) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return make


def arrays(**made: object) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        np.savez(folder / "rows.npz", **made)  # type: ignore[arg-type]
        return "rows.npz"

    return make


def images(*content: bytes) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "photos").mkdir()
        for number, one in enumerate(content):
            (folder / "photos" / f"{number}.png").write_bytes(one)
        return "photos"

    return make


def parquet(**columns: object) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        pd.DataFrame(columns).to_parquet(folder / "rows.parquet")
        return "rows.parquet"

    return make


def folder(folder: Path) -> str:
    (folder / "empty").mkdir()
    return "empty"


def unreadable(folder: Path) -> str:
    (folder / "saved").mkdir()
    (folder / "saved" / "state.json").write_text("{")
    (folder / "saved" / "data.arrow").write_text("no")
    return "saved"


def counts(folder: Path) -> dict[str, int]:
    with sqlite3.connect(folder / FILE) as connection:
        names = ("rows", "answers", "suggestions", "settings", "arrivals", "strata")
        return {n: connection.execute(f"SELECT count(*) FROM {n}").fetchone()[0] for n in names}


DATA: dict[str, tuple[Callable[[Path], str], list[str], str]] = {
    "no such file": (lambda _: "nowhere.csv", [], "there is no file or folder nowhere.csv"),
    "an empty file": (write("a.csv", ""), [], "is empty"),
    "a header alone": (write("a.csv", "text\n"), [], "has no rows"),
    "no such column": (write("a.csv", "body\nx\n"), [], "has no column 'text'; its columns are"),
    "no such id": (write("a.csv", TEXTS), ["--id", "number"], "no column 'number'"),
    "no such label": (write("a.csv", TEXTS), ["--label", "y"], "no column 'y'"),
    "text and image": (
        write("a.csv", TEXTS),
        ["--text", "text", "--image", "text"],
        "wanted one of",
    ),
    "utf-16": (write("a.csv", TEXTS.encode("utf-16")), [], "is UTF-16; wanted .csv in UTF-8"),
    "latin-1": (write("a.csv", "text\ncafé\n".encode("latin-1")), [], "is not UTF-8: byte 0xe9"),
    "a zip file": (write("a.csv", b"PK\x03\x04rest"), [], "is a zip file"),
    "more cells than names": (write("a.csv", "text\na\nb,c\n"), [], "is no table"),
    "more cells in every row": (write("a.csv", "text\na,b\nc,d\n"), [], "more cells than the"),
    "a quote never closed": (write("a.csv", 'text\n"hello\nyou\n'), [], "is no table"),
    "empty texts": (write("a.csv", "text,n\n,1\n ,2\n"), [], "has no row with something in column"),
    "a very long text": (write("a.csv", "text\n" + "x" * 1_000_001), [], "1,000,001 characters"),
    "an id twice": (write("a.csv", "text,id\na,1\nb,1\n"), ["--id", "id"], "id '1' comes more"),
    "a label of no class": (write("a.csv", "text,y\nx,c\n"), ["--label", "y"], "is 'c'; wanted"),
    "no parquet": (write("a.parquet", "no parquet at all"), [], "is no parquet file"),
    "numbers for texts": (parquet(text=[1.5, 2.5]), [], "row 0 holds 1.5; wanted a text"),
    "lists for texts": (parquet(text=[["a"], ["b"]]), [], "row 0 holds ['a']; wanted a text"),
    "no json": (write("a.jsonl", "{text: 1}\n"), [], "line 1 is no JSON"),
    "json of no object": (write("a.jsonl", '["a"]\n'), [], "line 1 holds no object"),
    "json half": (write("a.jsonl", '{"text": "a"}\n{"text": "b\n'), [], "line 2 is no JSON"),
    "deep json": (write("a.jsonl", "[" * 100_000), [], "line 1 is no JSON"),
    "half a character": (write("a.jsonl", '{"text": "\\ud800"}'), [], "half of a character"),
    "another suffix": (write("a.xlsx", "x"), [], "is no kind of data that is read here"),
    "an empty folder": (folder, [], "empty holds no image"),
    "a column of a folder": (images(b"x"), ["--text", "body"], "a folder of images and has no"),
    "a broken image": (images(b"no image"), [], "0.png is not an image that can be read"),
    "a torn data set": (unreadable, [], "cannot be read as a data set"),
    "an image that is not there": (write("a.csv", "f\nx.png\n"), ["--image", "f"], "no file x.png"),
    "a hub id that is not there": (lambda _: "hf://nobody/nothing", [], "cannot be read as a data"),
    "no hub id": (lambda _: "hf://", [], "names no data set"),
    "a torn npz": (write("a.npz", b"PK\x03\x04"), [], "is not an .npz of plain arrays"),
    "an npz of objects": (arrays(features=np.array([{}], dtype=object)), [], "not an .npz of"),
    "no features": (arrays(x=F), [], "has no features; it has x"),
    "no rows of features": (arrays(features=np.ones((0, 3))), [], "wanted (n, d) numbers"),
    "words for features": (arrays(features=np.array([["a"]])), [], "wanted (n, d) numbers"),
    "nan features": (arrays(features=F * np.nan), [], "row 0 is not finite (4 such rows)"),
    "huge features": (arrays(features=F * 1e300), [], "row 0 is not finite"),
    "ids too few": (arrays(features=F, ids=np.arange(3)), [], "wanted (4,) whole numbers or texts"),
    "ids twice": (arrays(features=F, ids=np.zeros(4, int)), [], "id '0' comes more than once"),
    "a prior too short": (arrays(features=F, prior=np.full((3, 2), 0.5)), [], "shape (3, 2);"),
    "a prior of no sums": (
        arrays(features=F, prior=np.ones((4, 2))),
        [],
        "row 0 is no probabilities: it sums to 2",
    ),
    "a prior below 0": (
        arrays(features=F, prior=np.tile([2.0, -1], (4, 1))),
        [],
        "no probabilities",
    ),
    "columns of an npz": (arrays(features=F), ["--text", "x"], "is an .npz and has no column 'x'"),
    "a table for texts": (write("a.csv", TEXTS), ["--prior-table", "a.csv"], "is for embeddings"),
    "a table not there": (arrays(features=F), ["--prior-table", "x.csv"], "there is no file x.csv"),
    "no table": (arrays(features=F), ["--prior-table", "rows.npz"], "has no prior; it has"),
    "a file of the machine": (lambda _: "/dev/null", [], "is no kind of data that is read here"),
}


OPTIONS: dict[str, tuple[list[str], str]] = {
    "one class": (["--classes", "a"], "has 1 class; wanted at least 2"),
    "an empty class": (["--classes", "a,,b"], "class 1 has no name"),
    "a class twice": (["--classes", "a,A"], "are both called"),
    "a class of control": (["--classes", "a,b\x1b[2J"], "without control characters"),
    "no classes and no labels": ([], "no classes are given"),
    "all is audit": (["--audit", "1"], "audit is 1.0; wanted a fraction"),
    "audit of no number": (["--audit", "some"], "Invalid value for '--audit'"),
    "audit nan": (["--audit", "nan"], "audit is nan; wanted a fraction"),
    "all is reserve": (["--reserve", "2"], "reserve is 2.0; wanted a fraction"),
    "seed below 0": (["--seed", "-1"], "seed is -1; wanted a whole number"),
    "a prompt without a place": (["--prompt", "hello"], "does not hold exactly one {}"),
    "no option": (["strategy=nothing"], "nothing"),
    "no value": (["strategy.nothing=3"], "nothing"),
    "a path for an option": (["strategy=../../etc"], "names no option; wanted one word"),
    "code": (["strategy._target_=os.system"], "names code"),
    "code inside": (["+strategy.x={_target_:os.system}"], "names code"),
    "a path inside": (["strategy=subsample", "strategy@strategy.inner=../../etc"], "wanted one"),
    "another group": (["dataset=vader"], "is of no part of a session"),
    "a sweep": (["learner.l2=1,2"], "stands for several values; wanted one"),
    "two strategies": (["strategy=badge,margin"], "names no option; wanted one word"),
    "a word": (["badge"], "'badge' is no option; wanted group=option"),
    "no number": (["learner.l2=many"], "ResidualHead: "),
    "a number below 0": (["learner.l2=-1"], "ResidualHead got l2=-1; wanted more"),
    "the truth": (["strategy=truth_balanced"], "reads the truth"),
    "texts for embeddings": (["prior=minilm"], "the data are of kind features"),
    "a flag": (["--clases", "a,b"], "No such option"),
    "a folder of options": (["--config-dir", "nowhere"], "nowhere is not a folder"),
}


@pytest.mark.parametrize("case", [*DATA, *OPTIONS])
def test_data_and_options_that_are_none_are_refused_and_no_session_is_made(
    case: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if case in DATA:
        make, options, sentence = DATA[case]
        line = [*NEW, make(here), *options]
    else:
        options, sentence = OPTIONS[case]
        classes = [] if "class" in case else ["--classes", ",".join(CLASSES)]
        line = ["session", "new", "mine", "--data", str(npz(here)), *classes, *options]
    assert sentence in refused(line, capsys)
    with pytest.raises(ValueError, match="is no session"):
        Session.open(here / "mine")
    assert case in DATA or not (here / "mine").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("options", {"strategy": "../../evil"}),
        ("options", {"evil": "badge"}),
        ("overrides", ["strategy._target_=os.system"]),
        ("overrides", ["+strategy.x=${oc.decode:x}"]),
        ("overrides", ["prior@prior.inner=../../evil"]),
        ("overrides", ["~strategy"]),
    ],
)
def test_a_session_of_somebody_else_runs_no_code_of_his(
    mine: Path, capsys: pytest.CaptureFixture[str], name: str, value: object
) -> None:
    with Session.open(mine) as session:
        now = session.settings.options
        session.store.set({name: now | value if isinstance(value, dict) else value})
    said = refused(["session", "suggest", "mine"], capsys)
    assert any(words in said for words in ("names code", "names no option", "of no part"))


def test_an_exported_model_of_somebody_else_runs_no_code_of_his(
    mine: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["session", "export", "mine", "--out", "final"]) == 0
    card = json.loads((here / "final" / "model.json").read_text())
    for changes in (
        {"prior": "../../evil"},
        {"overrides": ["prior._target_=os.system"]},
        {"form": 9},
        {"classes": ["a"]},
        {"columns": {"what": 1}},
        {"encoder": "another"},
    ):
        (here / "final" / "model.json").write_text(json.dumps(card | changes))
        line = ["session", "predict", "final", "--data", str(npz(here))]
        said = refused(line, capsys)
        assert any(
            words in said for words in ("names", "is no card of an exported model", "reads rows by")
        )
    (here / "final" / "model.json").write_text(json.dumps(card))
    arrays = dict(np.load(here / "final" / "model.npz"))
    for name, value in {
        "weight": np.zeros(3),
        "bias": np.zeros(1),
        "on_prior": np.zeros(3),
    }.items():
        np.savez(here / "final" / "model.npz", **arrays | {name: value})
        said = refused(line, capsys)
        assert "is no card of an exported model" in said


# of each: the command, what it says, and a file that is there
COMMANDS: dict[str, tuple[Any, ...]] = {
    "no command": ("sugest mine", "No such command 'sugest'"),
    "no session": ("status nowhere", "nowhere is no session: it has no file"),
    "a file for a session": ("status f", "f is no session", "f", "x"),
    "no database": ("status .", "not a database", "session.sqlite", "x" * 999),
    "no folder at all": ("status", "Missing argument"),
    "a budget of 0": ("suggest mine --budget 0", "wanted at least 1"),
    "a budget of no number": ("suggest mine --budget x", "Invalid value for"),
    "a place that is not there": ("suggest mine --out no/b.csv", "No such file"),
    "a folder for a file": ("suggest mine --out .", "is there already"),
    "a batch that is there": (
        "suggest mine --out b.csv",
        "b.csv is there already",
        "b.csv",
        "id,answer\n1,praise\n",
    ),
    "a full disk": ("predict mine --data same.npz --out /dev/full", "No space left"),
    "no folder to write": ("new /proc/mine --data same.npz --classes a,b,c", "/proc/mine"),
    "nobody": ("suggest mine --annotator ''", "wanted a name of up to"),
    "the name of labels": ("suggest mine --annotator given", "wanted another name"),
    "tasks of embeddings": ("tasks mine --out t.json", "at which nobody can look"),
    "tasks to nowhere": ("tasks mine", "Missing option '--out'"),
    "Argilla's interface": (
        "tasks mine --out t --tool argilla --interface i.xml",
        "is of Label Studio alone",
    ),
    "an address of no folder": (
        "tasks mine --out t.json --images-url http://x/",
        "wants --images-root",
    ),
    "no export": ("tell mine x.json", "there is no file x.json of answers"),
    "no answers": ("tell mine nowhere.csv", "there is no file nowhere.csv of answers"),
    "empty answers": (TELL, "is empty", "a.csv", ""),
    "answers without ids": (TELL, "has no column 'id'", "a.csv", "answer\npraise\n"),
    "answers without answers": (TELL, "has no column 'answer'", "a.csv", "id\n1\n"),
    "an unknown class": (TELL, "is 'prais'; wanted one of", "a.csv", "id,answer\nWAITS,prais\n"),
    "an unknown id": (TELL, "of id 'x', which is no row", "a.csv", "id,answer\nx,praise\n"),
    "a row never asked": (TELL, "was never suggested; say", "a.csv", "id,answer\nNEVER,praise\n"),
    "html for a class": (
        TELL,
        "wanted one of complaint",
        "a.csv",
        "id,answer\nWAITS,<b>praise</b>\n",
    ),
    "seconds of no number": (
        TELL,
        "took 'x' seconds",
        "a.csv",
        "id,answer,seconds\nWAITS,praise,x\n",
    ),
    "seconds below 0": (TELL, "wanted 0 or more", "a.csv", "id,answer,seconds\nWAITS,praise,-1\n"),
    "the labels' name": (
        TELL,
        "another name",
        "a.csv",
        "id,answer,annotator\nWAITS,praise,given\n",
    ),
    "answers in utf-16": (
        "tell mine t.csv",
        "is UTF-16",
        "t.csv",
        "id,answer\n1,praise".encode("utf-16"),
    ),
    "nothing to add": ("add mine", "wanted either --data or --classes"),
    "rows that are there": ("add mine --data same.npz", "are in the session"),
    "rows of another kind": ("add mine --data t.csv", "of kind text", "t.csv", TEXTS),
    "rows of another width": ("add mine --data wide.npz", "has 9 features a row"),
    "a class that is there": ("add mine --classes praise", "are both called"),
    "a class of nothing": ("add mine --classes ''", "wanted a list of one name"),
    "a class without a table": ("add mine --classes d", "give a table of"),
    "a narrow table": (
        "add mine --classes d --prior-table same.npz",
        "shape (150, 3); wanted (150, 4)",
    ),
    "an export to nowhere": ("export mine", "Missing option '--out'"),
    "an export into a file": ("export mine --out f", "cannot be", "f", "x"),
    "predictions of texts": ("predict mine --data t.csv", "rows of kind text", "t.csv", TEXTS),
    "predictions of another width": ("predict mine --data wide.npz", "has 9 features a row;"),
    "a model that is none": (
        "predict . --data same.npz",
        "is not an .npz of plain",
        "model.json",
        "{}",
    ),
    "a session once more": ("new mine --data same.npz --classes a,b,c", "is a session"),
    "a file for a folder": ("new f --data same.npz --classes a,b,c", "f is a file", "f", "x"),
    "another's options": ("suggest mine --config-dir nowhere", "not a folder"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_commands_that_make_no_sense_are_refused_and_nothing_is_written(
    case: str, here: Path, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line, sentence, *file = COMMANDS[case]
    npz(here, name="same.npz")
    np.savez(here / "wide.npz", features=np.ones((5, 9)))
    with Session.open(mine) as session:
        waits, asked = session.waiting()[0].id, {s.row for s in session.store.suggestions()}
    never = next(row for row in range(150) if row not in asked)
    for name, content in [file] if file else []:
        if isinstance(content, str):
            content = content.replace("WAITS", waits).replace("NEVER", str(never)).encode()
        (here / name).write_bytes(content)
    before = counts(mine)
    assert sentence in refused(["session", *split(line)], capsys)
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
