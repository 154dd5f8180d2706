"""Configs: where they lie, how a node becomes an object, which runs a command line stands for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

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
    """What decides a run's numbers, resolved: the nine groups and the seed."""
    from omegaconf.errors import MissingMandatoryValue

    try:
        nodes = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key
        raise ValueError(f"{key} has no value; give {key}=... on the command line") from None
    assert isinstance(nodes, dict)
    return {group: nodes[group] for group in (*GROUPS, "seed")}


def label(group: str, choice: str, node: Mapping[str, Any], folders: Sequence[Path]) -> str:
    """A short name of a group's setting: its option, and the values that differ from its file.

    Imbalance and noise always show their numbers: ``symmetric(rate=0.2)``.
    """
    file = "strategy" if group == "init" else group
    paths = [folder / file / f"{choice}.yaml" for folder in folders]
    path = next((p for p in paths if p.is_file()), None)
    original = OmegaConf.to_container(OmegaConf.load(path)) if path else {}
    assert isinstance(original, dict)
    shown = []
    for name, value in node.items():
        if name == "_target_" or isinstance(value, dict | list):
            continue
        numbers = group in ("imbalance", "noise") and isinstance(value, int | float)
        differs = name in original and not str(original[name]).startswith("${")
        if numbers or (differs and original[name] != value):
            shown.append(f"{name}={value}")
    inner = node.get("inner")
    if isinstance(inner, Mapping) and "_target_" in inner:
        name = str(inner["_target_"]).rsplit(".", 1)[-1]
        if name.lower() not in _usual_inner(original):
            shown.insert(0, name)
    return f"{choice}({', '.join(shown)})" if shown else choice


def _usual_inner(original: Mapping[Any, Any]) -> list[str]:
    """The options that a wrapper's file puts inside it, without underscores."""
    entries = [e for e in original.get("defaults", []) if isinstance(e, Mapping)]
    options = [o for e in entries for key, o in e.items() if str(key).endswith("@inner")]
    return [str(option).replace("_", "") for option in options]


@dataclass(frozen=True)
class Job:
    """One run a command line stands for."""

    overrides: tuple[str, ...]
    config: DictConfig

    @property
    def science(self) -> dict[str, Any]:
        return science(self.config)


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


def plan(overrides: Sequence[str], extra: Path | None = None) -> list[Job]:
    """Every run that ``albench run <overrides>`` (with -m or an experiment) would make, in order.

    Options of different nodes are independent, so each is composed once and put together: the cost
    grows with the number of options, not of runs. ValueError where the overrides are not Hydra's.
    """
    from hydra import compose
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    extras = [f"hydra.searchpath=[file://{extra.resolve()}]"] if extra is not None else []
    with composing(extra):
        fixed = [*extras, *(o for o in overrides if not _sweeps(o))]
        swept = [o for o in overrides if _sweeps(o)]
        whole = compose("config", fixed, return_hydra_config=True)
        params = whole.hydra.sweeper.params or {}
        given = {o.split("=", 1)[0].lstrip("+") for o in overrides}
        swept += [f"{key}={value}" for key, value in params.items() if key not in given]
        loader = GlobalHydra.instance().config_loader()  # which options a glob stands for
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(swept)
        batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        base = compose("config", fixed)
        nodes: dict[tuple[str, ...], DictConfig] = {}
        jobs = []
        for combination in (job for batch in batches for job in batch):
            config = base.copy()
            for key, group in _by_node(combination).items():
                if group not in nodes:
                    nodes[group] = compose("config", [*fixed, *group])
                config[key] = nodes[group]._get_node(key)
            jobs.append(Job((*fixed[len(extras) :], *combination), config))
        return jobs


def _by_node(combination: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Overrides by the top-level node they change: ``strategy@init`` changes init."""
    groups: dict[str, tuple[str, ...]] = {}
    for override in combination:
        path = override.split("=", 1)[0].lstrip("+~").split("@")[-1]
        key = path.split(".")[0].split("/")[0]
        groups[key] = (*groups.get(key, ()), override)
    return groups


def _sweeps(override: str) -> bool:
    """Whether a command-line override stands for several values."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return bool(OverridesParser.create().parse_override(override).is_sweep_override())
