"""What a dotted name of this package says of itself, read from its source without importing it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def definition(target: str) -> ast.ClassDef | ast.FunctionDef | None:
    """The class or function that a dotted name means; None where its module has none such.

    ModuleNotFoundError where there is no such module.
    """
    package, _, name = target.rpartition(".")
    spec = find_spec(package + behind(package, name))
    for node in parsed(Path(spec.origin)).body if spec and spec.origin else []:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    return None


@cache
def constants(target: str) -> Mapping[str, Any]:
    """The literal values in the body of the class that a dotted name means."""
    node, found = definition(target), {}
    for line in node.body if isinstance(node, ast.ClassDef) else []:
        names = [line.target] if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [])
        value = getattr(line, "value", None)
        for name in names:
            if isinstance(name, ast.Name) and isinstance(value, ast.Constant | ast.Tuple):
                found[name.id] = ast.literal_eval(value)
    return found


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
