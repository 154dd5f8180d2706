"""The options of the config groups: their values, their names, and overrides that select them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from al_bench.runs.component import identified
from al_bench.runs.config import GIVEN, config_dir, key_of
from al_bench.runs.declarations import (
    KINDS,
    MISSING,
    OURS,
    class_option,
    class_options,
    groups_of,
    option_name,
    signature,
)
from al_bench.runs.display import parameters

if TYPE_CHECKING:
    from yaml import SafeLoader

ADDED = ("version", "several", "source")  # keys that `component.identified` adds to a config
Chosen = dict[str, str]  # options by ``group@place``, or by group at its own place


class UnusualError(ValueError):
    """A file or a choice that only Hydra can compose."""


def is_group(group: str, folders: Sequence[Path]) -> bool:
    return group in KINDS or any((folder / group).is_dir() for folder in folders)


def is_option(override: str, folders: Sequence[Path]) -> bool:
    """Whether an override chooses an option of a config group rather than setting a value."""
    return is_group(key_of(override).split("@")[0], folders)


# --- reading --------------------------------------------------------------------------------------


def defaults(chosen: Chosen, folders: Sequence[Path]) -> tuple[dict[str, Any], dict[str, str]]:
    """The main config with the chosen options, and the option of each group."""
    whole, chosen = read_yaml(config_dir() / "config.yaml"), dict(chosen)
    config = {key: value for key, value in whole.items() if key not in ("defaults", "hydra")}
    nodes = {place: chosen_node(place, chosen, folders) for place in places()}
    if chosen:
        raise UnusualError(f"{next(iter(chosen))} is no group of the main config")
    config |= {place: node for place, (node, _) in nodes.items() if node is not None}
    return config, {place: option for place, (_, option) in nodes.items()}


def places() -> dict[str, tuple[str, str | None]]:
    """By the name of its node each entry of the main config: ``group@place`` and its default."""
    entries = read_yaml(config_dir() / "config.yaml")["defaults"]
    pairs = (pair for entry in entries if entry != "_self_" for pair in entry.items())
    return {key.rpartition("@")[2]: (key, option) for key, option in pairs if " " not in key}


def chosen_node(place: str, chosen: Chosen, folders: Sequence[Path]) -> tuple[Any, str]:
    """A node of the main config and its option's name; what it uses is removed from `chosen`."""
    key, option = places()[place]
    option = chosen.pop(key, option)
    if option in (None, "null"):
        return None, "None"
    return read_option(key.partition("@")[0], option, folders, chosen, place), option


def of_experiment(name: str, folders: Sequence[Path]) -> tuple[Chosen, dict[str, Any]]:
    """The options that an experiment chooses, by ``group@place``, and its values; UnusualError
    unless it is made of other experiments and of overrides of the main config's options."""
    if (path := file_of("experiment", name, folders)) is None:
        raise UnusualError(f"there is no experiment {name}")
    package, own = _loaded(path, path.stat().st_mtime_ns)
    chosen, values = dict[str, str](), dict[str, Any]()
    for entry in own.get("defaults", []) if package == "_global_" else [None]:
        if isinstance(entry, Mapping) and all(key.startswith("override /") for key in entry):
            chosen |= {key.removeprefix("override /"): one for key, one in entry.items()}
        elif isinstance(entry, str) and entry.startswith("/experiment/"):
            more, inner = of_experiment(entry.removeprefix("/experiment/"), folders)
            chosen, values = {**more, **chosen}, deep_merged(values, inner)
        else:
            raise UnusualError(f"{path} has {entry}")
    return chosen, deep_merged(values, {k: v for k, v in own.items() if k != "defaults"})


def option_names(group: str, folders: Sequence[Path]) -> list[str]:
    """The options of a group in order: its files, and the classes of its kind without a file."""
    roots = [folder / group for folder in folders if (folder / group).is_dir()]
    files = {str(p.relative_to(r).with_suffix("")) for r in roots for p in r.rglob("*.yaml")}
    named = aliases(group)
    return sorted(files | {o for o, target in class_options(group).items() if target not in named})


@lru_cache(maxsize=64)
def options(group: str, folders: tuple[Path, ...]) -> dict[str, Any]:
    """The values of every option of a group, with its defaults list merged in."""
    group = "strategy" if group == "init" else group
    return {name: read_option(group, name, folders) for name in option_names(group, folders)}


