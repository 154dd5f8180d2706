"""A manifest names the commit of a checkout, and the packages that its run used."""

import subprocess
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from al_bench.runs import environment as provenance
from al_bench.runs.plan import plan


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("al_bench", "configs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    monkeypatch.setattr(provenance, "config_dir", lambda: tmp_path / "configs")
    return tmp_path


def test_a_checkout_has_its_commit_with_a_plus_where_files_are_changed_and_others_have_none(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = provenance.commit.__wrapped__
    assert commit() is None  # an installed package
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "all")
    assert commit() == (head := git(checkout, "rev-parse", "HEAD"))
    (checkout / "configs" / "file").write_text("changed")
    assert commit() == head + "+"
    monkeypatch.setenv("PATH", "")  # no git
    assert commit() is None


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        ([], set()),
        (["annotators=alike", "label_model=majority"], set()),
        (["annotators=alike", "label_model=dawid_skene"], {"crowd-kit"}),
        (["annotators=alike", "label_model=crowdlab"], {"cleanlab"}),
        (["supervision=confident_learning", "learner=transformers_lora"], {"cleanlab", "peft"}),
        (["strategy=skactiveml"], {"scikit-activeml"}),
        (["prior=llm"], {"gguf"}),
    ],
)
def test_versions_are_of_what_every_run_uses_and_of_what_this_one_uses_besides(
    overrides: list[str], wanted: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "installed", lambda package: "1")
    found = provenance.versions(plan(overrides)[0].science)
    assert set(found) == {*provenance.PACKAGES, *wanted}


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(package: str) -> str:
        if package == "cleanlab":
            raise PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(provenance, "installed", installed)
    chosen = plan(["supervision=confident_learning"])[0].science
    assert set(provenance.versions(chosen)) == set(provenance.PACKAGES)
