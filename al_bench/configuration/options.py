"""Which option of a config group a component is: the same system has one name, however it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

MISSING = "???"  # of a value that a user has to give


def option_of(group: str, node: Mapping[str, Any], folders: Sequence[Path]) -> str:
    """The option that a resolved component stands for.

    The one of its very values; else, for what has a `name` (a user's own data), that name; else the
    option of its class with the fewest other values; else the class, in small letters.
    """
    kind = {o: n for o, n in options(group, tuple(folders)).items()
            if n.get("_target_") == node["_target_"]}  # fmt: skip
    own = leaves(node)
    if same := [option for option, other in kind.items() if leaves(other) == own]:
        return min(same)
    if "name" in node:
        return str(node["name"])
    near = {o: len(leaves(n).items() ^ own.items()) for o, n in kind.items()}
    whole = [o for o in near if MISSING not in leaves(kind[o]).values()] or list(near)
    if whole:
        return min(whole, key=lambda option: (near[option], option))
    return str(node["_target_"]).rpartition(".")[2].lower()


def leaves(node: Any, above: str = "") -> dict[str, Any]:
    """The plain values of a node by dotted name; a list is one value."""
    if not isinstance(node, Mapping):
        return {above: tuple(node) if isinstance(node, list) else node}
    found: dict[str, Any] = {} if node else {above: None}
    for key, value in node.items():
        found |= leaves(value, f"{above}.{key}" if above else str(key))
    return {k: str(v) if isinstance(v, tuple | dict) else v for k, v in found.items()}


@lru_cache(maxsize=64)
def options(group: str, folders: tuple[Path, ...]) -> dict[str, dict[str, Any]]:
    """Every option of a group as its file says it, with what its defaults bring in."""
    file = "strategy" if group == "init" else group
    roots = [folder / file for folder in folders if (folder / file).is_dir()]
    paths = {str(p.relative_to(r).with_suffix("")): p for r in roots for p in r.rglob("*.yaml")}
    return {name: read(file, name, folders) for name in sorted(paths)}


def read(group: str, option: str, folders: Sequence[Path]) -> dict[str, Any]:
    """One option's values, its defaults merged in their order."""
    paths = [folder / group / f"{option}.yaml" for folder in folders]
    path = next((path for path in paths if path.is_file()), None)
    own: Any = OmegaConf.to_container(OmegaConf.load(path)) if path else {}
    entries = own.pop("defaults", [])
    found: dict[str, Any] = {}
    for entry in entries if "_self_" in entries else [*entries, "_self_"]:
        if entry == "_self_":
            found = merged(found, own)
        else:
            found = merged(found, brought(group, entry, folders))
    return found


def brought(group: str, entry: Any, folders: Sequence[Path]) -> dict[str, Any]:
    """What an entry of a defaults list brings in: an option of this group, or one at a place."""
    if isinstance(entry, str):
        return read(group, entry, folders)
    ((key, option),) = entry.items()
    other, _, place = str(key).removeprefix("override ").lstrip("/").partition("@")
    node: Any = None if option is None else read(other, option, folders)
    for name in reversed(place.split(".")):
        node = {name: node}
    return dict(node)


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings, the second's values where they differ, key by key."""
    found = dict(one)
    for key, value in other.items():
        both = isinstance(found.get(key), Mapping) and isinstance(value, Mapping)
        found[key] = merged(found[key], value) if both else value
    return found


def differing(node: Mapping[str, Any], folders: Sequence[Path], group: str) -> Iterator[str]:
    """``name=value`` for each value that is not its option's."""
    usual = leaves(options(group, tuple(folders)).get(option_of(group, node, folders), {}))
    for name, value in leaves(node).items():
        if name in usual and usual[name] != value:
            yield f"{name}={value}"
