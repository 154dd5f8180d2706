"""The folder of an entry: results, configuration, environment, a card.

Nothing in it is ever called: a method is composed anew from the names of options, and code comes
from a folder that the user names.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from al_bench.analysis.frame import Results, read_parquet, write_parquet
from al_bench.entries.card import CARD, numbers
from al_bench.entries.tasks import Task, method_of, of_method
from al_bench.runs.environment import AVX2, versions
from al_bench.runs.plan import Job

RESULTS, CONFIG, AROUND = "results.parquet", "config.yaml", "environment.json"  # are read back
SAID = {"name": str, "task": str, "version": int, "overrides": list}


@dataclass(frozen=True)
class Entry:
    """An entry as it was read: nothing of it is believed before it is checked. overrides: of the
    method; version: of the task; environment: what its runs were made with."""

    name: str
    task: str
    version: int
    overrides: tuple[str, ...]
    results: Results
    environment: Mapping[str, Any]


def write(folder: Path, overrides: list[str], task: Task, results: Results, job: Job) -> list[Path]:
    """Write an entry and return its files; job: any of its runs.

    The method stands in the configuration as it was composed, code that is not ours by the hash of
    its source. A card that is there is kept: it was filled in, its numbers are in the other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = {"name": folder.name, "task": task.name, "version": task.version}
    chosen = {"overrides": overrides, "method": method_of(job)}
    around = here(job) | {"runs": {key: list(v) for key, v in results.provenance.items()}}
    table = numbers(results.frame, task)
    texts = {
        CONFIG: yaml.safe_dump(said | chosen, sort_keys=False, allow_unicode=True),
        AROUND: json.dumps(around, indent=1) + "\n",
        "card.md": CARD.format(**said, overrides=" ".join(overrides), numbers=table),
    }
    for name, text in texts.items():
        if name != "card.md" or not (folder / name).exists():
            (folder / name).write_text(text, "utf-8")
    return [write_parquet(results, folder / RESULTS), *(folder / name for name in texts)]


def here(job: Job) -> dict[str, Any]:
    """What decides a number in its last bit: versions, processor kind, instructions held to."""
    return {
        "versions": versions(job.science),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": job.at("threads"),
        "held": {name: os.environ.get(name) for name in AVX2},
    }


def different(job: Job, entry: Entry) -> list[str]:
    """What of this environment is not as the entry's was, on record or by its own runs."""
    ours = here(job)
    found = [key for key, value in ours.items() if entry.environment.get(key) != value]
    used = set(entry.results.provenance.get("versions", ()))
    same = used == {f"{name} {version}" for name, version in ours["versions"].items()}
    return found if same or "versions" in found else ["versions", *found]


def read(folder: Path) -> Entry:
    """An entry's folder; FileNotFoundError or ValueError, in one sentence, where it is none."""
    missing = [name for name in (RESULTS, CONFIG, AROUND) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} is no entry: it has no {', '.join(missing)}; `albench enter` writes them"
        )
    path = folder / CONFIG
    said = loaded(path, yaml.safe_load)
    for key, kind in SAID.items():
        if not isinstance(said.get(key), kind):
            raise ValueError(f"{path}: {key} is {said.get(key)!r}; wanted {kind.__name__}")
    overrides = tuple(map(str, said["overrides"]))
    for override in overrides:
        if override not in of_method(overrides) or ".." in override:  # a way to other folders
            raise ValueError(
                f"{path}: overrides has {override!r}; wanted only what says the method"
            )
    around = loaded(folder / AROUND, json.loads)
    results = read_parquet(folder / RESULTS)
    return Entry(said["name"], said["task"], said["version"], overrides, results, around)


def loaded(path: Path, load: Any) -> dict[str, Any]:
    """A mapping from a file; ValueError where it is none."""
    try:
        found = load(path.read_text("utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read ({' '.join(str(error).split())[:80]})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}; wanted a mapping")
    return found
