"""Runs on disk: one directory a run, named by the hash of its science, written by one process.

``manifest.json`` says what ran (replaced as a whole), ``rounds.jsonl`` what happened (appended and
flushed line by line; a torn last line is dropped on reading). Where test labels are held out,
``predictions.npy`` has what the model says of the test rows after each round (replaced as a whole,
before the round's line is written).
"""

from __future__ import annotations

import fcntl
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.loop import Round
from al_bench.runs import records
from al_bench.runs.records import read_manifest

__all__ = ["BusyError", "RunFolder", "read_manifest", "read_predictions", "read_rounds"]


class BusyError(RuntimeError):
    """Another process is writing this run."""


def read_rounds(folder: Path) -> list[Round]:
    """The finished rounds of a run, in order; ValueError where a whole line is damaged."""
    return [Round(**line) for line in records.read_rounds(folder)[0]]


def read_predictions(folder: Path) -> NDArray[np.int16] | None:
    """(rounds, 4, m) classes of the test rows by round, as ``Problem.guesses`` orders them, at
    least those of the finished rounds; None where a run has none. ValueError where they are
    damaged."""
    path = folder / "predictions.npy"
    if not path.exists():
        return None
    try:
        found: NDArray[np.int16] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete {folder} to run it anew") from None
    if found.dtype != np.int16 or found.ndim != 3 or found.shape[1] != 4:
        raise ValueError(f"{path} is {found.dtype} of shape {found.shape}; wanted int16 of shape "
                         f"(rounds, 4, rows); delete {folder} to run it anew")  # fmt: skip
    return found


class RunFolder:
    """The directory of one run, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def held(self, wait: bool = False) -> Iterator[RunFolder]:
        """Hold the run until the process ends; if another one holds it, BusyError, or wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise BusyError(
                    f"run {self.folder.name} is being written by another process"
                ) from None
            yield self

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest: readers see the old one or the new one, never a part."""
        self.replace("manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())

    def replace(self, name: str, content: bytes) -> None:
        """Write a file as a whole, to the disk, before it takes the place of the old one."""
        temporary = self.folder / f"{name}.part"
        with self.writable():
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.folder / name)

    def clear(self) -> None:
        """Forget the rounds, so that the run is made anew."""
        for name in ("rounds.jsonl", "predictions.npy"):
            (self.folder / name).unlink(missing_ok=True)

    def resume(self) -> list[Round]:
        """The finished rounds; what a killed process left of a torn line is cut off the file."""
        rounds = read_rounds(self.folder)
        path = self.folder / "rounds.jsonl"
        if path.exists():
            whole = path.read_bytes().rfind(b"\n") + 1
            os.truncate(path, whole)
        return rounds

    def append(self, round: Round) -> None:
        """Add one round and see it to the disk, its predictions first."""
        line = asdict(round)
        predictions = line.pop("predictions")
        if predictions is not None:
            self.predict(round.round, predictions)
        with self.writable(), open(self.folder / "rounds.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def predict(self, number: int, predictions: NDArray[np.int16]) -> None:
        """Put the predictions of a round behind those of the rounds before it; later ones, whose
        line a killed process did not write, are dropped."""
        known = read_predictions(self.folder)
        before = predictions[None][:0] if known is None else known[:number]
        if before.shape != (number, *predictions.shape):
            raise ValueError(
                f"{self.folder / 'predictions.npy'} has predictions of shape {before.shape}; "
                f"wanted {(number, *predictions.shape)}; delete {self.folder} to run it anew"
            )
        content = io.BytesIO()
        np.save(content, np.concatenate([before, predictions[None]]), allow_pickle=False)
        self.replace("predictions.npy", content.getvalue())

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Say in one sentence that the run cannot be written; a full disk names no file."""
        try:
            yield
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write run {self.folder.name} under {self.folder.parent}: "
                f"{error.strerror}; its finished rounds are kept",
            ) from error
