"""What a run is called: a hash of public names, versions, parameters and the content of what a user
brings; never of where a file lies.

A component's class may say ``version`` (raised when its numbers change on purpose), ``several``
(the same where there are several annotators) and ``brings`` (its parameters that may name files or
folders of the user's own). Code from outside this package is named by its source.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

from al_bench.configuration.sources import constants
from al_bench.configuration.words import OURS
from al_bench.content import digest, fingerprint


def run_id(science: Mapping[str, Any]) -> str:
    """Twelve hex digits that name a run: equal settings and content give equal names, on any
    machine. ValueError where a value is none of JSON's, or the source of outside code is unknown.
    """
    return name_of(identified(science))


def name_of(known: Any) -> str:
    """The same of settings that are identified already."""
    text = json.dumps(known, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()[:12]


def identified(node: Any, several: bool = False) -> Any:
    """A config node with the version, source and content of each component in it; several: whether
    it is of a run with several annotators, as science says by itself."""
    if isinstance(node, list | tuple):
        return [identified(part, several) for part in node]
    if isinstance(node, float) and node.is_integer():
        return int(node)  # 1 and 1.0 are one value
    if not isinstance(node, Mapping):
        return node
    several = several or bool(node.get("annotators"))
    found = {str(key): identified(value, several) for key, value in node.items()}
    if "_target_" in node:
        target = str(node["_target_"])
        ours = target.startswith(OURS)
        known = constants(target) if ours else vars(component(target))
        found |= {key: content(node[key]) for key in known.get("brings", ()) if key in node}
        counted = ("version", "several") if several else ("version",)
        found |= {key: known[key] for key in counted if key in known}
        found |= {} if ours else {"source": source(component(target))}
    return found


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


def content(value: Any) -> Any:
    """The hash of a file or folder that a value names; the value itself where it names none."""
    path = Path(value).expanduser() if isinstance(value, str) and value else None
    if path is None or not path.exists():
        return value
    if path.is_file():
        return f"sha256:{digest(path)}"
    return f"sha256:{fingerprint(path)}"


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
