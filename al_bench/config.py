"""Configs: where they lie, how a node becomes an object, which runs a command line stands for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

GROUPS = (
    "dataset",
    "imbalance",
    "noise",
    "prior",
    "supervision",
    "learner",
    "init",
    "strategy",
    "protocol",
)
SCIENCE = (*GROUPS, "seed")
BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def workers(threads: int) -> int:
    """How many processes of so many threads this machine (or this job's share of it) has cores for;
    in a yaml ``${workers:${threads}}``."""
    from joblib import cpu_count

    return max(1, int(cpu_count()) // int(threads))


OmegaConf.register_new_resolver("workers", workers, replace=True)


def config_dir() -> Path:
    """The folder of the configs: inside an installed package, or beside it in a checkout."""
    here = Path(__file__).parent
    for folder in (here / "configs", here.parent / "configs"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"al_bench finds no configs beside {here}; reinstall the package")


def config_folders(extra: Path | None) -> list[Path]:
    """Where the options of a group lie: our configs, and a folder of the user's own."""
    return [config_dir(), *([extra.resolve()] if extra is not None else [])]


def build(node: Any) -> Any:
    """The object a config node describes: one call of its ``_target_``. The only place that does.

    ValueError with the constructor's own sentence where it refuses its arguments.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(node)
    except InstantiationException as error:
        if error.__cause__ is None:
            raise ValueError(str(error).splitlines()[0]) from None
        target = node.get("_target_", "?") if isinstance(node, Mapping) else "?"
        raise ValueError(f"{target}: {error.__cause__}") from error.__cause__


def resolved(config: DictConfig) -> dict[str, Any]:
    """The plain values of a whole config; ValueError where one is left out."""
    from omegaconf.errors import MissingMandatoryValue

    try:
        nodes = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key
        raise ValueError(f"{key} has no value; give {key}=... on the command line") from None
    assert isinstance(nodes, dict)
    return {str(key): value for key, value in nodes.items()}


def science(config: DictConfig) -> dict[str, Any]:
    """What decides a run's numbers, resolved: the nine groups, the seed, and what it replays."""
    return science_of(resolved(config).__getitem__)


def science_of(value: Callable[[str], Any]) -> dict[str, Any]:
    """The same from the plain value of each top-level key; a run that replays none has no entry."""
    again = {"replay": value("replay")}
    return {key: value(key) for key in SCIENCE} | {k: v for k, v in again.items() if v is not None}


def label(group: str, choice: str, node: Mapping[str, Any], folders: Sequence[Path]) -> str:
    """A short name of a group's setting: its option, and the values that differ from its file.

    Imbalance and noise always show their numbers: ``symmetric(rate=0.2)``.
    """
    file = "strategy" if group == "init" else group
    paths = [folder / file / f"{choice}.yaml" for folder in folders]
    path = next((p for p in paths if p.is_file()), None)
    original = OmegaConf.to_container(OmegaConf.load(path)) if path else {}
    assert isinstance(original, dict)
    numbers = group in ("imbalance", "noise")
    shown = [part for name in node for part in differing(name, node[name], original, numbers)]
    inner = node.get("inner")
    if isinstance(inner, Mapping) and "_target_" in inner:
        name = str(inner["_target_"]).rsplit(".", 1)[-1]
        if name.lower() not in _usual_inner(original):
            shown.insert(0, name)
    return f"{choice}({', '.join(shown)})" if shown else choice


def differing(
    name: str, value: Any, original: Mapping[Any, Any], numbers: bool = False
) -> list[str]:
    """``name=value`` where a file says otherwise (numbers always, if asked for), also for what it
    writes out inside a part."""
    if name == "_target_" or isinstance(value, list):
        return []
    if isinstance(value, Mapping):
        inside = original.get(name)
        known = inside if isinstance(inside, Mapping) else {}
        return [part for key in value for part in differing(key, value[key], known)]
    differs = name in original and not str(original[name]).startswith("${")
    if (numbers and isinstance(value, int | float)) or (differs and original[name] != value):
        return [f"{name}={value}"]
    return []


def _usual_inner(original: Mapping[Any, Any]) -> list[str]:
    """The options that a wrapper's file puts inside it, without underscores."""
    entries = [e for e in original.get("defaults", []) if isinstance(e, Mapping)]
    options = [o for e in entries for key, o in e.items() if str(key).endswith("@inner")]
    return [str(option).replace("_", "") for option in options]


@dataclass(frozen=True)
class Node:
    """A composed config, or one top-level key of it, and the option of each config group."""

    config: DictConfig
    choices: Mapping[str, str]

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
    """Every run a command line stands for, in order.

    Options of different nodes are independent, so each is composed once: the cost of making a plan
    grows with the number of options, not of runs.
    """

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


@contextmanager
def composing(extra: Path | None = None) -> Iterator[None]:
    """Hydra's compose over our configs and, if given, a folder of the user's own."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    stand_alone()
    if extra is not None:
        trust(extra)
    with initialize_config_dir(str(config_dir()), version_base="1.3", job_name="albench"):
        yield


def stand_alone() -> None:
    """Let our files of launchers and sweepers be all there is to them: Hydra would merge each with
    the plugin's own of the same name, and warn that it soon will not."""
    from hydra.core.config_store import ConfigStore
    from hydra.core.plugins import Plugins

    Plugins.instance()  # which brings in the plugins' own
    for path in (config_dir() / "hydra").rglob("*.yaml"):
        *groups, name = path.relative_to(config_dir()).parts
        known: dict[str, Any] = ConfigStore.instance().repo
        for group in groups:
            known = known.get(group, {})
        known.pop(name, None)


def trust(folder: Path) -> None:
    """Let configs in a folder the user named import modules that lie beside them."""
    if not folder.is_dir():
        raise FileNotFoundError(f"--config-dir {folder} is not a folder")
    if str(folder.resolve()) not in sys.path:
        sys.path.insert(0, str(folder.resolve()))


def plan(overrides: Sequence[str], extra: Path | None = None) -> Plan:
    """Every run that ``albench run <overrides>`` (with -m or an experiment) would make.

    Errors of Hydra's own where an override or a config is wrong.
    """
    from hydra import compose
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    extras = [f"hydra.searchpath=[file://{extra.resolve()}]"] if extra is not None else []
    with composing(extra):
        fixed = [*extras, *(o for o in overrides if not is_sweep(o))]
        swept = [o for o in overrides if is_sweep(o)]

        @cache
        def composed(*more: str) -> Node:
            config = compose("config", [*fixed, *more], return_hydra_config=True)
            choices = {k: str(v) for k, v in config.hydra.runtime.choices.items()}
            with open_dict(config):
                del config["hydra"]
            return Node(config, {k: v for k, v in choices.items() if not k.startswith("hydra/")})

        hydra = compose("config", fixed, return_hydra_config=True).hydra
        params = hydra.sweeper.get("params") or {}
        given = {o.split("=", 1)[0].lstrip("+") for o in overrides}
        swept += [f"{key}={value}" for key, value in params.items() if key not in given]
        loader = GlobalHydra.instance().config_loader()  # which options a glob stands for
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(swept)
        batches = []  # where another sweeper chooses the runs as it goes
        if hydra.sweeper["_target_"] == BASIC:
            batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        combinations = [job for batch in batches for job in batch]
        groups = {(key, group) for job in combinations for key, group in _by_node(job).items()}
        nodes = {}
        for key, group in sorted(groups):
            options = [o for o in group if is_option(o, config_folders(extra))]
            values = [o for o in group if o not in options]
            node = composed(*options)
            nodes[group] = with_values(node, key, values) if values else node
        return Plan(hydra, tuple(fixed[len(extras) :]), composed(), nodes, combinations)


def is_option(override: str, folders: Sequence[Path]) -> bool:
    """Whether an override chooses an option of a config group, rather than sets a value."""
    group = override.split("=", 1)[0].lstrip("+~").split("@")[0]
    return any((folder / group).is_dir() for folder in folders)


def with_values(node: Node, key: str, overrides: Sequence[str]) -> Node:
    """One top-level key of a composed config with values set as Hydra sets them.

    Composing again would give the same and takes some fifty times as long.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.core.override_parser.overrides_parser import OverridesParser

    config = OmegaConf.create({key: node.config._get_node(key)} if key in node.config else {})
    OmegaConf.set_struct(config, True)
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    ConfigLoaderImpl._apply_overrides_to_config(parsed, config)
    return Node(config, node.choices)


def _by_node(combination: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Overrides by the top-level node they change: ``strategy@init`` changes init."""
    groups: dict[str, tuple[str, ...]] = {}
    for override in combination:
        path = override.split("=", 1)[0].lstrip("+~").split("@")[-1]
        key = path.split(".")[0].split("/")[0]
        groups[key] = (*groups.get(key, ()), override)
    return groups


def is_sweep(override: str) -> bool:
    """Whether a command-line override stands for several values."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return bool(OverridesParser.create().parse_override(override).is_sweep_override())
