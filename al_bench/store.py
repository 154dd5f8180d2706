"""Runs on disk: one directory a run, named by the hash of its science, written by one process.

``manifest.json`` says what ran (replaced as a whole), ``rounds.jsonl`` what happened (appended and
flushed line by line; a torn last line is dropped on reading).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from al_bench.loop import Round

PROTOCOL = 2  # part of every run's name; raised when numbers change on purpose


class BusyError(RuntimeError):
    """Another process is writing this run."""


def run_id(science: Mapping[str, Any]) -> str:
    """Twelve hex digits that name a run: equal settings give equal names, on any machine."""
    text = json.dumps([PROTOCOL, science], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()[:12]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run, empty where there is none; ValueError where it is damaged."""
    path = folder / "manifest.json"
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); delete {folder} to run it anew") from None
    if not isinstance(manifest, dict):
        raise ValueError(f"{path} holds a {type(manifest).__name__}; wanted a JSON object")
    return manifest


def read_rounds(folder: Path) -> list[Round]:
    """The finished rounds of a run, in order; ValueError where a whole line is damaged."""
    path = folder / "rounds.jsonl"
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    rounds = []
    for number, line in enumerate(lines[:-1]):  # what follows the last newline is torn
        try:
            rounds.append(Round(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} line {number + 1} is damaged: {error}") from None
        if rounds[-1].round != number:
            raise ValueError(f"{path} line {number + 1} is round {rounds[-1].round}, not {number}")
    return rounds


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
        temporary = self.folder / "manifest.json.part"
        temporary.write_text(json.dumps(manifest, indent=1) + "\n")
        os.replace(temporary, self.folder / "manifest.json")

    def resume(self) -> list[Round]:
        """The finished rounds; what a killed process left of a torn line is cut off the file."""
        rounds = read_rounds(self.folder)
        path = self.folder / "rounds.jsonl"
        if path.exists():
            whole = path.read_bytes().rfind(b"\n") + 1
            os.truncate(path, whole)
        return rounds

    def append(self, round: Round) -> None:
        """Add one round and see it to the disk."""
        with open(self.folder / "rounds.jsonl", "a") as file:
            file.write(json.dumps(asdict(round), separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
