"""From the names of options to the components of a session."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from al_bench.api import composed
from al_bench.label_models import Majority
from al_bench.problem.types import Prior
from al_bench.runs.component import identified
from al_bench.runs.config import OPTIONAL, build, is_sweep, key_of
from al_bench.runs.parts import is_oracle
from al_bench.session.values import GROUPS, Settings
from al_bench.state import Assignment, LabelModel, Learner, Strategy, Supervision

FITTING = ("supervision", "learner", "prior", "label_model")  # what decides a fit
WORD = re.compile(r"\w[\w-]*")  # what options are called
# what `albench run` takes in place of a group's own name
KEYS = {"strategy@init": "init"} | {group: group for group in GROUPS if group != "init"}
DEFAULTS: Mapping[str, str | None] = {
    "strategy": "codecision",
    "init": "codecision",
    "supervision": "joined",
    "learner": "linear",
    "prior": "packaged",
    "label_model": "belief",
    "assignment": None,
}


@dataclass(frozen=True)
class Components:
    """What chooses, learns and judges in a session.

    identity: of those that make a fit, by group: names, parameters, versions, and the content of
    what a user brings.
    """

    strategy: Strategy
    init: Strategy
    supervision: Supervision
    learner: Learner
    prior: Prior
    label_model: LabelModel
    assignment: Assignment | None
    identity: Mapping[str, Any]


def components(settings: Settings, extra: Path | None = None) -> Components:
    """The components that settings name; extra: a folder of the user's own options.

    Hydra's errors or ValueError where an option is not there, reads the truth, or a value is none
    of its own.
    """
    return made(tuple(settings.options.items()), settings.overrides, extra)


@lru_cache(maxsize=8)  # composing takes a good part of a second, and components keep no state
def made(
    options: tuple[tuple[str, str | None], ...], overrides: tuple[str, ...], extra: Path | None
) -> Components:
    config = config_of(dict(options), overrides, extra)
    nodes = {group: config[group] for group in GROUPS}
    found: dict[str, Any] = {g: None if n is None else build(n) for g, n in nodes.items()}
    for group, part in found.items():
        if is_oracle(part):
            raise ValueError(
                f"{group}={dict(options)[group]} reads the truth, which nobody has here; wanted a "
                "method"
            )
    found["label_model"] = found["label_model"] or Majority()
    return Components(**found, identity={g: identified(plain(nodes[g])) for g in FITTING})


def plain(node: DictConfig | None) -> Any:
    return None if node is None else OmegaConf.to_container(node, resolve=True)


def config_of(
    options: Mapping[str, str | None], overrides: Sequence[str], extra: Path | None
) -> DictConfig:
    """The config of options by name and values inside them, as they are stored.

    A session or an exported model may come from somebody else: ValueError where a name leads out of
    the config folders, or a value could name code.
    """
    for group, option in options.items():
        if group not in GROUPS:
            raise ValueError(f"{group}={option} is of no part of a session; wanted one of "
                             f"{', '.join(GROUPS)}")  # fmt: skip
        if option is not None and not WORD.fullmatch(str(option)):
            raise ValueError(f"{group}={option} names no option; wanted one word behind {group}=")
    for override in overrides:
        check_override(override)
    return composed(options, 0, overrides, extra)


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
        else:
            none = value in ("null", "none", "None") and KEYS[key] in OPTIONAL
            options[KEYS[key]] = None if none else value
    return options, tuple(overrides)


def check_override(override: str) -> None:
    """ValueError where an override is of no component of a session, stands for several values, or
    could name code or a file of options outside the config folders."""
    key, _, value = override.partition("=")
    group = re.split(r"[./]", key_of(key).split("@")[-1])[0]
    if group not in GROUPS:
        raise ValueError(f"{override!r} is of no part of a session; wanted one of "
                         f"{', '.join(GROUPS)}")  # fmt: skip
    if "_target_" in override or "${" in override:
        raise ValueError(
            f"{override!r} names code, and a session holds names of options alone; put it into a "
            "yaml of your own and give its --config-dir"
        )
    if ("@" in key or "/" in key or "." not in key) and not WORD.fullmatch(value):
        raise ValueError(f"{override!r} names no option; wanted one word behind {key}=")
    if is_sweep(override):
        raise ValueError(f"{override!r} stands for several values; wanted one")
