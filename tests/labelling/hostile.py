"""What tests of hostile input share: files that are not as they should be, and a refusal."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from al_bench.cli.main import main
from al_bench.labelling.store import FILE

TEXTS = "text\nhello there\ngood bye\nhow are you\n"
NEW = ["session", "new", "mine", "--classes", "a,b", "--data"]
F = np.ones((4, 3))


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
