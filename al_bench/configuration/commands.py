"""How a component that was run is asked for on the command line: the way back from its config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from al_bench.configuration.options import GIVEN, MISSING, option_of, options
from al_bench.configuration.sources import constants
from al_bench.configuration.words import OURS

ADDED = ("version", "several", "source")  # what identity adds to a config
ROOMS = {
    "strategies": ("strategy",),
    "label_models": ("label_model", "belief"),
    "supervision": ("supervision",),
    "learners": ("learner",),
    "priors": ("prior",),
}


@dataclass(frozen=True)
class Asked:
    """What `albench run` is given to get a component, quoted for a shell. renewed: whether its
    parameters or its version are others since, so that this asks for what is nearest to it."""

    arguments: tuple[str, ...]
    renewed: bool


def asked(
    group: str, option: str, node: Mapping[str, Any], folders: Sequence[Path]
) -> Asked | None:
    """How a component with these values is asked for; None where no file of these folders
    describes the option.

    node: the resolved config, as results have it. A value that only names the content of a file is
    left for the reader to fill in (``???``).
    """
    if not node:
        return Asked((), False)
    more = [f"{group}.limit={node['limit']}"] if "limit" in node else []
    more += [f"trainer.{key}={said(value)}" for key, value in node.get("trainer", {}).items()]
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
    """The values in which a node differs from an option's; a part of another class is an option of
    its own group. What the option does not have is no parameter any more."""
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
            yield f"{there}={said(value)}"


def same_class(value: Any, base: Any) -> bool:
    parts = isinstance(value, Mapping) and isinstance(base, Mapping)
    return parts and value.get("_target_") == base.get("_target_")


def other_part(value: Any, base: Any, folders: Sequence[Path]) -> tuple[str, str] | None:
    """The group and option of a part that is of another class than the option's, if it has one."""
    if not isinstance(value, Mapping) or same_class(value, base):
        return None
    group = group_of(value, folders)
    return (group, option_of(group, value, folders)) if group else None


def renewed(own: Mapping[str, Any], base: Mapping[str, Any], folders: Sequence[Path]) -> bool:
    """Whether a component, or a part of it, has other parameters or another version by now."""
    if other := other_part(own, base, folders):
        base = options(other[0], tuple(folders))[other[1]]
    if "_target_" not in own or not same_class(own, base):
        return False
    target = str(own["_target_"])
    version = constants(target).get("version") if target.startswith(OURS) else own.get("version")
    if version != own.get("version") or own.keys() - {*ADDED} != base.keys():
        return True
    parts = [(value, base[name]) for name, value in own.items() if name in base]
    return any(renewed(v, b, folders) for v, b in parts if isinstance(v, Mapping))


def group_of(node: Mapping[str, Any], folders: Sequence[Path]) -> str | None:
    """The config group that has a part of this package, if one has."""
    target = str(node.get("_target_", ""))
    groups = ROOMS.get(target.split(".")[1], ()) if target.startswith(OURS) else ()
    classes = {g: [o.get("_target_") for o in options(g, tuple(folders)).values()] for g in groups}
    return next((group for group in groups if target in classes[group]), None)


def said(value: Any) -> str:
    """A value in the grammar of overrides."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{said(k)}:{said(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(said, value)) + "]"
    text = str(value)
    if text.startswith("sha256:"):
        return MISSING
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z_][\w./@-]*", text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
