"""From the names of options to the components of a session."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from al_bench.api import composed
from al_bench.configuration.config import OPTIONAL, build, is_sweep, key_of
from al_bench.label_models import Majority
from al_bench.problem.types import Prior
from al_bench.runs.parts import is_oracle
from al_bench.session.values import GROUPS, Settings
from al_bench.state import Assignment, LabelModel, Learner, Strategy, Supervision

# what `albench run` takes in place of a group's own name
KEYS = {"strategy@init": "init"} | {group: group for group in GROUPS if group != "init"}
DEFAULTS: Mapping[str, str | None] = {
    "strategy": "codecision",
    "init": "codecision",
    "supervision": "vetted_pool",
    "learner": "linear",
    "prior": "packaged",
    "label_model": "belief",
    "assignment": None,
}


@dataclass(frozen=True)
class Components:
    """What chooses, learns and judges in a session."""

    strategy: Strategy
    init: Strategy
    supervision: Supervision
    learner: Learner
    prior: Prior
    label_model: LabelModel
    assignment: Assignment | None


def components(settings: Settings, extra: Path | None = None) -> Components:
    """The components that settings name; extra: a folder of the user's own options.

    Hydra's errors or ValueError where an option is not there, reads the truth, or a value is none
    of its own.
    """
    check_overrides(settings.overrides)
    return made(tuple(settings.options.items()), settings.overrides, extra)


@lru_cache(maxsize=8)  # composing takes a good part of a second, and components keep no state
def made(
    options: tuple[tuple[str, str | None], ...], overrides: tuple[str, ...], extra: Path | None
) -> Components:
    config = composed(dict(options), 0, overrides, extra)
    nodes = {group: config[group] for group in GROUPS}
    found: dict[str, Any] = {g: None if n is None else build(n) for g, n in nodes.items()}
    for group, part in found.items():
        if is_oracle(part):
            raise ValueError(
                f"{group}={dict(options)[group]} reads the truth, which nobody has here; wanted a "
                "method"
            )
    found["label_model"] = found["label_model"] or Majority()
    return Components(**found)


def chosen(arguments: Sequence[str]) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """Options by group and overrides of their values, from arguments as `albench run` takes them.

    ValueError where one is neither.
    """
    options: dict[str, str | None] = {}
    overrides = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"{argument!r} is no option; wanted group=option or group.key=value")
        if key not in KEYS:
            overrides.append(argument)
        elif value in ("null", "none", "None") and KEYS[key] in OPTIONAL:
            options[KEYS[key]] = None
        elif re.fullmatch(r"[\w.-]+", value):
            options[KEYS[key]] = value
        else:
            raise ValueError(f"{argument!r} names no option; wanted one word behind {key}=")
    return options, tuple(overrides)


def check_overrides(overrides: Sequence[str]) -> None:
    """ValueError where an override is of no component of a session, stands for several values, or
    names code: a session holds names of options, so opening somebody else's runs none of his."""
    for override in overrides:
        group = re.split(r"[./]", key_of(override).split("@")[-1])[0]
        if group not in GROUPS:
            raise ValueError(f"{override!r} is of no part of a session; wanted one of "
                             f"{', '.join(GROUPS)}")  # fmt: skip
        if "_target_" in override:
            raise ValueError(
                f"{override!r} names code, and a session holds names of options alone; put it into "
                "a yaml of your own and give its --config-dir"
            )
        if is_sweep(override):
            raise ValueError(f"{override!r} stands for several values; wanted one")
