"""The format of manifest.json and rounds.jsonl, checked on reading: files get edited, cut, copied.

Every key and type is checked, so that nothing but a result is read as one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

Fits = tuple[str, Callable[[Any], bool]]  # what a value must be: in words, and as a test


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
    if isinstance(found, dict) and isinstance(found.get("queried"), list):  # fill in an older line
        found = {"ids": [], "annotators": [], "cost": float(len(found["queried"])), **found}
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
    """The start of a value, on one line."""
    return repr(value)[:60]
