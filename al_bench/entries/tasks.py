"""Tasks: what a method is entered for. A task is an experiment's settings without a method, by name
and version, and the digests of the problems that it is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_bench.runs.component import identified, name_of
from al_bench.runs.config import PROBLEM, config_folders, key_of, resolved
from al_bench.runs.experiments import known_plan
from al_bench.runs.plan import Job, Plan, composed, node_of

METHOD = (
    *("strategy", "init", "supervision", "learner"),
    *("label_model", "assignment", "proxy_selection"),
)
WHERE = (  # changes no number
    *("results", "cache", "threads", "deterministic", "runs_per_job", "logger", "hydra"),
)


@dataclass(frozen=True)
class Task:
    """A task by name: its version, the metric that entries are ranked by, and of its problems (by
    the hash of what they are made of) what is known; empty where nothing was recorded."""

    name: str
    version: int
    metric: str
    problems: Mapping[str, Mapping[str, Any]]


def read_task(name: str, extra: Path | None) -> Task:
    """A task of ours or of the user's folder; ValueError, in one sentence, where there is none."""
    folders = [folder / "task" for folder in config_folders(extra)]
    names = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    if name not in names:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(names)}")
    card = resolved(composed([f"task={name}"], extra))["task"]
    if not isinstance(card, dict) or card.keys() != {"version", "metric"}:
        raise ValueError(f"task={name} says {card!r} of itself; wanted a version and a metric")
    files = [folder / f"{name}.json" for folder in folders]
    known = [json.loads(path.read_text("utf-8")) for path in files if path.is_file()]
    return Task(name, card["version"], str(card["metric"]), known[0] if known else {})


def of_method(overrides: Sequence[str]) -> list[str]:
    """The overrides that say what the method is, without where and how it runs."""
    return [override for override in overrides if node_of(override) in METHOD]


def entered(task: Task, overrides: Sequence[str], extra: Path | None) -> Plan:
    """Every run of one method on a task.

    ValueError where an override changes what the task fixes or names a class, where several methods
    are given, or none.
    """
    for override in overrides:
        if node_of(override) not in (*METHOD, *WHERE):
            raise ValueError(
                f"{override} changes what task {task.name} fixes; an entry may set "
                f"{', '.join(METHOD)}"
            )
        if "_target_" in override:
            raise ValueError(f"{override} names a class; wanted the options of a config folder")
    if not any(key_of(override) == "strategy" for override in overrides):
        raise ValueError("an entry has no query rule; wanted strategy=<its name>")
    planned = known_plan((f"task={task.name}", *overrides), extra)
    methods = {name_of(method_of(job)) for job in planned}
    if len(methods) != 1:
        raise ValueError(f"an entry is one method, and these are {len(methods)}; enter them singly")
    return planned


def method_of(job: Job) -> dict[str, Any]:
    """What a run's method is made of, identified: by versions, sources and content."""
    nodes = {group: job.at(group) for group in METHOD}
    return {group: identified(node) for group, node in nodes.items() if node is not None}


def problem_name(nodes: Mapping[str, Any], seed: int) -> str:
    """The hash of what a problem is made of; nodes: identified, those of other groups are left."""
    made = {group: nodes[group] for group in PROBLEM if nodes.get(group) is not None}
    return name_of(made | {"seed": seed})
