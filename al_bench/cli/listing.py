"""What there is: the options of every config group, read from the files without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from al_bench.runs.component import definition
from al_bench.runs.config import config_folders, trust


def show(group: str | None, extra: Path | None) -> None:
    """Print the options of one group, or of all, with the first line of what they construct."""
    if extra is not None:
        trust(extra)
    folders = config_folders(extra)
    names = sorted({p.name for f in folders for p in f.iterdir() if _is_group(p)})
    wanted = [group] if group else names
    for name in wanted:
        if name not in names:
            raise ValueError(f"there is no group {name!r}; there are {', '.join(names)}")
        print(name if group is None else "", end="\n" if group is None else "")
        found = sorted(o for f in folders for o in options_of(f / name))
        options = [(option, line) for option, line in found if not line.startswith("Part of ")]
        width = max((len(option) for option, _ in options), default=0)
        for option, line in options:
            print(f"  {option:{width}}  {line}".rstrip())


def _is_group(path: Path) -> bool:
    return path.is_dir() and any(path.rglob("*.yaml"))


def options_of(folder: Path) -> Iterator[tuple[str, str]]:
    """(option, one line) of every yaml below a group's folder."""
    for path in folder.rglob("*.yaml"):
        yield str(path.relative_to(folder).with_suffix("")), one_line(path)


def one_line(path: Path) -> str:
    """The file's first comment, what it changes of another option, or the first docstring line of
    the class it names."""
    text = path.read_text()
    first = next((line for line in text.splitlines() if not line.startswith("# @package")), "")
    if first.startswith("#"):
        return first.lstrip("# ")
    node = yaml.safe_load(text) or {}
    if "mirrors" in node:
        node = node["mirrors"][0]
    if "_target_" in node:
        return docstring(node["_target_"])
    bases = [entry for entry in node.pop("defaults", []) if entry != "_self_"]
    changed = ", ".join(f"{key}={value}" for key, value in _flat(node))
    return f"{bases[0]} with {changed}" if bases else ""


def _flat(node: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of a nested mapping."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def docstring(target: str) -> str:
    """The first sentence of what a dotted name says of itself, parsed from its source, if any."""
    try:
        node = definition(target)
    except ModuleNotFoundError as error:
        return f"(module {error.name} is not installed)"
    first = " ".join(((ast.get_docstring(node) or "") if node else "").split("\n\n")[0].split())
    sentence, more, _ = first.partition(". ")
    return f"{sentence}." if more else sentence
