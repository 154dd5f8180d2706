"""Which option of a config group a component is: the same system has one name, however it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from al_bench.configuration.config import key_of
from al_bench.configuration.words import parameters

MISSING = "???"  # of a value that a user has to give
GIVEN = ("limit", "trainer")  # keys of a node that are only there where they are given


def option_of(
    group: str, node: Mapping[str, Any], folders: Sequence[Path], typed: str | None = None
) -> str:
    """The option that a resolved component stands for.

    For what has a `name` that its option has not (a user's own data), that name; else the one that
    was typed, if it is of the same class; the one of its very values; the option of its class with
    the fewest other values; the class, in small letters.
    """
    kind = {o: n for o, n in options(group, tuple(folders)).items()
            if n.get("_target_") == node["_target_"]}  # fmt: skip
    if typed in kind and node.get("name") == kind[typed].get("name"):
        return typed
    own = parameters({key: value for key, value in node.items() if key not in GIVEN})
    values = {option: parameters(other) for option, other in kind.items()}
    if same := [option for option, other in values.items() if other == own]:
        return min(same)
    if "name" in node:
        return str(node["name"])
    near = {o: beyond(other, own) + beyond(own, other) for o, other in values.items()}
    whole = [o for o in near if MISSING not in values[o].values()] or list(near)
    if whole:
        return min(whole, key=lambda option: (near[option], option))
    return str(node["_target_"]).rpartition(".")[2].lower()


def lacking(
    config: DictConfig, choices: Mapping[str, str], override: str, folders: Sequence[Path]
) -> str | None:
    """What to say of an override whose key the chosen option of its group has not: the keys that it
    has, and the options that have this one. None where the key is there, or adds one."""
    group, _, inner = key_of(override).partition(".")
    if not inner or group not in choices or override[0] in "+~":
        return None
    node: Any = OmegaConf.to_container(config[group]) if config[group] else {}
    if has(node, inner):
        return None
    chosen = "null" if choices[group] == "None" else choices[group]
    keys = [str(key) for key in node if key != "_target_"]
    text = f"{group}={chosen} has no {inner}" + (f"; it has {', '.join(keys)}" if keys else "")
    having = [option for option, n in options(group, tuple(folders)).items() if has(n, inner)]
    if not having:
        return f"{text}; no option of {group} has it"
    return f"{text}; {', '.join(having)} have it: {group}={having[0]} {override}"


def has(node: Any, key: str) -> bool:
    """Whether a node has a value, or a part, at a dotted name."""
    return any(f"{name}.".startswith(f"{key}.") for name in parameters(node))


def beyond(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """How many values of one another has not."""
    return sum(name not in other or other[name] != value for name, value in one.items())


@lru_cache(maxsize=64)
def options(group: str, folders: tuple[Path, ...]) -> dict[str, Any]:
    """Every option of a group as its file says it, with what its defaults bring in."""
    file = "strategy" if group == "init" else group
    roots = [folder / file for folder in folders if (folder / file).is_dir()]
    paths = {str(p.relative_to(r).with_suffix("")): p for r in roots for p in r.rglob("*.yaml")}
    return {name: OmegaConf.to_container(read(file, name, folders)) for name in sorted(paths)}


def read(group: str, option: str, folders: Sequence[Path]) -> Any:
    """One option's values, its defaults merged in their order."""
    paths = [folder / group / f"{option}.yaml" for folder in folders]
    path = next((path for path in paths if path.is_file()), None)
    own: Any = OmegaConf.load(path) if path else OmegaConf.create()
    entries = own.pop("defaults", [])
    found: Any = OmegaConf.create()
    for entry in entries if "_self_" in entries else [*entries, "_self_"]:
        if isinstance(entry, str):
            found = OmegaConf.merge(
                found, own if entry == "_self_" else read(group, entry, folders)
            )
            continue
        ((key, inner),) = entry.items()
        other, _, place = key.removeprefix("override ").lstrip("/").partition("@")
        OmegaConf.update(found, place, inner and read(other, inner, folders))
    return found
