"""Configs: the folders that hold them, the settings that decide a run, and objects of nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_bench.runs.declarations import KINDS, class_options

if TYPE_CHECKING:
    from omegaconf import DictConfig

GROUPS = (
    *("dataset", "imbalance", "noise", "prior", "supervision", "learner", "init", "strategy"),
    "protocol",
)
OPTIONAL = ("annotators", "label_model", "annotator_selection", "proxy_selection")  # null: not used
SCIENCE = (*GROUPS, "seed")
WRITTEN = "runs are written below results=<folder>, with all of their settings in manifest.json"
UNUSED = {
    **dict.fromkeys(("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"), WRITTEN),
    "hydra.output_subdir": WRITTEN,
    "hydra/sweeper": "all runs are listed before the first is made; a search, such as Optuna's, "
    "calls al_bench.run from Python",
}
# a trainer's settings that change a run's numbers
TRAINING = (
    *("precision", "max_steps", "max_epochs", "gradient_clip_val", "callbacks", "fast_dev_run"),
)
EXPERIMENT = ("sweeps", "arms")  # keys that only experiments have
GIVEN = ("limit", "trainer")  # keys that a node has only if the user gave them
PROBLEM = ("dataset", "prior", "imbalance", "noise", "annotators")  # what it is made of, by a seed


def workers(threads: int) -> int:
    """How many processes with this many threads the cores can run: ``${workers:${threads}}``."""
    from joblib import cpu_count

    return max(1, int(cpu_count()) // int(threads))


def config_dir() -> Path:
    """The folder of our configs: inside an installed package, or next to it in a checkout."""
    here = Path(__file__).parent.parent
    for folder in (here / "configs", here.parent / "configs"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"al_bench finds no configs beside {here}; reinstall the package")


def config_folders(extra: Path | None) -> list[Path]:
    """The folders with options: ours, those of other installed packages, and the user's own."""
    return [config_dir(), *installed_configs(), *([extra.resolve()] if extra is not None else [])]


@cache
def installed_configs() -> tuple[Path, ...]:
    """The config folders of installed packages with the entry point ``al_bench.configs``."""
    from importlib.metadata import entry_points  # slow to import

    folders: list[Path] = []
    if not (points := sorted(entry_points(group="al_bench.configs"))):
        return ()
    known = {path.relative_to(config_dir()): "al_bench" for path in config_dir().rglob("*.yaml")}
    known |= {Path(g, f"{o}.yaml"): "al_bench" for g in KINDS for o in class_options(g)}
    for point in points:
        who = f"the package {point.dist.name if point.dist else point.name}"
        try:
            spec = find_spec(point.value)
        except ImportError as error:  # raised by a parent package
            raise ValueError(f"{who} names its configs {point.value}: {error}") from error
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(f"{who} names its configs {point.value}, which is no package")
        folder = Path(spec.submodule_search_locations[0])
        for path in sorted(folder.rglob("*.yaml")):
            option = path.relative_to(folder)
            if option in known:
                raise ValueError(f"{who} brings {option}, and so does {known[option]}; rename it")
            known[option] = who
        folders.append(folder)
    return tuple(folders)


def instantiate(node: Any) -> Any:
    """The object of a config node, by one call of its ``_target_``; ValueError if refused."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate as made_by_hydra

    try:
        return made_by_hydra(node, _convert_="all")  # else a dataclass in a list stays a config
    except InstantiationException as error:
        if error.__cause__ is None:
            raise ValueError(str(error).splitlines()[0]) from None
        target = node.get("_target_", "?") if isinstance(node, Mapping) else "?"
        raise ValueError(f"{target}: {error.__cause__}") from error.__cause__


def resolved(config: DictConfig) -> dict[str, Any]:
    """The plain values of a whole config, without the keys of experiments."""
    from omegaconf import OmegaConf
    from omegaconf.errors import MissingMandatoryValue

    def plain(key: str) -> Any:
        node = config[key]
        if not OmegaConf.is_config(node):
            return node
        return OmegaConf.to_container(node, resolve=True, throw_on_missing=True)

    try:
        return {str(key): plain(str(key)) for key in config if key not in EXPERIMENT}
    except MissingMandatoryValue as error:
        key = error.full_key
        raise ValueError(f"{key} has no value; give {key}=... on the command line") from None


def run_spec(value: Callable[[str], Any]) -> dict[str, Any]:
    """The settings that decide a run's numbers; the trainer's become part of its learners."""
    chosen = {key: found for key in OPTIONAL if (found := value(key)) is not None}
    whole = {key: value(key) for key in SCIENCE} | chosen
    given = {key: found for key, found in value("trainer").items() if key in TRAINING and found}
    if given:
        whole = trained_by(given, whole)
        if "proxy_selection" in whole:
            whole["proxy_selection"] = trained_by(given, whole["proxy_selection"])
    return whole


def trained_by(given: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """A node with the trainer's settings in its learner, if that is a network with a recipe."""
    learner = node["learner"]
    if "training" in (learner or {}):
        learner = learner | {"trainer": dict(given)}
    return {**node, "learner": learner}


def trust_folder(folder: Path) -> None:
    """Let configs in the user's folder import modules from that folder."""
    if not folder.is_dir():
        raise FileNotFoundError(f"--config-dir {folder} is not a folder")
    if str(folder.resolve()) not in sys.path:
        sys.path.insert(0, str(folder.resolve()))


def key_of(override: str) -> str:
    """The key of an override: the part before its equals sign."""
    return override.split("=", 1)[0].lstrip("+~")


def as_hydra_takes(overrides: Sequence[str]) -> list[str]:
    """The overrides in Hydra's form: ``init=`` is ``strategy@init=``, a data set's limit is new."""
    for override in overrides:
        if key_of(override) in UNUSED and override != "hydra/sweeper=basic":
            raise ValueError(f"{override} would change nothing: {UNUSED[key_of(override)]}")
    added = {"init=": "strategy@", "dataset.limit=": "++"}
    found = []
    for override in overrides:
        start = next((start for start in added if override.startswith(start)), "")
        found.append(added.get(start, "") + override)
    return found


def is_sweep(override: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return bool(OverridesParser.create().parse_override(override).is_sweep_override())
