"""What a class of this package declares, read from its source without importing it: some components
take seconds to import. Public classes are also the options of the config groups."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

OURS = "al_bench."  # what the dotted names of our classes begin with
MISSING = "???"  # a value that the user has to give
KINDS = {  # of each config group the method that its classes have, and their packages
    "dataset": ("load", "data"),
    "imbalance": ("keep", "data"),
    "noise": ("answers", "data"),
    "annotators": ("crowd", "data"),
    "protocol": ("sizes", "data"),
    "prior": ("probabilities", "priors"),
    "strategy": ("select", "strategies"),
    "supervision": ("training_set", "supervision"),
    "learner": ("fit", "learners"),
    "label_model": ("infer", "crowd", "belief"),
    "annotator_selection": ("assign", "crowd"),
    "belief": ("believe", "belief"),
}
Definition: TypeAlias = ast.ClassDef | ast.FunctionDef


@cache
def definition(target: str) -> Definition | None:
    """The class or function with a dotted name; None if its module does not define it."""
    name = target.rpartition(".")[2]
    named = (node for node in statements(module_of(target)) if isinstance(node, Definition))
    return next((node for node in named if node.name == name), None)


def statements(module: str) -> list[ast.stmt]:
    spec = find_spec(module)
    return parsed(Path(spec.origin)).body if spec and spec.origin else []


def module_of(target: str) -> str:
    """The module that defines a dotted name, which a package may offer by its stub."""
    package, _, name = target.rpartition(".")
    return package + public(package).get(name, "")


@cache
def public(package: str) -> Mapping[str, str]:
    """The names that a package's .pyi stub offers, and the submodule of each with a leading dot."""
    spec = find_spec(package)
    stub = Path(spec.origin).with_suffix(".pyi") if spec and spec.origin else None
    body = parsed(stub).body if stub and stub.is_file() else []
    found = [node for node in body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f".{node.module}" for node in found for alias in node.names}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(target: str) -> frozenset[str]:
    """The top-level packages that a class or function imports, itself or through its module."""
    name = target.rpartition(".")[2]
    body = statements(module_of(target))
    own = [node for node in body if not isinstance(node, Definition) or node.name == name]
    found: set[str] = set()
    for node in (inner for outer in own for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return frozenset(module.partition(".")[0] for module in found)


@cache
def constants(target: str) -> Mapping[str, Any]:
    """The literal values assigned in the body of the class with a dotted name."""
    node = definition(target)
    found = assigned(node.body) if isinstance(node, ast.ClassDef) else {}
    literal = ast.Constant | ast.Tuple
    return {n: ast.literal_eval(v) for n, v in found.items() if isinstance(v, literal)}


def assigned(body: list[ast.stmt]) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for line in body:
        names = [line.target] if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [])
        value = getattr(line, "value", None)
        found |= {n.id: value for n in names if isinstance(n, ast.Name) and value is not None}
    return found


# --- constructors ---------------------------------------------------------------------------------


@cache
def signature(target: str) -> Mapping[str, Any]:
    """The parameters of a constructor and their defaults as a config has them, or ``???``."""
    node, module = definition(target), module_of(target)
    if not isinstance(node, ast.ClassDef):
        return {}
    for line in node.body:
        if isinstance(line, ast.FunctionDef) and line.name == "__init__":
            args, few = [*line.args.posonlyargs, *line.args.args][1:], line.args.defaults
            values = [None] * (len(args) - len(few)) + few + line.args.kw_defaults
            names = [one.arg for one in [*args, *line.args.kwonlyargs]]
            return {n: expressed(v, module) for n, v in zip(names, values, strict=True)}
    found = {n: v for base in reversed(bases(target)) for n, v in signature(base).items()}
    if any("dataclass" in ast.unparse(one) for one in node.decorator_list):
        for line in (line for line in node.body if isinstance(line, ast.AnnAssign)):
            text, name = ast.unparse(line), ast.unparse(line.target)
            if "init=False" in text:
                found.pop(name, None)
            elif "ClassVar" not in text:
                found[name] = expressed(line.value, module)
    return found


