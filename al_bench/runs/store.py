"""Runs on disk: one folder per run, named by the hash of its science, written by one process.

``manifest.json`` describes the run (replaced as a whole), ``rounds.jsonl`` has its rounds (appended
and flushed line by line; a torn last line is dropped on reading).
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from al_bench.core.hashing import replaced
from al_bench.core.loop import Round
from al_bench.runs import schema
from al_bench.runs.schema import read_manifest

log = logging.getLogger(__name__)

__all__ = ["BusyError", "RunFolder", "read_manifest", "read_rounds"]


class BusyError(RuntimeError):
    """Another process is writing this run."""


def read_rounds(folder: Path) -> list[Round]:
    """The finished rounds of a run, in order; ValueError if a complete line is damaged."""
    return [Round(**line) for line in schema.read_round_lines(folder)[0]]


class RunFolder:
    """The folder of one run, locked by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name

    @contextmanager
    def held(self, wait: bool = False) -> Iterator[RunFolder]:
        """Lock the run; if another process has locked it, raise BusyError, or wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                busy = f"run {self.name} is being written by {lock.read() or 'another one'}"
                if not wait:
                    raise BusyError(busy) from None
                log.warning("%s; waiting for it", busy)
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {platform.node()}")
            lock.flush()
            yield self

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest; readers see the old or the new one, never a part."""
        with self.writable(), replaced(self.folder / "manifest.json") as temporary:
            temporary.write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")

    def clear(self) -> None:
        """Delete the rounds, so that the run starts anew."""
        (self.folder / "rounds.jsonl").unlink(missing_ok=True)

    def resume(self) -> list[Round]:
        """The finished rounds; a torn last line of a killed process is cut off the file."""
        rounds = read_rounds(self.folder)
        path = self.folder / "rounds.jsonl"
        if path.exists():
            whole = path.read_bytes().rfind(b"\n") + 1
            os.truncate(path, whole)
        return rounds

    def append(self, round: Round) -> None:
        """Append one round and flush it to the disk."""
        with self.writable(), open(self.folder / "rounds.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(round), separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Turn an OSError inside into a sentence with the path, which a full disk's error lacks."""
        try:
            yield
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write run {self.name} under {self.folder.parent}: "
                f"{error.strerror}; its finished rounds are kept",
            ) from error
