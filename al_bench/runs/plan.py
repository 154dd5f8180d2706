"""Plans: every run of a command line, with each node of the configs composed only once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from hashlib import sha256
from itertools import chain, product
from pathlib import Path
from typing import Any, TypeAlias

from omegaconf import DictConfig, OmegaConf, open_dict

from al_bench.runs.component import as_text, identified, joined_name, run_id
from al_bench.runs.config import (
    EXPERIMENT,
    OPTIONAL,
    PROBLEM,
    SCIENCE,
    TRAINING,
    as_hydra_takes,
    config_folders,
    key_of,
    resolved,
    run_spec,
    trust_folder,
    workers,
)
from al_bench.runs.options import (
    UnusualError,
    chosen_node,
    deep_merged,
    defaults,
    is_option,
    of_experiment,
    places,
    read_option,
    unknown_key,
)

HERE = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"  # runs jobs in this process
OmegaConf.register_new_resolver("workers", workers, replace=True)
PLAIN = re.compile(r"[\w/]+(@[\w.]+)?=[\w./-]+")  # an override that chooses one option
HASHED = sorted((*SCIENCE, *OPTIONAL, "trainer"))  # the keys that decide a run's id
SHARED = (*PROBLEM, "seed")  # what a problem is made of
Group: TypeAlias = tuple[str, ...]  # the overrides that change one node


@dataclass(frozen=True)
class Node:
    """A composed config, or one key of it, its options by group, and Hydra's own settings."""

    config: DictConfig
    choices: Mapping[str, str]
    hydra: DictConfig

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The values by key, without keys that refer to others (``${``) or are incomplete."""
        values = OmegaConf.to_container(self.config, resolve=False)
        assert isinstance(values, dict)
        texts = {key: str(value) for key, value in values.items()}
        return {str(k): values[k] for k, t in texts.items() if "${" not in t and "???" not in t}

    def text(self, key: str, several: bool) -> str | None:
        """What a key adds to the text that is hashed into a run's id: nothing where it is not used,
        None where only the whole config says it. several: whether there are several annotators."""
        if (key, several) not in self.known:
            value = self.plain.get(key)
            unused = key == "trainer" or (key in OPTIONAL and value is None)
            text = "" if unused else f'"{key}":{as_text(identified(value, several))}'
            trained = key == "trainer" and any((value or {}).get(one) for one in TRAINING)
            self.known[key, several] = None if trained or key not in self.plain else text
        return self.known[key, several]

    @cached_property
    def known(self) -> dict[tuple[str, bool], str | None]:
        return {}

    def texts(self, several: bool) -> Mapping[str, str | None]:
        """The texts of all keys that are hashed, in order."""
        if several not in self.whole:
            self.whole[several] = {key: self.text(key, several) for key in HASHED}
        return self.whole[several]

    @cached_property
    def whole(self) -> dict[bool, Mapping[str, str | None]]:
        return {}


@dataclass(frozen=True)
class Job:
    """One run of a command line; its config is assembled on first access."""

    overrides: tuple[str, ...]
    base: Node
    changed: Mapping[str, Node]  # by top-level key
    folders: tuple[Path, ...]

    @cached_property
    def config(self) -> DictConfig:
        config = self.base.config.copy()
        for key, node in self.changed.items():
            config[key] = node.config._get_node(key)
        return config

    @property
    def choices(self) -> dict[str, str]:
        """The option of each config group that was chosen by name."""
        own = {k: n.choices[k] for k, n in self.changed.items() if n.choices.get(k)}
        base = {k: o for k, o in self.base.choices.items() if k not in self.changed}
        return base | own

    @property
    def experiment(self) -> str | None:
        name = self.base.choices.get("experiment", "None")
        return None if name == "None" else name

    def at(self, key: str) -> Any:
        """The plain value of one key; only one that refers to others needs the whole config."""
        plain = self.changed.get(key, self.base).plain
        return plain[key] if key in plain else resolved(self.config)[key]

    @property
    def science(self) -> dict[str, Any]:
        return run_spec(self.at)

    @cached_property
    def id(self) -> str:
        """The run's id: `run_id` of the science, where nodes that runs share are read once."""
        several = bool(self.changed.get("annotators", self.base).plain.get("annotators"))
        texts = dict(self.base.texts(several))
        texts |= {k: n.text(k, several) for k, n in self.changed.items() if k in texts}
        if None in texts.values():
            return run_id(self.science)
        return joined_name(text for text in texts.values() if text)

    def having(self, values: Mapping[str, Any]) -> Job:
        """The same run with other values of some top-level keys, which then have no option name."""
        own = {key: Node(OmegaConf.create({key: value}), {}, self.base.hydra)
               for key, value in values.items()}  # fmt: skip
        return replace(self, changed={**self.changed, **own})


@dataclass(frozen=True)
class Plan:
    """Every run of a command line; runs on the same problem are adjacent. Each option is composed
    once, so that the cost grows with their number, not with that of runs."""

    overrides: tuple[str, ...]  # the command line
    fixed: tuple[str, ...]  # the overrides that all runs share
    base: Node
    nodes: Mapping[Group, Node]
    combinations: Sequence[Mapping[str, Group]]  # of each run its other overrides, by node
    folders: tuple[Path, ...]

    @property
    def hydra(self) -> DictConfig:
        return self.base.hydra

    @cached_property
    def digest(self) -> str:
        """The hash of the settings of all runs; another one if a config was edited meanwhile."""
        nodes = [self.base, *(node for _, node in sorted(self.nodes.items()))]
        plain: list[Any] = [OmegaConf.to_container(node.config, resolve=False) for node in nodes]
        others = (*EXPERIMENT, "report")
        runs = [{k: value for k, value in each.items() if k not in others} for each in plain]
        whole = json.dumps([runs, *self.combinations], sort_keys=True, default=str)
        return sha256(whole.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.combinations)

    def __iter__(self) -> Iterator[Job]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Job:
        groups = self.combinations[index]
        changed = {key: self.nodes[group] for key, group in groups.items()}
        return Job((*self.fixed, *chain(*groups.values())), self.base, changed, self.folders)


class Composer:
    """Composes configs, and caches them: runs of one sweep share most nodes."""

    def __init__(self, extra: Path | None) -> None:
        self.extra, self.folders = extra, config_folders(extra)
        self.made: dict[tuple[str, ...], Node] = {}

    def whole(self, *overrides: str) -> Node:
        """The whole config with some options, by Hydra where they are not plain ones."""
        if overrides not in self.made:
            try:
                self.made[overrides] = self.whole_of(plain_options(overrides))
            except UnusualError:
                self.made[overrides] = by_hydra(overrides, self.extra)
        return self.made[overrides]

    def whole_of(self, chosen: dict[str, str]) -> Node:
        own, values = dict[str, str](), dict[str, Any]()
        if name := chosen.pop("experiment", None):
            own, values = of_experiment(name, self.folders)
        chosen, hydra = {**own, **chosen}, {"launcher": {"_target_": HERE}, "sweeper": {}}
        if launcher := chosen.pop("hydra/launcher", None):
            hydra["launcher"] = read_option("hydra/launcher", launcher, self.folders)
        config, choices = defaults(chosen, self.folders)
        whole = OmegaConf.create(deep_merged({**config, "hydra": hydra}, values))
        return detached(whole, choices | {"experiment": str(name)})

    def part(self, key: str, group: Sequence[str], options: Sequence[str]) -> Node:
        """The top-level key that the overrides of its `group` change; options: of the whole
        config."""
        known = (key, *group, "", *options)
        if known not in self.made:
            own = [o for o in group if is_option(o, self.folders)]
            node = self.part_of(key, own, options) if own else self.whole(*options)
            values = [o for o in group if o not in own]
            self.made[known] = with_values(node, key, values, self.folders)
        return self.made[known]

    def part_of(self, key: str, own: Sequence[str], options: Sequence[str]) -> Node:
        try:
            given = plain_options([o for o in options if not o.startswith("hydra")])
            chosen, values = dict[str, str](), dict[str, Any]()
            if "experiment" in given:
                chosen, values = of_experiment(given.pop("experiment"), self.folders)
            if given:
                raise UnusualError
            chosen = {k: option for k, option in chosen.items() if top_level_node(k) == key}
            chosen |= plain_options(own)
            node, option = chosen_node(key, chosen, self.folders)
            if chosen:
                raise UnusualError
        except UnusualError:
            return self.whole(*options, *own)
        if key in values:
            node = deep_merged(node or {}, values[key])
        config = OmegaConf.create({key: node}, flags={"struct": True})
        return Node(config, {key: option}, self.whole(*options).hydra)


def plain_options(overrides: Sequence[str]) -> dict[str, str]:
    """The option of each group; UnusualError where an override does more than choosing one."""
    if not all(map(PLAIN.fullmatch, overrides)):
        raise UnusualError
    return dict(override.split("=", 1) for override in overrides)


def by_hydra(overrides: Sequence[str], extra: Path | None) -> Node:
    """The config that Hydra composes of single-valued overrides; Hydra's errors if one is wrong."""
    from hydra import compose

    from al_bench.runs.composing import composing, search

    with composing(extra):
        config = compose("config", [*search(extra), *overrides], return_hydra_config=True)
    choices = {k: str(v) for k, v in config.hydra.runtime.choices.items()}
    own = {k.removeprefix("strategy@") if k == "strategy@init" else k: v
           for k, v in choices.items() if not k.startswith("hydra/")}  # fmt: skip
    return detached(config, own)


def detached(config: DictConfig, choices: Mapping[str, str]) -> Node:
    """A whole config and Hydra's own settings apart, which may still refer to it."""
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    OmegaConf.set_struct(config, True)
    return Node(config, choices, hydra)


def plan(
    overrides: Sequence[str], extra: Path | None = None, compose: Composer | None = None
) -> Plan:
    """Every run that ``albench run <overrides>`` would make; compose: shared with other plans."""
    if extra is not None:
        trust_folder(extra)
    folders, compose = config_folders(extra), compose or Composer(extra)
    lines = as_hydra_takes(overrides)
    several = [(line, values_of(line, extra)) for line in lines]
    fixed = [line for line, values in several if values is None]
    swept = [values for _, values in several if values is not None]
    of_nodes = places().keys() - {"experiment", "task"}
    own = [o for o in fixed if top_level_node(o) in of_nodes or not is_option(o, folders)]
    values = [o for o in own if not o.startswith("hydra")]  # each changes one node
    options = [o for o in fixed if o not in values]
    base = compose.whole(*options)
    params = base.hydra.sweeper.get("params") or {}
    given = {key_of(line) for line in lines}
    more = [f"{key}={value}" for key, value in params.items()]
    swept += [values_of(line, extra) or [line] for line in more if key_of(line) not in given]
    lists = [*([value] for value in values), *swept]
    halves = [[one for one in lists if (top_level_node(one[0]) in SHARED) == shared]
              for shared in (True, False)]  # fmt: skip
    parts = [[_by_node(job) for job in product(*half)] for half in halves]
    combinations = [{**problem, **method} for problem, method in product(*parts)]
    every = {group: key for groups in combinations for key, group in groups.items()}
    nodes = {group: compose.part(key, group, options) for group, key in every.items()}
    return Plan(tuple(lines), tuple(options), base, nodes, combinations, tuple(folders))


def values_of(override: str, extra: Path | None) -> list[str] | None:
    """One override for each value of a swept override; None if it has a single value."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    if "glob(" in override:  # Hydra matches it with the options that exist
        from al_bench.runs.composing import composing

        with composing(extra):
            loader = GlobalHydra.instance().config_loader()
        (parsed,) = OverridesParser.create(config_loader=loader).parse_overrides([override])
    else:
        parsed = parsed_override(override)
    if not parsed.is_sweep_override():
        return None
    return [f"{parsed.get_key_element()}={value}" for value in parsed.sweep_string_iterator()]


@cache  # as sweeps share most of them, and a grammar in Python is slow
def parsed_override(override: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(override)


def with_values(node: Node, key: str, overrides: Sequence[str], folders: Sequence[Path]) -> Node:
    """One key of a composed config with values set as Hydra does, fifty times faster."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.errors import ConfigCompositionException

    if not overrides:
        return node
    own = {key: node.config._get_node(key)} if key in node.config else {}
    config = OmegaConf.create(own, flags={"struct": True})
    parsed = [parsed_override(override) for override in overrides]
    try:
        ConfigLoaderImpl._apply_overrides_to_config(parsed, config)
    except ConfigCompositionException:
        values = OmegaConf.to_container(node.config)
        assert isinstance(values, dict)
        for override in overrides:
            if said := unknown_key(values.get(key), node.choices, override, folders):
                raise ValueError(said) from None
        raise
    return Node(config, node.choices, node.hydra)


def composed(overrides: Sequence[str], extra: Path | None) -> DictConfig:
    """The config of some single-valued overrides; the sweeps of an experiment are ignored."""
    folders, lines = config_folders(extra), as_hydra_takes(overrides)
    options = [line for line in lines if is_option(line, folders)]
    base, values = Composer(extra).whole(*options), [o for o in lines if o not in options]
    changed = {k: with_values(base, k, own, folders) for k, own in _by_node(values).items()}
    return Job(tuple(lines), base, changed, tuple(folders)).config


def _by_node(combination: Sequence[str]) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for override in combination:
        key = top_level_node(override)
        groups[key] = (*groups.get(key, ()), override)
    return groups


@cache
def top_level_node(override: str) -> str:
    """The top-level node that an override changes: ``strategy@init`` changes init."""
    return key_of(override).split("@")[-1].split(".")[0].split("/")[0]
