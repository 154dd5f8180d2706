"""What a component is, besides being an object: its class by public name, what its constructor is
given, and what else its numbers hang on.

A component's class may say ``version`` (raised when its numbers change on purpose), ``several``
(the same where there are several annotators), ``brings`` (its parameters that may name files or
folders of the user's own), ``operational`` (its parameters that change no number, and are no part
of it) and ``later`` (parameters that it has got since, each with the value that earlier runs had,
which names none). Code from outside this package is named by its source.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any, TypeAlias

from al_bench.runs.config import GIVEN, instantiate
from al_bench.runs.display import OURS

Definition: TypeAlias = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True, eq=False)
class Component:
    """One part of a run as a value; two are equal where they name the same code, parameters and
    content.

    group: its config group; name: of its option, or of its class; params: its class, as
    ``_target_``, and what its constructor is given, by name; several: whether it is of a run with
    several annotators, who have a version of their own.
    """

    group: str
    name: str
    params: Mapping[str, Any]
    several: bool = False

    @classmethod
    def of(cls, group: str, part: Any) -> Component:
        """What an object is, or a config node describes, by the name of its class."""
        params = part if isinstance(part, Mapping) else node_of(part)
        return cls(group, str(params["_target_"]).rpartition(".")[2].lower(), params)

    @property
    def version(self) -> Any:
        """What its class says of itself; None where it says nothing."""
        return self.identity.get("version")

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The parameters with versions, sources, and the content of files in place of their paths:
        what is hashed into a run's id, and stands in its manifest and in tables of results."""
        found: dict[str, Any] = identified(self.params, self.several)
        return found

    @cached_property
    def key(self) -> str:
        return json.dumps(self.identity, sort_keys=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Component) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def run_id(settings: Mapping[str, Any]) -> str:
    """Twelve hex digits that name a run: equal settings and content give equal names, on any
    machine. ValueError where a value is none of JSON's, or the source of outside code is unknown.
    """
    return name_of(identified(settings))


