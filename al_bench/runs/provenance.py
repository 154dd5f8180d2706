"""What a run was made with: versions of packages, the commit of the code."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from shutil import which
from typing import Any

from al_bench.configuration.config import config_dir
from al_bench.configuration.identity import targets
from al_bench.configuration.sources import imports
from al_bench.configuration.words import OURS, parameters

PACKAGES = (
    "al-bench",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "pytorch-lightning",
    "hydra-core",
)
EXTRAS = {  # by the name they are imported by
    "cleanlab": "cleanlab",
    "crowdkit": "crowd-kit",
    "gguf": "gguf",
    "peft": "peft",
    "skactiveml": "scikit-activeml",
}


def versions(settings: Mapping[str, Any]) -> dict[str, str]:
    """The installed versions of what can change a number: what every run uses, and what the
    components of this one use besides."""
    found = {package: installed(package) for package in PACKAGES}
    for package in sorted({EXTRAS[name] for name in packages(settings) if name in EXTRAS}):
        with suppress(PackageNotFoundError):  # the run itself will say so, if it comes to that
            found[package] = installed(package)
    return found


def packages(settings: Mapping[str, Any]) -> Iterator[str]:
    """The packages that components are from or import, as far as they are ours, and gguf where
    weights are of its format."""
    for target in targets(settings):
        yield from imports(target) if target.startswith(OURS) else [target.partition(".")[0]]
    if any(str(value).endswith(".gguf") for value in parameters(settings).values()):
        yield "gguf"


@lru_cache(maxsize=32)
def installed(package: str) -> str:
    """The version of a package, read once a process; PackageNotFoundError where there is none."""
    return version(package)


@lru_cache(maxsize=1)
def commit() -> str | None:
    """The git commit of the checkout the code runs from, with a + where files are changed; None
    in an installed package and where there is no git."""
    root = config_dir().parent
    if not (root / ".git").exists() or which("git") is None:
        return None
    asking = ["git", "-C", str(root)]
    head = subprocess.run([*asking, "rev-parse", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(
        [*asking, "status", "--porcelain", "--", "al_bench", "configs"],
        capture_output=True,
        text=True,
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") or None
