"""What a release promises: Pythons that are tested, a lock that fits the bounds."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from al_bench import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WITH_MODELS = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["models"]]
LOCKED = {"python_version": "3.11"}
NEEDED = [r for r in map(Requirement, WITH_MODELS) if not r.marker or r.marker.evaluate(LOCKED)]


def pins() -> dict[str, str]:
    """Name and version of every package of the lock."""
    text = (ROOT / "requirements.lock").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("requirement", NEEDED, ids=str)
def test_the_lock_pins_a_version_that_the_bounds_allow(requirement: Requirement) -> None:
    version = pins()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version, prereleases=True)


def test_every_pin_of_the_lock_has_a_hash() -> None:
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins()) > 0
    assert all("--hash=sha256:" in block for block in blocks)


def test_version_citation_and_changelog_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    heading = re.search(r"^## (\S+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading is not None
    assert heading.groups() == (__version__, str(citation["date-released"]))
    assert citation["version"] == __version__


def test_the_matrix_has_every_python_that_the_classifiers_name() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    matrix = workflow["jobs"]["matrix"]["strategy"]["matrix"]
    assert matrix == {"python": named, "dependencies": ["lowest", "newest"]}
    local = re.search(r"^PYTHONS \?= (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert local is not None
    assert local[1].split() == [f"python{version}" for version in named]
