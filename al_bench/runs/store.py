"""Runs on disk: a folder each, named by the hash of its science, written by one process:
``manifest.json`` (replaced as a whole) and ``rounds.jsonl`` (appended and flushed by line; a torn
last line is dropped)."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_bench.core.hashing import replaced

if TYPE_CHECKING:
    from al_bench.core.loop import Round

Fits = tuple[str, Callable[[Any], bool]]  # what a value must be: in words, and as a test
log = logging.getLogger(__name__)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _table_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


ROUND: dict[str, Fits] = {
    "round": ("a whole number", _is_count),
    "queried": ("a list of row numbers", _list_of(_is_count)),
    "answers": ("a list of class numbers", _list_of(_is_count)),
    "oracle_calls": ("a whole number", _is_count),
    "metrics": ("numbers by name", _table_of(_is_number)),
    "recall": ("a list of numbers", _list_of(_is_number)),
    "seconds": ("numbers by name", _table_of(_is_number)),
    "ids": ("a list of whole numbers or texts", _list_of(lambda value: type(value) in (int, str))),
    "annotators": ("a list of whole numbers", _list_of(_is_count)),
    "cost": ("a number", _is_number),
}
_TEXTS = ("texts by name", _table_of(lambda value: isinstance(value, str)))
_TABLE = ("an object", _table_of(lambda value: True))
MANIFEST: dict[str, Fits] = {
    "choices": _TEXTS,
    "science": _TABLE,
    "seed": ("a whole number", _is_count),
    "facts": _TABLE,
    "versions": _TEXTS,
    "started": ("a time", _is_time),
    "finished": ("a time or null", lambda value: value is None or _is_time(value)),
    "error": ("a text or null", lambda value: value is None or isinstance(value, str)),
}

END = re.compile(  # of the manifest of a finished run
    rb'"started": "(?P<started>[^"]+)",\n "finished": "(?P<finished>[^"]+)",\n "error": null'
    rb'(,\n "selected_by": "\w+")?\n}\n$'
)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run, empty if there is none; ValueError if it is damaged."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error}); delete {folder} to run it anew") from None
    if not isinstance(manifest, dict):
        raise ValueError(f"{path} holds a {type(manifest).__name__}; wanted a JSON object")
    for key, (wanted, fits) in MANIFEST.items():
        if key not in manifest or not fits(manifest[key]):
            came = f"is {shortened(manifest[key])}" if key in manifest else "is not there"
            raise ValueError(
                f"{path}: {key!r} {came}; wanted {wanted}; delete {folder} to run it anew"
            )
    return manifest


def read_end(folder: str) -> dict[str, Any] | None:
    """When a finished run started and ended, from the end of its manifest, ten times as fast as
    parsing and checking it; empty if it has not finished, None if there is no manifest."""
    try:
        with open(f"{folder}/manifest.json", "rb", buffering=0) as file:
            found = END.search(file.read())
    except FileNotFoundError:
        return None
    return {} if found is None else {key: text.decode() for key, text in found.groupdict().items()}


def read_round_lines(folder: Path) -> tuple[list[dict[str, Any]], bool]:
    """The finished rounds of a run, in order, and whether a torn last line was left out."""
    path = folder / "rounds.jsonl"
    *lines, rest = path.read_bytes().split(b"\n") if path.exists() else [b""]
    rounds = []
    for number, line in enumerate(lines):
        where = f"{path} line {number + 1}"
        try:
            rounds.append(read_round(line))
        except ValueError as error:
            raise ValueError(f"{where} is damaged: {error}") from None
        if rounds[-1]["round"] != number:
            raise ValueError(f"{where} is round {rounds[-1]['round']}, not {number}")
    return rounds, rest != b""


def read_round(line: bytes | str) -> dict[str, Any]:
    """One line of rounds.jsonl; ValueError, in a few words, unless all of it is a valid round."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(found, dict) or found.keys() != ROUND.keys():
        raise ValueError(f"it is {shortened(found)}; wanted the keys {', '.join(ROUND)}")
    for key, (wanted, fits) in ROUND.items():
        if not fits(found[key]):
            raise ValueError(f"{key!r} is {shortened(found[key])}; wanted {wanted}")
    if len(found["queried"]) != len(found["answers"]):
        raise ValueError(f"it has {len(found['queried'])} rows and {len(found['answers'])} answers")
    for what in ("ids", "annotators"):
        if len(found[what]) not in (0, len(found["queried"])):
            raise ValueError(f"it has {len(found['queried'])} rows and {len(found[what])} {what}")
    return found


def shortened(value: Any) -> str:
    return repr(value)[:60]


class BusyError(RuntimeError):
    """Another process is writing this run."""


def read_rounds(folder: Path) -> list[Round]:
    """The finished rounds of a run, in order; ValueError if a complete line is damaged."""
    from al_bench.core.loop import Round

    return [Round(**line) for line in read_round_lines(folder)[0]]


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