def read_option(
    group: str, option: str, folders: Sequence[Path], chosen: Chosen | None = None, place: str = ""
) -> dict[str, Any]:
    """One option's values, with its defaults merged; what it uses is removed from `chosen`."""
    own = declared(group, option, folders)
    entries = own.pop("defaults", [])
    found: dict[str, Any] = {}
    for entry in entries if "_self_" in entries else [*entries, "_self_"]:
        if isinstance(entry, str):
            more = own if entry == "_self_" else read_option(group, entry, folders, chosen, place)
            found = deep_merged(found, more)
            continue
        ((key, inner),) = entry.items()
        other, _, at = key.removeprefix("override ").lstrip("/").partition("@")
        where = f"{place}.{at}"
        inner = (chosen or {}).pop(f"{other}@{where}", inner)
        more = inner and read_option(other, inner, folders, chosen, where)
        for name in reversed(at.split(".")):
            more = {name: more}
        found = deep_merged(found, more)
    return found


def declared(group: str, option: str, folders: Sequence[Path]) -> dict[str, Any]:
    """An option's values and defaults list, as its file or else its class declares them."""
    if (path := file_of(group, option, folders)) is not None:
        return with_defaults(read_yaml(path))
    if (target := class_option(group, option)) is None:
        raise UnusualError(f"there is no option {group}={option}")
    return with_defaults({"_target_": target})


def file_of(group: str, option: str, folders: Sequence[Path]) -> Path | None:
    paths = [folder / group / f"{option}.yaml" for folder in folders]
    return next((path for path in paths if path.is_file()), None)


def with_defaults(own: Mapping[str, Any]) -> dict[str, Any]:
    """A file's content with the defaults of the constructors that it names; one that is an option
    becomes an entry of the defaults list."""
    entries, values = own.get("defaults", []), {k: v for k, v in own.items() if k != "defaults"}
    if "_target_" not in own or any(isinstance(e, str) and e != "_self_" for e in entries):
        return dict(own)
    placed = {key.partition("@")[2]: "" for entry in entries if entry != "_self_" for key in entry}
    parts: dict[str, str] = {}
    values = completed_node(values, placed, parts)
    added = [{f"/{option}": name} for option, name in parts.items()]
    return {"defaults": [*added, *(entries or ["_self_"])], **values}


def completed_node(
    node: Mapping[str, Any], placed: Collection[str], parts: dict[str, str], above: str = ""
) -> dict[str, Any]:
    """A node with its constructors' defaults, not at `placed` places; options go to `parts`."""
    target = str(node.get("_target_", ""))
    default = signature(target) if target.startswith(OURS) else {}
    found: dict[str, Any] = {"_target_": target} if target else {}
    for key in {**default, **node}:
        place, value = f"{above}{key}", node.get(key, default.get(key))
        if key in node or not any(f"{at}.".startswith(f"{place}.") for at in placed):
            if key not in node:
                value = without_options(value, parts, place)
            inner = isinstance(value, Mapping)
            found[key] = completed_node(value, placed, parts, f"{place}.") if inner else value
    return found


def without_options(value: Any, parts: dict[str, str], place: str) -> Any:
    """A default value without the objects in it that are options, which go to `parts`."""
    if not isinstance(value, Mapping):
        return value
    target = str(value.get("_target_", ""))
    for group in groups_of(target):
        parts[f"{group}@{place}"] = aliases(group).get(target, option_name(target))
        return {key: one for key, one in value.items() if key != "_target_"}
    if target or not all(map(str.isidentifier, value)):
        return value
    return {key: without_options(one, parts, f"{place}.{key}") for key, one in value.items()}


@cache
def aliases(group: str) -> Mapping[str, str]:
    """The classes that have an option's name of their own: a file that holds only the class."""
    found = {}
    for path in sorted((config_dir() / group).glob("*.yaml") if group in KINDS else ()):
        lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
        if len(lines) == 1 and lines[0].startswith("_target_: "):
            found[lines[0].removeprefix("_target_: ")] = path.stem
    return found


def deep_merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        under = found.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            value = deep_merged(under, value)
        found[key] = value
    return found


def read_yaml(path: Path) -> Mapping[str, Any]:
    """The content of a file, cached until the file changes; callers must not modify it."""
    package, values = _loaded(path, path.stat().st_mtime_ns)
    if package:
        raise UnusualError(f"{path} has a place of its own")
    return values


@lru_cache(maxsize=1024)
def _loaded(path: Path, changed: int) -> tuple[str, Mapping[str, Any]]:
    import yaml

    text = path.read_text("utf-8")
    package = re.search(r"# @package (\S*)", text)
    return package[1] if package else "", yaml.load(text, loader()) or {}


@cache
def loader() -> type[SafeLoader]:
    """A fast yaml loader that reads numbers as OmegaConf does."""
    import yaml
    from omegaconf._utils import get_yaml_loader

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers = get_yaml_loader().yaml_implicit_resolvers

    return Loader


