"""What tells methods and settings apart: the values of a frame's columns, never their names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, total_ordering
from typing import Any, Self, TypeVar

import pandas as pd

from al_bench.runs.component import name_of
from al_bench.runs.display import parameters

SETTING = (
    *("dataset", "imbalance", "noise", "annotators", "prior", "learner", "proxy_selection"),
    "protocol",
)
METHOD = ("strategy", "supervision", "init")
ASKING = (
    "label_model",
    "annotator_selection",
)  # further groups of a method if there are several annotators
LATER = ("annotators", *ASKING)  # groups that older results lack: not chosen there
GROUPS = (*SETTING, *METHOD, *ASKING)


@total_ordering
@dataclass(frozen=True)
class Choice:
    """A run's choice in one group: the option's name and its resolved config as JSON text. Order:
    options without numbers first, then those with, by their numbers."""

    group: str
    option: str
    config: str

    @cached_property
    def node(self) -> Mapping[str, Any]:
        node = json.loads(self.config)
        return node if isinstance(node, Mapping) else {}

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        return parameters(self.node)

    @cached_property
    def order(self) -> tuple[bool, str, tuple[float, ...], str]:
        values = [self.parameters[name] for name in sorted(self.parameters)]
        numbers = tuple(float(v) for v in values if isinstance(v, int | float))
        return bool(numbers), self.option, numbers, self.config

    def __lt__(self, other: Choice) -> bool:
        return self.order < other.order


@dataclass(frozen=True, order=True)
class Key:
    """The choices that make up a method or setting, in the order of the groups."""

    choices: tuple[Choice, ...]

    def choice(self, group: str) -> Choice:
        return next(choice for choice in self.choices if choice.group == group)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.choices)

    def __str__(self) -> str:
        return " ".join(f"{choice.group}={choice.option}" for choice in self.choices)

    def part(self, groups: Sequence[str]) -> Self:
        return type(self)(tuple(choice for choice in self.choices if choice.group in groups))

    def without(self, *groups: str) -> Self:
        return type(self)(tuple(choice for choice in self.choices if choice.group not in groups))

    @cached_property
    def chosen(self) -> dict[str, str]:
        """Configs by group, without groups that were added later and have no choice."""
        texts = {choice.group: choice.config for choice in self.choices}
        return {g: text for g, text in texts.items() if g not in LATER or text != "null"}


class Method(Key):
    """A method: strategy, supervision, start, and the learner if it is part of the method."""

    @property
    def id(self) -> str:
        """Twelve hex digits that name the method, hashed like the id of a run."""
        return name_of({group: json.loads(text) for group, text in self.chosen.items()})


class Setting(Key):
    """A setting, or a part of one: data set, imbalance, noise and all else outside the method."""


K = TypeVar("K", Method, Setting)


def in_method(method: Sequence[str]) -> tuple[str, ...]:
    """The groups that make up a method; proxy selection belongs to it if the learner does."""
    inside = (*METHOD, *ASKING)
    return (*inside, "learner", "proxy_selection") if "learner" in method else inside


def keyed(frame: pd.DataFrame, method: Sequence[str] = METHOD) -> pd.DataFrame:
    """The frame with two more columns, `setting` and `method`, as categories of keys."""
    inside = in_method(method)
    outside = [group for group in SETTING if group not in inside]
    runs = frame.drop_duplicates("id").set_index("id")
    columns = {}
    made: dict[str, dict[Any, Any]] = {
        "setting": keys(Setting, runs, outside), "method": keys(Method, runs, inside),
    }  # fmt: skip
    for name, found in made.items():
        every = sorted(set(found.values()))
        number = {key: i for i, key in enumerate(every)}
        codes = frame["id"].map({run: number[key] for run, key in found.items()})
        columns[name] = pd.Categorical.from_codes(
            codes, dtype=pd.CategoricalDtype(every, ordered=True)
        )
    return frame.assign(**columns)


def by_setting(frame: pd.DataFrame) -> dict[Setting, pd.DataFrame]:
    parts: dict[Any, pd.DataFrame] = dict(iter(frame.groupby("setting", observed=True)))
    return parts


def keys(kind: type[K], runs: pd.DataFrame, groups: Sequence[str]) -> dict[Any, K]:
    """The key of each run, by its id; equal keys are one object."""
    columns = [column for group in groups for column in (group, f"{group}_config")]
    known: dict[tuple[str, ...], K] = {}
    option: dict[tuple[str, str], str] = {}  # of equal configs the first option is the name
    found = {}
    for name, *row in runs[columns].itertuples(name=None):
        values = tuple(row)
        if values not in known:
            configs = zip(groups, values[1::2], strict=True)
            options = map(option.setdefault, configs, values[::2])
            known[values] = kind(tuple(map(Choice, groups, options, values[1::2])))
        found[name] = known[values]
    return found


def group_columns(choices: Mapping[str, str], science: Mapping[str, Any]) -> dict[str, str]:
    """A run's columns of every group, from the options and config nodes in its manifest."""
    found = {}
    for group in GROUPS:
        node = science.get(group)
        found[group] = choices.get(group, "none" if node is None else "custom")
        found[f"{group}_config"] = json.dumps(node, sort_keys=True, separators=(",", ":"))
    return found
