"""From an object back to the config node that makes it: a component is its constructor's call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.configuration.identity import component


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
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, Path):
        return str(value)
    return node_of(value)


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
