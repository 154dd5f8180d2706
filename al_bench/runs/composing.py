"""Hydra, with our options: those of files and those that are classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from al_bench.runs.config import config_dir, config_folders, trust_folder
from al_bench.runs.declarations import KINDS, class_option
from al_bench.runs.options import declared, option_names

SCHEME = "albench"


class OptionSource(FileConfigSource):
    """A folder of configs, of which ours has options without a file too."""

    @staticmethod
    def scheme() -> str:
        return SCHEME

    def load_config(self, config_path: str) -> ConfigResult:
        if super().is_config(config_path):
            found = super().load_config(config_path)
        else:
            found = ConfigResult(self.provider, self.full_path(), DictConfig({}), {"package": None})
        group, _, option = config_path.removesuffix(".yaml").rpartition("/")
        if group in KINDS and found.header["package"] is None:
            found.config = OmegaConf.create(declared(group, option, [Path(self.path)]))
        return found

    def is_group(self, config_path: str) -> bool:
        return super().is_group(config_path) or (self.ours and config_path in KINDS)

    def is_config(self, config_path: str) -> bool:
        group, _, option = config_path.removesuffix(".yaml").rpartition("/")
        if super().is_config(config_path):
            return True
        return self.ours and class_option(group, option) is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        here = super().is_group(config_path)
        found = set(super().list(config_path, results_filter)) if here else set()
        if self.ours and results_filter != ObjectType.GROUP and config_path in KINDS:
            found |= set(option_names(config_path, [Path(self.path)]))
        if self.ours and results_filter != ObjectType.CONFIG and not config_path:
            found |= set(KINDS)
        return sorted(found)

    @property
    def ours(self) -> bool:
        return Path(self.path) == config_dir()


class OptionSearchPath(SearchPathPlugin):
    """Our configs are read by `OptionSource`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for element in search_path.get_path():
            if str(element.path).removeprefix("file://") == str(config_dir()):
                element.path = f"{SCHEME}://{config_dir()}"


@contextmanager
def composing(extra: Path | None = None) -> Iterator[None]:
    """Initialise Hydra for composing from our configs and, if given, the user's own folder."""
    GlobalHydra.instance().clear()
    prepare_hydra()
    if extra is not None:
        trust_folder(extra)
    with initialize_config_dir(str(config_dir()), version_base="1.3", job_name="albench"):
        yield


def search(extra: Path | None) -> list[str]:
    """The override that makes Hydra search further folders for options."""
    others = ",".join(f"{SCHEME}://{folder}" for folder in config_folders(extra)[1:])
    return [f"hydra.searchpath=[{others}]"] if others else []


def prepare_hydra() -> None:
    """Let Hydra read our options, and make our configs of launchers and sweepers the only ones: it
    would merge each with the plugin's own, and warn that it soon will not."""
    for plugin in (OptionSource, OptionSearchPath):
        Plugins.instance().register(plugin)  # the instance registers the plugins' own configs
    for path in (config_dir() / "hydra").rglob("*.yaml"):
        *groups, name = path.relative_to(config_dir()).parts
        known: dict[str, Any] = ConfigStore.instance().repo
        for group in groups:
            known = known.get(group, {})
        known.pop(name, None)
