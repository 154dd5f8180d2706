"""Experiments: the command lines, and so the runs, of an ``experiment=...``.

An experiment fixes the settings that its runs share. It may name sweeps, each with further
settings::

    sweeps:
      baselines: {strategy: "random,margin,badge"}
      full: {strategy: random, protocol: full}

If it names arms too, every sweep is run with each of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from al_bench.runs.config import as_hydra_takes, key_of
from al_bench.runs.plan import Composer, Plan, plan


def experiments(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """The experiments of ``experiment=a,b``, which may be repeated, and all other overrides."""
    chosen = [o.removeprefix("experiment=") for o in overrides if o.startswith("experiment=")]
    rest = [o for o in overrides if not o.startswith("experiment=")]
    return [name for some in chosen for name in some.split(",")], rest


def command_lines(overrides: Sequence[str], compose: Composer) -> dict[str, tuple[str, ...]]:
    """The command line of each sweep by name; these overrides win over the sweep's own settings."""
    names, rest = experiments(as_hydra_takes(overrides))
    if not names:
        return {"": tuple(rest)}
    given = {key_of(override) for override in rest}
    lines = {}
    for name in names:
        for title, own in sweeps(name, compose).items():
            every = [f"{key}={text(value)}" for key, value in own.items()]
            added = [line for line in every if key_of(line) not in given]
            lines[f"{name}: {title}" if title else name] = (f"experiment={name}", *added, *rest)
    return lines


def sweeps(name: str, compose: Composer) -> dict[str, dict[str, Any]]:
    """The settings of each sweep of an experiment with each arm, by name."""
    config = OmegaConf.to_container(compose.whole(f"experiment={name}").config)
    assert isinstance(config, dict)
    both = []
    for key in ("sweeps", "arms"):
        found = config[key] or {"": {}}
        if not isinstance(found, dict) or not all(isinstance(own, dict) for own in found.values()):
            raise ValueError(
                f"experiment={name} has {key} {found}; wanted {{name: {{key: options}}}}"
            )
        both.append(found)
    return {", ".join(filter(None, (one, arm))): own | more
            for (one, own), (arm, more) in product(*(part.items() for part in both))}  # fmt: skip


def text(value: Any) -> str:
    """A value as on the command line: text unchanged, a list as several values."""
    several = value if isinstance(value, list) else [value]
    return ",".join(one if isinstance(one, str) else json.dumps(one) for one in several)


def plans(overrides: Sequence[str], extra: Path | None) -> dict[str, Plan]:
    """The plan of each sweep, by name; ValueError that names a sweep that is wrong."""
    made, compose = {}, Composer(extra)
    for name, line in command_lines(overrides, compose).items():
        try:
            made[name] = plan(line, extra, compose)
        except Exception as error:
            if not name:
                raise
            raise ValueError(f"{name}: {error}") from error
    return made


@lru_cache(maxsize=1)
def known_plan(overrides: tuple[str, ...], extra: Path | None) -> Plan:
    return plan(overrides, extra)
