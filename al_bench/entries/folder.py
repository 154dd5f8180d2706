"""The folder of an entry: results, configuration, sources of brought code, environment, a card.

Nothing in it is ever called: a method is composed anew from the names of options, and code comes
from a folder that the user names.
"""

from __future__ import annotations

import inspect
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from al_bench.analysis.frame import Results, read_parquet, write_parquet
from al_bench.configuration.identity import beside, component, source, targets
from al_bench.configuration.plan import Job
from al_bench.configuration.portable import AVX2
from al_bench.configuration.tasks import method_of, of_method
from al_bench.configuration.words import OURS
from al_bench.content import digest
from al_bench.entries.card import card
from al_bench.entries.predictions import FILE as PREDICTIONS
from al_bench.entries.predictions import Predictions
from al_bench.entries.predictions import read as read_predictions
from al_bench.runs.provenance import versions

FILES = ("results.parquet", "config.yaml", "environment.json")  # what is read back
SAID = {"name": str, "task": str, "version": int, "overrides": list}


@dataclass(frozen=True)
class About:
    """What an entry says of itself: its name, the task with its version, the method's overrides."""

    name: str
    task: str
    version: int
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """An entry as it was read: nothing of it is believed before it is checked. predictions: where
    it has some, on a task whose test labels are held out."""

    about: About
    results: Results
    environment: Mapping[str, Any]
    predictions: Predictions | None


def write(
    folder: Path,
    about: About,
    results: Results,
    job: Job,
    numbers: str,
    predictions: Predictions | None,
) -> list[Path]:
    """Write an entry and return its files; job: any of its runs; numbers: the card's table.

    A card that is there is kept: it was filled in, and its numbers are in the other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = asdict(about) | {"overrides": list(about.overrides), "method": method_of(job)}
    texts = {
        "config.yaml": yaml.safe_dump(said, sort_keys=False, allow_unicode=True),
        "sources.json": json.dumps(sources(method_of(job)), indent=1) + "\n",
        "environment.json": json.dumps(environment(job, results), indent=1) + "\n",
        "card.md": card(about.name, about.task, about.overrides, numbers),
    }
    paths = [write_parquet(results, folder / "results.parquet")]
    if predictions is not None:
        paths.append(folder / PREDICTIONS)
        arrays: dict[str, Any] = {run: predictions[run] for run in sorted(predictions)}
        np.savez_compressed(paths[-1], **arrays)
    for name, text in texts.items():
        path = folder / name
        if name != "card.md" or not path.exists():
            path.write_text(text, "utf-8")
        paths.append(path)
    return paths


def sources(method: Mapping[str, Any]) -> dict[str, Any]:
    """Of each component that is not ours the hash that is part of its runs' names, and those of the
    files it is of; nothing where the method brings no code."""
    found = {}
    for target in sorted({name for name in targets(method) if not name.startswith(OURS)}):
        part = component(target)
        module = inspect.getmodule(part)
        files = [] if module is None else [Path(str(used.__file__)) for used in beside(module)]
        found[target] = {"source": source(part), "files": {p.name: digest(p) for p in files}}
    return found


def environment(job: Job, results: Results) -> dict[str, Any]:
    """What runs here are made with, and what is on record of the entry's runs."""
    return here(job) | {"runs": {key: list(some) for key, some in results.provenance.items()}}


def here(job: Job) -> dict[str, Any]:
    """What decides a number in its last bit: versions, processor kind, instructions held to."""
    return {
        "versions": versions(job.science),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": job.at("threads"),
        "held": {name: os.environ.get(name) for name in AVX2},
    }


def read(folder: Path) -> Entry:
    """An entry's folder; FileNotFoundError or ValueError, in one sentence, where it is none."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} is no entry: it has no {', '.join(missing)}; `albench enter` writes them"
        )
    said = loaded(folder / "config.yaml", yaml.safe_load)
    for key, kind in SAID.items():
        if not isinstance(said.get(key), kind):
            raise ValueError(f"{folder / 'config.yaml'}: {key} is {said.get(key)!r}; wanted "
                             f"{kind.__name__}")  # fmt: skip
    about = About(said["name"], said["task"], said["version"], tuple(map(str, said["overrides"])))
    for override in about.overrides:
        if override not in of_method(about.overrides) or ".." in override:  # a way to other folders
            raise ValueError(f"{folder / 'config.yaml'}: overrides has {override!r}; wanted only "
                             "what says the method")  # fmt: skip
    around = loaded(folder / "environment.json", json.loads)
    said_of_test = folder / PREDICTIONS
    predictions = read_predictions(said_of_test) if said_of_test.is_file() else None
    return Entry(about, read_parquet(folder / "results.parquet"), around, predictions)


def loaded(path: Path, load: Any) -> dict[str, Any]:
    """A mapping from a file; ValueError where it is none."""
    try:
        found = load(path.read_text("utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read ({' '.join(str(error).split())[:80]})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}; wanted a mapping")
    return found
