"""Plans: every run that a command line stands for, each node of its config composed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from al_bench.configuration.config import (
    PROBLEM,
    as_hydra_takes,
    composing,
    config_folders,
    is_option,
    is_sweep,
    key_of,
    resolved,
    science_of,
    search,
)
from al_bench.configuration.options import lacking

EVERYWHERE = {"experiment", "task", "hydra"}  # whose options change many nodes
HERE = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"  # in this very process


@dataclass(frozen=True)
class Node:
    """A composed config, or one top-level key of it, the option of each config group, and Hydra's
    own settings."""

    config: DictConfig
    choices: Mapping[str, str]
    hydra: DictConfig

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The values by key, of those keys that refer to no other and leave nothing out."""
        values = OmegaConf.to_container(self.config, resolve=False)
        assert isinstance(values, dict)
        texts = {key: str(value) for key, value in values.items()}
        return {str(k): values[k] for k, t in texts.items() if "${" not in t and "???" not in t}


@dataclass(frozen=True)
class Job:
    """One run a command line stands for; its config is put together when asked for."""

    overrides: tuple[str, ...]
    base: Node
    changed: Mapping[str, Node]  # by top-level key

    @cached_property
    def config(self) -> DictConfig:
        config = self.base.config.copy()
        for key, node in self.changed.items():
            config[key] = node.config._get_node(key)
        return config

    @property
    def choices(self) -> dict[str, str]:
        """The option of each config group."""
        own = (node.choices.items() - self.base.choices.items() for node in self.changed.values())
        return dict(self.base.choices) | {key: option for some in own for key, option in some}

    @property
    def experiment(self) -> str | None:
        """The experiment that it belongs to, if any."""
        name = self.base.choices.get("experiment", "None")
        return None if name == "None" else name

    def at(self, key: str) -> Any:
        """The plain value of one top-level key; the whole config is only put together where the
        value refers to others."""
        plain = self.changed.get(key, self.base).plain
        return plain[key] if key in plain else resolved(self.config)[key]

    @property
    def science(self) -> dict[str, Any]:
        return science_of(self.at)


@dataclass(frozen=True)
class Plan:
    """Every run a command line stands for; those of one problem stand together.

    Options of different nodes are independent, so each is composed once: the cost of making a plan
    grows with the number of options, not of runs.
    """

    overrides: tuple[str, ...]  # the command line
    hydra: DictConfig  # Hydra's own settings
    fixed: tuple[str, ...]
    base: Node
    nodes: Mapping[tuple[str, ...], Node]
    combinations: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return len(self.combinations)

    def __iter__(self) -> Iterator[Job]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Job:
        combination = self.combinations[index]
        changed = {key: self.nodes[group] for key, group in _by_node(combination).items()}
        return Job((*self.fixed, *combination), self.base, changed)


Composer = Callable[..., Node]  # from overrides to what they compose to


def composer(extra: Path | None) -> Composer:
    """Composes, and remembers what it composed: sweeps of one experiment share most of it.

    ValueError for a key that the chosen option has not; Hydra's own errors besides.
    """
    from hydra import compose
    from hydra.errors import ConfigCompositionException

    folders = config_folders(extra)

    @cache
    def composed(*overrides: str) -> Node:
        try:
            config = compose("config", list(overrides), return_hydra_config=True)
        except ConfigCompositionException:
            options = [o for o in overrides if is_option(o, folders) or o.startswith("hydra")]
            if len(options) < len(overrides):
                node = composed(*options)
                check_keys(node, [o for o in overrides if o not in options], folders)
            raise
        choices = {k: str(v) for k, v in config.hydra.runtime.choices.items()}
        hydra = config.hydra
        with open_dict(config):
            del config["hydra"]
        own = {k.removeprefix("strategy@") if k == "strategy@init" else k: v
               for k, v in choices.items() if not k.startswith("hydra/")}  # fmt: skip
        return Node(config, own, hydra)

    return composed


def composed(overrides: Sequence[str], extra: Path | None) -> DictConfig:
    """What Hydra composes of some overrides that stand for one value each."""
    with composing(extra):
        return composer(extra)(*search(extra), *as_hydra_takes(overrides)).config


def check_keys(node: Node, overrides: Sequence[str], folders: Sequence[Path]) -> None:
    """ValueError for the first override whose key the chosen option of its group has not."""
    for override in overrides:
        if said := lacking(node.config, node.choices, override, folders):
            raise ValueError(said)


def plan(
    overrides: Sequence[str], extra: Path | None = None, composed: Composer | None = None
) -> Plan:
    """Every run that ``albench run <overrides>`` would make; composed: by what, where it is not
    this plan's own.

    Errors of Hydra's own where an override or a config is wrong.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    overrides = as_hydra_takes(overrides)
    extras, compose = search(extra), composed or composer(extra)
    with composing(extra):
        fixed = [o for o in overrides if not is_sweep(o)]
        swept = [o for o in overrides if is_sweep(o)]
        folders = config_folders(extra)
        chosen = {node_of(o) for o in fixed if is_option(o, folders)} - EVERYWHERE
        own = [o for o in fixed if node_of(o) in chosen]  # composed with the node that it changes
        common = [o for o in fixed if node_of(o) not in chosen]
        base = compose(*extras, *common)
        hydra = base.hydra
        params = hydra.sweeper.get("params") or {}
        given = {key_of(o) for o in overrides}
        swept += [f"{key}={value}" for key, value in params.items() if key not in given]
        loader = GlobalHydra.instance().config_loader()  # which options a glob stands for
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(swept)
        batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        combinations = together([[*own, *job] for batch in batches for job in batch])
        groups = {(key, group) for job in combinations for key, group in _by_node(job).items()}
        nodes = {}
        for key, group in sorted(groups):
            options = [o for o in group if is_option(o, folders)]
            values = [o for o in group if o not in options]
            node = compose(*extras, *common, *options) if options else base
            nodes[group] = with_values(node, key, values, folders) if values else node
        return Plan(tuple(overrides), hydra, tuple(common), base, nodes, combinations)


def with_values(node: Node, key: str, overrides: Sequence[str], folders: Sequence[Path]) -> Node:
    """One top-level key of a composed config with values set as Hydra sets them.

    Composing again would give the same and takes some fifty times as long.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import ConfigCompositionException

    config = OmegaConf.create({key: node.config._get_node(key)} if key in node.config else {})
    OmegaConf.set_struct(config, True)
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    try:
        ConfigLoaderImpl._apply_overrides_to_config(parsed, config)
    except ConfigCompositionException:
        check_keys(node, overrides, folders)
        raise
    return Node(config, node.choices, node.hydra)


def together(combinations: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Combinations in their order, but each behind the first that makes the same problem, which a
    process keeps for the next run."""
    places: dict[tuple[tuple[str, ...], ...], int] = {}
    order = []
    for combination in combinations:
        parts = _by_node(combination)
        problem = tuple(parts.get(key, ()) for key in (*PROBLEM, "seed"))
        order.append(places.setdefault(problem, len(places)))
    return [combinations[i] for i in sorted(range(len(order)), key=order.__getitem__)]


def _by_node(combination: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Overrides by the top-level node they change."""
    groups: dict[str, tuple[str, ...]] = {}
    for override in combination:
        key = node_of(override)
        groups[key] = (*groups.get(key, ()), override)
    return groups


def node_of(override: str) -> str:
    """The top-level node that an override changes: ``strategy@init`` changes init."""
    return key_of(override).split("@")[-1].split(".")[0].split("/")[0]
