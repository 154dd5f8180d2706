"""What a dotted name of this package says of itself, read from its source without importing it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

Definition: TypeAlias = ast.ClassDef | ast.FunctionDef


def definition(target: str) -> Definition | None:
    """The class or function that a dotted name means; None where its module has none such.

    ModuleNotFoundError where there is no such module.
    """
    name = target.rpartition(".")[2]
    named = (node for node in statements(target) if isinstance(node, Definition))
    return next((node for node in named if node.name == name), None)


def statements(target: str) -> list[ast.stmt]:
    """What the module says that a dotted name lies in; nothing where it has no source."""
    package, _, name = target.rpartition(".")
    spec = find_spec(package + behind(package, name))
    return parsed(Path(spec.origin)).body if spec and spec.origin else []


@cache
def imports(target: str) -> frozenset[str]:
    """The top-level packages that a class or function imports, or its module for all in it."""
    name = target.rpartition(".")[2]
    own = [n for n in statements(target) if not isinstance(n, Definition) or n.name == name]
    found: set[str] = set()
    for node in (inner for outer in own for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return frozenset(module.partition(".")[0] for module in found)


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
