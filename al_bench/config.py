"""Configs: where they lie, how a node becomes an object, which runs a command line stands for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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


def science(config: DictConfig) -> dict[str, Any]:
    """What decides a run's numbers, resolved: the nine groups, the seed, and what it replays."""
    from omegaconf.errors import MissingMandatoryValue

    try:
        nodes = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key
        raise ValueError(f"{key} has no value; give {key}=... on the command line") from None
    assert isinstance(nodes, dict)
    again = ("replay",) if nodes.get("replay") is not None else ()
    return {group: nodes[group] for group in (*GROUPS, "seed", *again)}


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
class Job:
    """One run a command line stands for; `choices` names the option of each config group."""

    overrides: tuple[str, ...]
    config: DictConfig
    choices: Mapping[str, str]

    @property
    def science(self) -> dict[str, Any]:
        return science(self.config)


Node = tuple[DictConfig, Mapping[str, str]]  # a composed config and its choices


@dataclass(frozen=True)
class Plan:
    """Every run a command line stands for, in order; a run's config is put together when asked for.

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
        config, choices = self.base[0].copy(), dict(self.base[1])
        for key, group in _by_node(combination).items():
            node, chosen = self.nodes[group]
            config[key] = node._get_node(key)
            choices.update(dict(chosen.items() - self.base[1].items()))
        return Job((*self.fixed, *combination), config, choices)


@contextmanager
def composing(extra: Path | None = None) -> Iterator[None]:
    """Hydra's compose over our configs and, if given, a folder of the user's own."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    if extra is not None:
        trust(extra)
    with initialize_config_dir(str(config_dir()), version_base="1.3", job_name="albench"):
        yield


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

        def composed(more: Sequence[str]) -> Node:
            config = compose("config", [*fixed, *more], return_hydra_config=True)
            choices = {k: str(v) for k, v in config.hydra.runtime.choices.items()}
            with open_dict(config):
                del config["hydra"]
            return config, {k: v for k, v in choices.items() if not k.startswith("hydra/")}

        hydra = compose("config", fixed, return_hydra_config=True).hydra
        params = hydra.sweeper.get("params") or {}
        given = {o.split("=", 1)[0].lstrip("+") for o in overrides}
        swept += [f"{key}={value}" for key, value in params.items() if key not in given]
        loader = GlobalHydra.instance().config_loader()  # which options a glob stands for
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(swept)
        batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        combinations = [job for batch in batches for job in batch]
        groups = {group for job in combinations for group in _by_node(job).values()}
        nodes = {group: composed(group) for group in sorted(groups)}
        return Plan(hydra, tuple(fixed[len(extras) :]), composed([]), nodes, combinations)


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