def expressed(node: ast.expr | None, module: str) -> Any:
    """The value of a literal, constant or object of our classes as a config expresses it."""
    if node is None:
        return MISSING
    if isinstance(node, ast.Dict):
        keys = [expressed(key, module) for key in node.keys]
        return dict(zip(keys, [expressed(value, module) for value in node.values], strict=True))
    if isinstance(node, ast.List | ast.Tuple):
        return [expressed(one, module) for one in node.elts]
    if isinstance(node, ast.Name):
        module, _, name = origin(node.id, module).rpartition(".")
        return expressed(assigned(statements(module))[name], module)
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    given = {str(word.arg): word.value for word in node.keywords}
    if ast.unparse(node.func) == "field":
        if "default_factory" not in given:
            return expressed(given.get("default"), module)
        made = given["default_factory"]
        body = made.body if isinstance(made, ast.Lambda) else ast.Call(made, [], [])
        return expressed(body, module)
    if ast.unparse(node.func) in ("dict", "list", "tuple"):
        return {} if ast.unparse(node.func) == "dict" else []
    target = origin(ast.unparse(node.func), module)
    room, name = ".".join(target.split(".")[:2]), target.rpartition(".")[2]
    target = f"{room}.{name}" if name in public(room) else target
    given = dict(zip(signature(target), node.args, strict=False)) | given
    return {"_target_": target} | {key: expressed(value, module) for key, value in given.items()}


@cache
def methods(target: str) -> frozenset[str]:
    node = definition(target)
    if not isinstance(node, ast.ClassDef):
        return frozenset()
    own = frozenset(line.name for line in node.body if isinstance(line, ast.FunctionDef))
    return own.union(*map(methods, bases(target)))


def bases(target: str) -> list[str]:
    node = definition(target)
    if not isinstance(node, ast.ClassDef):
        return []
    found = [origin(ast.unparse(base), module_of(target)) for base in node.bases]
    return [name for name in found if name.startswith(OURS)]


def origin(name: str, module: str) -> str:
    """The dotted name of what a module calls by a name."""
    head, dot, rest = name.partition(".")
    for node in statements(module):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if head == (alias.asname or alias.name):
                    return f"{node.module}.{alias.name}{dot}{rest}"
    return f"{module}.{name}"


# --- the options that classes are -----------------------------------------------------------------


def groups_of(target: str) -> Iterator[str]:
    """The config groups of whose kind a public class is."""
    _, package, *_ = (*target.split("."), "")
    for group, (method, *packages) in KINDS.items():
        if package in packages and target.startswith(OURS) and method in methods(target):
            yield group


@cache
def class_options(group: str) -> Mapping[str, str]:
    """The public classes of a group's kind that need no arguments, by their names as options."""
    return {option_name(one): one for one in classes(group) if stands_alone(group, one)}


def class_option(group: str, option: str) -> str | None:
    """The class that is an option of a group; most are found without reading all of the others."""
    for one in classes(group):
        if words_of(one) == option == option_name(one) and stands_alone(group, one):
            return one
    return class_options(group).get(option)


def classes(group: str) -> list[str]:
    """The public names of the packages of a group's classes."""
    _, *packages = KINDS.get(group, ("",))
    return [f"{OURS}{package}.{name}" for package in packages for name in public(OURS + package)]


def stands_alone(group: str, target: str) -> bool:
    return group in groups_of(target) and MISSING not in signature(target).values()


@cache
def option_name(target: str) -> str:
    """The name of a class as an option: what it declares as its ``option``, or its words."""
    return str(constants(target).get("option", words_of(target)))


@cache
def words_of(target: str) -> str:
    """The words of a class's name in lower case, joined by underscores."""
    words = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    return re.sub(words, "_", target.rpartition(".")[2]).lower()
