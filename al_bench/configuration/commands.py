"""How a component that was run is asked for on the command line: the way back from its config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from al_bench.configuration.options import MISSING, option_of, options
from al_bench.configuration.words import OURS

ADDED = ("version", "source")  # what identity adds to a config
ROOMS = {"strategies": "strategy", "label_models": "label_model", "supervision": "supervision",
         "learners": "learner", "priors": "prior"}  # fmt: skip


def arguments(
    group: str, option: str, node: Mapping[str, Any], folders: Sequence[Path]
) -> tuple[str, ...] | None:
    """What `albench run` is given to get a component with these values, quoted for a shell; None
    where no file of these folders describes the option.

    node: the resolved config, as results have it. A value that only names the content of a file is
    left for the reader to fill in (``???``).
    """
    if not node:
        return ()
    known = options(group, tuple(folders))
    if option not in known:
        option = option_of(group, node, folders)
    if option not in known:
        return None
    where = "strategy@init" if group == "init" else group
    changed = overrides(group, node, known[option], folders)
    return tuple(quote(text) for text in (f"{where}={option}", *changed))


def overrides(
    key: str, own: Mapping[str, Any], base: Mapping[str, Any], folders: Sequence[Path]
) -> Iterator[str]:
    """The values in which a node differs from an option's; a part of another class is an option of
    its own group."""
    for name, value in own.items():
        if name in ADDED or (name in base and base[name] == value):
            continue
        inner, there = base.get(name), f"{key}.{name}"
        parts = isinstance(value, Mapping) and isinstance(inner, Mapping)
        if parts and value.get("_target_") == inner.get("_target_"):
            yield from overrides(there, value, inner, folders)
        elif isinstance(value, Mapping) and (group := group_of(value)):
            option = option_of(group, value, folders)
            yield f"{group}@{there}={option}"
            yield from overrides(there, value, options(group, tuple(folders))[option], folders)
        else:
            yield f"{there}={said(value)}" if name in base else f"+{there}={said(value)}"


def group_of(node: Mapping[str, Any]) -> str | None:
    """The config group of a part of this package, if it has one."""
    target = str(node.get("_target_", ""))
    return ROOMS.get(target.split(".")[1]) if target.startswith(OURS) else None


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
