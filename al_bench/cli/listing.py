"""``albench list``: the options of every config group, read from files; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
import yaml

from al_bench.cli.options import ConfigDir
from al_bench.runs.config import config_folders, trust_folder
from al_bench.runs.declarations import KINDS, class_option, definition
from al_bench.runs.display import parameters, value
from al_bench.runs.options import UnusualError, file_of, option_names, read_option


def list_options(
    group: Annotated[
        str | None,
        typer.Argument(help="dataset, noise, annotators, prior, strategy, ...", show_default=False),
    ] = None,
    option: Annotated[
        str | None, typer.Argument(help="one option of the group", show_default=False)
    ] = None,
    config_dir: ConfigDir = None,
) -> None:
    """List the options of a config group (all groups without one) with one line each.

    \b
    examples:
      albench list strategy
      albench list strategy badge     # what it does, its paper, and its parameters
    """
    if config_dir is not None:
        trust_folder(config_dir)
    folders = config_folders(config_dir)
    names = sorted({p.name for f in folders for p in f.iterdir() if p.is_dir()} | {*KINDS})
    for name in [group] if group else names:
        if name not in names:
            raise ValueError(f"there is no group {name!r}; there are {', '.join(names)}")
        found = {one: one_line(name, one, folders) for one in option_names(name, folders)}
        if not found:
            continue
        if option is not None:
            if option not in found:
                raise ValueError(f"{name} has no option {option!r}; it has {', '.join(found)}")
            print("\n".join(about(name, option, found[option], folders)))
            return
        print(name if group is None else "", end="\n" if group is None else "")
        found = {o: line for o, line in found.items() if not line.startswith("Part of ")}
        width = max(map(len, found), default=0)
        for one, line in found.items():
            print(f"  {one:{width}}  {line}".rstrip())


def about(group: str, option: str, line: str, folders: list[Path]) -> Iterator[str]:
    """An option's line, its class's docstring, and its parameters with defaults."""
    try:
        node = read_option(group, option, folders)
    except UnusualError:  # an experiment, a task
        node = {}
    target = str(node.pop("_target_", ""))
    text = docstring(target, whole=True) if target else ""
    shown = "" if " ".join(text.split()).startswith(line) else line
    yield from (part for part in (f"{group}={option} {target}".strip(), shown, text) if part)
    for name, default in parameters(node).items():
        yield f"  {group}.{name}={value(default)}"


def one_line(group: str, option: str, folders: list[Path]) -> str:
    """An option's first comment, its changes to another one, or its class's first sentence."""
    if (path := file_of(group, option, folders)) is None:
        return docstring(str(class_option(group, option)))
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
    changed = ", ".join(f"{key}={value}" for key, value in parameters(node).items())
    return f"{bases[0]} with {changed}" if bases else ""


def docstring(target: str, whole: bool = False) -> str:
    """The docstring of a dotted name, or its first sentence, parsed from the source."""
    try:
        node = definition(target)
    except ModuleNotFoundError as error:
        return f"(module {error.name} is not installed)"
    if whole:
        return (ast.get_docstring(node) or "") if node else ""
    first = " ".join(((ast.get_docstring(node) or "") if node else "").split("\n\n")[0].split())
    sentence, more, _ = first.partition(". ")
    return f"{sentence}." if more else sentence