def name_of(known: Any) -> str:
    """The same of settings that are identified already."""
    text = json.dumps(known, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()[:12]


def identified(node: Any, several: bool = False) -> Any:
    """A config node with the version, source and content of each component in it; several: whether
    it is of a run with several annotators, as the settings of a run say by themselves."""
    if isinstance(node, list | tuple):
        return [identified(part, several) for part in node]
    if isinstance(node, float) and node.is_integer():
        return int(node)  # 1 and 1.0 are one value
    if not isinstance(node, Mapping):
        return node
    several = several or bool(node.get("annotators"))
    node = completed(node)
    found = {str(key): identified(value, several) for key, value in node.items()}
    if "_target_" in node:
        target = str(node["_target_"])
        ours = target.startswith(OURS)
        known = constants(target) if ours else vars(component(target))
        found |= {key: file_hash(node[key]) for key in known.get("brings", ()) if key in node}
        found = {
            key: value for key, value in found.items() if key not in known.get("operational", ())
        }
        for key, before in known.get("later", ()):
            if found.get(key) == before:
                del found[key]
        counted = ("version", "several") if several else ("version",)
        found |= {key: known[key] for key in counted if key in known}
        found |= {} if ours else {"source": source(component(target))}
    return found


def completed(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node with what its class, one of this package, is by default where the node leaves it out:
    the parameters of an object that is made so, as it keeps them."""
    target = str(node.get("_target_", ""))
    missing = [name for name in defaulted(target) if name not in node]
    if not missing or target == "al_bench.Problem":  # of arrays, which are known by their digest
        return node
    made = instantiate({name: value for name, value in node.items() if name not in GIVEN})
    return {**node, **{name: plain(getattr(made, name)) for name in missing}}


def targets(node: Any) -> Iterator[str]:
    """The dotted name of every component in a config node."""
    inside = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    if isinstance(node, Mapping) and "_target_" in node:
        yield str(node["_target_"])
    for part in inside:
        yield from targets(part)


def component(target: str) -> Any:
    """What a dotted name means; ValueError, in one sentence, where it means nothing."""
    try:
        return resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"_target_: {target} cannot be imported ({error})") from error


def file_hash(value: Any) -> Any:
    """The hash of a file or folder that a value names; the value itself where it names none."""
    from al_bench.core.hashing import digest, fingerprint

    path = Path(value).expanduser() if isinstance(value, str) and value else None
    if path is None or not path.exists():
        return value
    return f"sha256:{digest(path) if path.is_file() else fingerprint(path)}"


# --- objects --------------------------------------------------------------------------------------


def node_of(part: Any) -> dict[str, Any]:
    """The call that makes an equal object: its class, and what its constructor was given by name.

    ValueError where the object does not keep what its constructor takes, or keeps what no config
    can say.
    """
    kind = type(part)
    node: dict[str, Any] = {"_target_": public_name(kind)}
    for name in inspect.signature(kind).parameters:
        if not hasattr(part, name):
            raise ValueError(
                f"{kind.__qualname__} keeps no {name!r}, which its constructor takes, so a run "
                "with it could not be named; keep it under that name"
            )
        node[name] = plain(getattr(part, name))
    return node


def plain(value: Any) -> Any:
    """A value as a config says it; objects in it become nodes."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__module__ == "numpy":
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return str(value) if isinstance(value, Path) else node_of(value)


def public_name(kind: type) -> str:
    """The shortest dotted name a class is imported by."""
    parts = [*kind.__module__.split("."), kind.__qualname__]
    for end in range(1, len(parts) - 1):
        name = ".".join([*parts[:end], kind.__qualname__])
        try:
            if component(name) is kind:
                return name
        except ValueError:
            continue
    return ".".join(parts)


# --- sources --------------------------------------------------------------------------------------


@lru_cache(maxsize=256)  # of this very class, as it was loaded
def source(part: Any) -> str:
    """sha256 of the code that an outside component is made of: its module's file and those of the
    modules beside it that this one uses; in a notebook, its class's own lines."""
    module = sys.modules.get(getattr(part, "__module__", ""))
    if module is None or not getattr(module, "__file__", None):
        return sha256(own_lines(part).encode()).hexdigest()
    texts = sorted(Path(str(used.__file__)).read_bytes() for used in beside(module))
    return sha256(b"\n".join(texts)).hexdigest()


def own_lines(part: Any) -> str:
    """The source of a class or function that no file holds."""
    parts = [part] if inspect.isfunction(part) else [f for f in vars(part).values() if callable(f)]
    try:
        return "\n".join(inspect.getsource(function) for function in parts)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"the source of {getattr(part, '__qualname__', part)} is not to be found ({error}), so "
            "its runs could not be told from those of another version; put it into a file"
        ) from None


def beside(module: ModuleType) -> Iterator[ModuleType]:
    """A module and, as far as they lie in its folder or below, those whose names it uses."""
    folder = Path(str(module.__file__)).parent
    seen, waiting = {module.__name__}, [module]
    while waiting:
        yield (here := waiting.pop())
        names = {getattr(value, "__module__", None) for value in vars(here).values()}
        names |= {v.__name__ for v in vars(here).values() if isinstance(v, ModuleType)}
        for name in sorted(str(name) for name in names - seen if name in sys.modules):
            seen.add(name)
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).suffix == ".py" and Path(file).is_relative_to(folder):
                waiting.append(sys.modules[name])


# What a class of this package says of itself is read from its source: a suite has components that
# take seconds to import.


@cache
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


@cache
def defaulted(target: str) -> frozenset[str]:
    """The parameters that a class of this package has defaults for: of its constructor, or its
    fields with a value and those of the classes that it is made of."""
    node = definition(target) if target.startswith(OURS) else None
    if not isinstance(node, ast.ClassDef):
        return frozenset()
    for line in node.body:
        if isinstance(line, ast.FunctionDef) and line.name == "__init__":
            given = [a.arg for a in (*line.args.posonlyargs, *line.args.args)]
            few = len(line.args.defaults)
            named = zip(line.args.kwonlyargs, line.args.kw_defaults, strict=True)
            return frozenset(given[len(given) - few :]) | {a.arg for a, value in named if value}
    fields = [line for line in node.body if isinstance(line, ast.AnnAssign) and line.value]
    fields = [line for line in fields if "ClassVar" not in ast.unparse(line.annotation)
              and "init=False" not in ast.unparse(line)]  # fmt: skip
    own = frozenset(line.target.id for line in fields if isinstance(line.target, ast.Name))
    return own.union(*map(defaulted, bases(target, node)))


def bases(target: str, node: ast.ClassDef) -> list[str]:
    """The dotted names of the classes that a class extends."""
    package, _, name = target.rpartition(".")
    module = package + behind(package, name)
    imported = [n for n in statements(target) if isinstance(n, ast.ImportFrom)]
    origin = {alias.asname or alias.name: f"{n.module}.{alias.name}"
              for n in imported for alias in n.names}  # fmt: skip
    names = [ast.unparse(base).partition(".") for base in node.bases]
    return [origin.get(head, f"{module}.{head}") + dot + rest for head, dot, rest in names]


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
