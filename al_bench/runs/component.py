"""The identity of a component: its class by public name, its constructor's arguments, and whatever
else its numbers depend on. A run's id is the hash of these.

A component's class may declare ``version`` (raised when its numbers change on purpose), ``several``
(its version for runs with several annotators), ``brings`` (parameters that may name the user's own
files or folders; their content is hashed), ``operational`` (parameters that change no number, left
out of the identity) and ``later`` (parameters added since, each with the value that earlier runs
used; that value is left out). Its ``option``, the name that is chosen on the command line, is no
part of the identity, nor is what reports say: ``title`` (with parameters in braces), ``start`` (its
title as a start), ``words`` for values of parameters, and ``parts``, the options that go without
saying beside it. Code from outside this package is identified by its source.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

from al_bench.runs.declarations import MISSING, OURS, constants, signature


@dataclass(frozen=True, eq=False)
class Component:
    """One part of a run as a value; two are equal if their code, parameters and content are equal.

    group: its config group; name: its option or class; params: its class, as ``_target_``, and its
    constructor's arguments by name; several: whether its run has several annotators, in which case
    the class's ``several`` counts as a second version."""

    group: str
    name: str
    params: Mapping[str, Any]
    several: bool = False

    @classmethod
    def of(cls, group: str, part: Any) -> Component:
        """The component of an object or of a config node, named after its class."""
        params = part if isinstance(part, Mapping) else node_of(part)
        return cls(group, str(params["_target_"]).rpartition(".")[2].lower(), params)

    @property
    def version(self) -> Any:
        return self.identity.get("version")

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What is hashed into a run's id: parameters, versions, sources, hashes of files."""
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
    """Twelve hex digits that name a run, equal on any machine for equal settings and content."""
    return name_of(identified(settings))


def name_of(known: Any) -> str:
    """The run id of settings that `identified` has completed already."""
    return sha256(as_text(known).encode()).hexdigest()[:12]


def as_text(known: Any) -> str:
    return json.dumps(known, sort_keys=True, separators=(",", ":"), allow_nan=False)


def joined_name(parts: Iterable[str]) -> str:
    """`name_of` a mapping, from the text of each of its entries, in the order of their keys."""
    return sha256(f"{{{','.join(parts)}}}".encode()).hexdigest()[:12]


def identified(node: Any, several: bool = False) -> Any:
    """A config node with the version, source and content of each component in it."""
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
        left_out = (key for key, before in known.get("later", ()) if found.get(key) == before)
        for key in (*known.get("operational", ()), *left_out):
            found.pop(key, None)
        counted = ("version", "several") if several else ("version",)
        found |= {key: known[key] for key in counted if key in known}
        found |= {} if ours else {"source": source(component(target))}
    return found


def completed(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node with the default values of the parameters that it leaves out, if its class is ours."""
    target = str(node.get("_target_", ""))
    if not target.startswith(OURS) or target == "al_bench.Problem":  # its arrays have a digest
        return node
    return {**{n: v for n, v in signature(target).items() if v != MISSING}, **node}


def targets(node: Any) -> Iterator[str]:
    inside = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    if isinstance(node, Mapping) and "_target_" in node:
        yield str(node["_target_"])
    for part in inside:
        yield from targets(part)


def component(target: str) -> Any:
    """The object with a dotted name; ValueError if it cannot be imported."""
    try:
        return resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"_target_: {target} cannot be imported ({error})") from error


def file_hash(value: Any) -> Any:
    """The hash of the file or folder that a value names; the value itself if there is none."""
    from al_bench.core.hashing import digest, fingerprint

    path = Path(value).expanduser() if isinstance(value, str) and value else None
    if path is None or not path.exists():
        return value
    return f"sha256:{digest(path) if path.is_file() else fingerprint(path)}"


# --- objects --------------------------------------------------------------------------------------


def node_of(part: Any) -> dict[str, Any]:
    """The config node that makes an equal object: its class and constructor arguments by name."""
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
    """A value as a config expresses it; objects in it become nodes."""
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
    """The shortest dotted name from which a class can be imported."""
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


@lru_cache(maxsize=256)  # by class object: a reloaded class is hashed anew
def source(part: Any) -> str:
    """sha256 of the code of an outside component: the file of its module and of the modules it uses
    from the same folder; in a notebook, the lines of its class."""
    module = sys.modules.get(getattr(part, "__module__", ""))
    if module is None or not getattr(module, "__file__", None):
        return sha256(own_lines(part).encode()).hexdigest()
    texts = sorted(Path(str(used.__file__)).read_bytes() for used in beside(module))
    return sha256(b"\n".join(texts)).hexdigest()


def own_lines(part: Any) -> str:
    """The source of a class or function that was defined in a notebook."""
    parts = [part] if inspect.isfunction(part) else [f for f in vars(part).values() if callable(f)]
    try:
        return "\n".join(inspect.getsource(function) for function in parts)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"the source of {getattr(part, '__qualname__', part)} is not to be found ({error}), so "
            "its runs could not be told from those of another version; put it into a file"
        ) from None


def beside(module: ModuleType) -> Iterator[ModuleType]:
    """A module and the modules it uses, directly or not, from its own folder or below."""
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
