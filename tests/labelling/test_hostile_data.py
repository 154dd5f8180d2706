"""Data that are not as said: one sentence, exit code 1 or 2, and no session is made."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from al_bench.labelling import Session
from tests.labelling.hostile import (
    NEW,
    TEXTS,
    F,
    arrays,
    folder,
    images,
    parquet,
    refused,
    unreadable,
    write,
)

DATA: dict[str, tuple[Callable[[Path], str], list[str], str]] = {
    "no such file": (lambda _: "nowhere.csv", [], "there is no file or folder nowhere.csv"),
    "an empty file": (write("a.csv", ""), [], "is empty"),
    "a header alone": (write("a.csv", "text\n"), [], "has no rows"),
    "no such column": (
        write("a.csv", "body\nx\n"),
        [],
        "has no column 'text'; its columns are body",
    ),
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
    "more cells in every row": (
        write("a.csv", "text\na,b\nc,d\n"),
        [],
        "more cells than the header",
    ),
    "a quote never closed": (write("a.csv", 'text\n"hello\nyou\n'), [], "is no table"),
    "an empty text": (
        write("a.csv", "text,n\nhello,1\n,2\n"),
        [],
        "row 1 holds nothing; wanted a text",
    ),
    "a very long text": (write("a.csv", "text\n" + "x" * 1_000_001), [], "1,000,001 characters"),
    "an id twice": (
        write("a.csv", "text,id\na,1\nb,1\n"),
        ["--id", "id"],
        "id '1' comes more than",
    ),
    "a label of no class": (
        write("a.csv", "text,y\nx,c\n"),
        ["--label", "y"],
        "is 'c'; wanted one of a, b",
    ),
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
    "a column of a folder": (
        images(b"x"),
        ["--text", "body"],
        "a folder of images and has no column",
    ),
    "a broken image": (images(b"no image"), [], "0.png is not an image that can be read"),
    "a torn data set": (unreadable, [], "cannot be read as a data set"),
    "an image that is not there": (write("a.csv", "f\nx.png\n"), ["--image", "f"], "no file x.png"),
    "a hub id that is not there": (lambda _: "hf://nobody/nothing", [], "cannot be read as a data"),
    "no hub id": (lambda _: "hf://", [], "names no data set"),
    "a torn npz": (write("a.npz", b"PK\x03\x04"), [], "is not an .npz of plain arrays"),
    "an npz of objects": (
        arrays(features=np.array([{}], dtype=object)),
        [],
        "not an .npz of plain",
    ),
    "no features": (arrays(x=F), [], "has no features; it has x"),
    "no rows of features": (arrays(features=np.ones((0, 3))), [], "wanted (n, d) numbers"),
    "words for features": (arrays(features=np.array([["a"]])), [], "wanted (n, d) numbers"),
    "nan features": (arrays(features=F * np.nan), [], "row 0 is not finite (4 such rows)"),
    "huge features": (arrays(features=F * 1e300), [], "row 0 is not finite"),
    "ids too few": (arrays(features=F, ids=np.arange(3)), [], "wanted (4,) whole numbers or texts"),
    "ids twice": (arrays(features=F, ids=np.zeros(4, int)), [], "id '0' comes more than once"),
    "a prior too short": (
        arrays(features=F, prior=np.full((3, 2), 0.5)),
        [],
        "shape (3, 2); wanted",
    ),
    "a prior of no sums": (
        arrays(features=F, prior=np.ones((4, 2))),
        [],
        "no probabilities that sum",
    ),
    "a prior below 0": (
        arrays(features=F, prior=np.tile([2.0, -1], (4, 1))),
        [],
        "no probabilities",
    ),
    "columns of an npz": (arrays(features=F), ["--text", "x"], "is an .npz and has no column 'x'"),
    "a table for texts": (write("a.csv", TEXTS), ["--prior-table", "a.csv"], "is for embeddings"),
    "a table not there": (arrays(features=F), ["--prior-table", "x.csv"], "there is no file x.csv"),
    "no table": (
        arrays(features=F),
        ["--prior-table", "rows.npz"],
        "has no prior; it has features",
    ),
    "a file of the machine": (lambda _: "/dev/null", [], "is no kind of data that is read here"),
}


@pytest.mark.parametrize("case", DATA)
def test_data_that_are_not_as_said_are_refused_and_no_session_is_made(
    case: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, options, sentence = DATA[case]
    assert sentence in refused([*NEW, make(here), *options], capsys)
    with pytest.raises(ValueError, match="is no session"):
        Session.open(here / "mine")
