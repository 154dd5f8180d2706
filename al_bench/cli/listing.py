"""What there is: the options of every config group, read from the files without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from al_bench.configuration.config import config_dir, trust


def show(group: str | None, extra: Path | None) -> int:
    """Print the options of one group, or of all, with the first line of what they construct."""
    if extra is not None:
        trust(extra)
    folders = [config_dir(), *([extra] if extra is not None else [])]
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
    return 0


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
    """First docstring line of a dotted name, parsed from its source; empty where there is none."""
    package, _, name = target.rpartition(".")
    module = package + behind(package, name)
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return f"(module {module} is not installed)"
    if spec is None or spec.origin is None:
        return ""
    for node in parsed(Path(spec.origin)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").split("\n")[0]
    return ""


def behind(package: str, name: str) -> str:
    """The module, with its dots, from which a package's stub takes a name; empty without one."""
    spec = find_spec(package)
    stub = Path(spec.origin).with_suffix(".pyi") if spec and spec.origin else None
    if stub is None or not stub.is_file():
        return ""
    found = [node for node in parsed(stub).body if isinstance(node, ast.ImportFrom)]
    return next((f".{n.module}" for n in found if name in [a.name for a in n.names]), "")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))
