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
)  # of a method too, where several annotators can be asked
LATER = ("annotators", *ASKING)  # not in older results, where none is chosen
GROUPS = (*SETTING, *METHOD, *ASKING)
ALL = "all"  # what every parameter of a pooled choice is


@total_ordering
@dataclass(frozen=True)
class Choice:
    """What a run has of one group: the option's name and its resolved config as JSON text.

    Options without numbers come before those with, and these in the order of their numbers.
    """

    group: str
    option: str
    config: str

    @cached_property
    def node(self) -> Mapping[str, Any]:
        """The config; empty where there is none."""
        node = json.loads(self.config)
        return node if isinstance(node, Mapping) else {}

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The config's plain values by dotted name."""
        return parameters(self.node)

    @property
    def is_pooled(self) -> bool:
        return self.config == f'"{ALL}"'

    @cached_property
    def order(self) -> tuple[bool, bool, str, tuple[float, ...], str]:
        values = [self.parameters[name] for name in sorted(self.parameters)]
        numbers = tuple(float(v) for v in values if isinstance(v, int | float))
        return self.is_pooled, bool(numbers), self.option, numbers, self.config

    def pooled(self) -> Choice:
        """The same option, whatever its parameters."""
        return Choice(self.group, self.option, f'"{ALL}"')

    def __lt__(self, other: Choice) -> bool:
        return self.order < other.order


@dataclass(frozen=True, order=True)
class Key:
    """The choices that make something up, in the order of the groups."""

    choices: tuple[Choice, ...]

    def choice(self, group: str) -> Choice:
        """What it has of one of its groups."""
        return next(choice for choice in self.choices if choice.group == group)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.choices)

    def __str__(self) -> str:
        return " ".join(f"{choice.group}={choice.option}" for choice in self.choices)

    @property
    def is_pooled(self) -> bool:
        """Whether it has all of some group."""
        return any(choice.is_pooled for choice in self.choices)

    def part(self, groups: Sequence[str]) -> Self:
        """The choices of some groups alone."""
        return type(self)(tuple(choice for choice in self.choices if choice.group in groups))

    def without(self, *groups: str) -> Self:
        """The choices of all groups but some."""
        return type(self)(tuple(choice for choice in self.choices if choice.group not in groups))

    @cached_property
    def chosen(self) -> dict[str, str]:
        """Configs by group, without the groups that came later and of which nothing is chosen."""
        texts = {choice.group: choice.config for choice in self.choices}
        return {g: text for g, text in texts.items() if g not in LATER or text != "null"}


class Method(Key):
    """A system: query rule, training rule, start, and the learner where it is part of it."""

    @property
    def id(self) -> str:
        """Twelve hex digits that name the options, made as the id of a run is."""
        return name_of({group: json.loads(text) for group, text in self.chosen.items()})


class Setting(Key):
    """A setting, or the part of one: data set, imbalance, noise and all that is no method."""


K = TypeVar("K", Method, Setting)


def in_method(method: Sequence[str]) -> tuple[str, ...]:
    """The groups that make up a method: a proxy's rows go where its learner goes."""
    inside = (*METHOD, *ASKING)
    return (*inside, "learner", "proxy_selection") if "learner" in method else inside


def keyed(frame: pd.DataFrame, method: Sequence[str] = METHOD) -> pd.DataFrame:
    """The frame with two more columns, `setting` and `method`, categories of Keys."""
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
    """The rows of a keyed frame by setting, in order."""
    parts: dict[Any, pd.DataFrame] = dict(iter(frame.groupby("setting", observed=True)))
    return parts


def keys(kind: type[K], runs: pd.DataFrame, groups: Sequence[str]) -> dict[Any, K]:
    """The key of each run, by its id; equal ones are one object."""
    columns = [column for group in groups for column in (group, f"{group}_config")]
    known: dict[tuple[str, ...], K] = {}
    found = {}
    for name, *row in runs[columns].itertuples(name=None):
        values = tuple(row)
        if values not in known:
            known[values] = kind(tuple(map(Choice, groups, values[::2], values[1::2])))
        found[name] = known[values]
    return found


def group_columns(choices: Mapping[str, str], science: Mapping[str, Any]) -> dict[str, str]:
    """A run's columns of every group, from the options and the nodes that its manifest has."""
    found = {}
    for group in GROUPS:
        node = science.get(group)
        found[group] = choices.get(group, "none" if node is None else "custom")
        found[f"{group}_config"] = json.dumps(node, sort_keys=True, separators=(",", ":"))
    return found