# --- which option a component is ------------------------------------------------------------------


def option_of(
    group: str, node: Mapping[str, Any], folders: Sequence[Path], typed: str | None = None
) -> str:
    """The name of the option that a resolved component is: the typed one, if class and `name`
    agree; one with equal values; its own `name`; the nearest one of its class; or its class."""
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


def beyond(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """How many values of one mapping are missing from another, or differ there."""
    return sum(name not in other or other[name] != value for name, value in one.items())


def unknown_key(
    node: Any, choices: Mapping[str, str], override: str, folders: Sequence[Path]
) -> str | None:
    """The error for an override whose key the chosen option does not have; None if it has."""
    group, _, inner = key_of(override).partition(".")
    if not inner or group not in choices or override[0] in "+~" or has(node or {}, inner):
        return None
    chosen = "null" if choices[group] == "None" else choices[group]
    keys = [str(key) for key in node or {} if key != "_target_"]
    text = f"{group}={chosen} has no {inner}" + (f"; it has {', '.join(keys)}" if keys else "")
    having = [option for option, n in options(group, tuple(folders)).items() if has(n, inner)]
    if not having:
        return f"{text}; no option of {group} has it"
    return f"{text}; {', '.join(having)} have it: {group}={having[0]} {override}"


def has(node: Any, key: str) -> bool:
    return any(f"{name}.".startswith(f"{key}.") for name in parameters(node))


# --- the way back to the command line -------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """The arguments that select a component; renewed: whether it has changed since."""

    arguments: tuple[str, ...]
    renewed: bool


def override_of(
    group: str, option: str, node: Mapping[str, Any], folders: Sequence[Path]
) -> Asked | None:
    """The arguments that select a component, ``???`` for a file; None if there is no option."""
    if not node:
        return Asked((), False)
    more = [f"{group}.limit={node['limit']}"] if "limit" in node else []
    more += [f"trainer.{k}={as_override_value(v)}" for k, v in node.get("trainer", {}).items()]
    node = {key: value for key, value in node.items() if key not in GIVEN}
    known = options(group, tuple(folders))
    if option not in known:
        option = option_of(group, node, folders)
    if option not in known:
        return None
    where = "strategy@init" if group == "init" else group
    words = (f"{where}={option}", *overrides(group, node, known[option], folders), *more)
    return Asked(tuple(map(quote, words)), renewed(node, known[option], folders))


def overrides(
    key: str, own: Mapping[str, Any], base: Mapping[str, Any], folders: Sequence[Path]
) -> Iterator[str]:
    """Overrides for what differs from an option; a part of another class is another option."""
    for name, value in own.items():
        if name in ADDED or name not in base or base[name] == value:
            continue
        there, other = f"{key}.{name}", other_part(value, base[name], folders)
        if other:
            yield f"{other[0]}@{there}={other[1]}"
        if other or same_class(value, base[name]):
            inner = options(other[0], tuple(folders))[other[1]] if other else base[name]
            yield from overrides(there, value, inner, folders)
        else:
            yield f"{there}={as_override_value(value)}"


def same_class(value: Any, base: Any) -> bool:
    parts = isinstance(value, Mapping) and isinstance(base, Mapping)
    return parts and value.get("_target_") == base.get("_target_")


def other_part(value: Any, base: Any, folders: Sequence[Path]) -> tuple[str, str] | None:
    """The group and option of a part whose class differs from the base's; None if there is none."""
    if not isinstance(value, Mapping) or same_class(value, base):
        return None
    target = str(value.get("_target_", ""))
    for group in () if target.startswith(f"{OURS}data.") else groups_of(target):
        return group, option_of(group, value, folders)
    return None


def renewed(own: Mapping[str, Any], base: Mapping[str, Any], folders: Sequence[Path]) -> bool:
    """Whether the parameters or version of a component, or of a part of it, have changed since."""
    if other := other_part(own, base, folders):
        base = options(other[0], tuple(folders))[other[1]]
    if "_target_" not in own or not same_class(own, base):
        return False
    ours = str(own["_target_"]).startswith(OURS)
    now = identified(base) if ours else {**base, "version": own.get("version")}
    if now.get("version") != own.get("version") or own.keys() - {*ADDED} != now.keys() - {*ADDED}:
        return True
    parts = [(value, base[name]) for name, value in own.items() if name in base]
    return any(renewed(v, b, folders) for v, b in parts if isinstance(v, Mapping))


def as_override_value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        pairs = (f"{as_override_value(k)}:{as_override_value(v)}" for k, v in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(as_override_value, value)) + "]"
    text = str(value)
    if text.startswith("sha256:"):
        return MISSING
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z_][\w./@-]*", text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
