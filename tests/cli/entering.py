"""What the tests of entries have in common: a folder as it was made, and what a command said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def as_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside the folder, whose entries are afterwards as before, whatever a test does to them."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AL_BENCH_CACHE", str(folder / "cache"))
    shutil.copytree("entries", "kept")
    yield
    shutil.rmtree("entries")
    Path("kept").rename("entries")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence that a command ended with."""
    return capsys.readouterr().err.removeprefix("albench: ").strip()
