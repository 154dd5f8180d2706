"""A manifest names the commit of a checkout, and none where there is none."""

import subprocess
from pathlib import Path

import pytest

from al_bench.runs import run


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("al_bench", "configs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    monkeypatch.setattr(run, "config_dir", lambda: tmp_path / "configs")
    return tmp_path


def test_a_checkout_has_its_commit_with_a_plus_where_files_are_changed(checkout: Path) -> None:
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "all")
    head = git(checkout, "rev-parse", "HEAD")
    assert run.commit.__wrapped__() == head
    (checkout / "configs" / "file").write_text("changed")
    assert run.commit.__wrapped__() == head + "+"


def test_an_installed_package_has_no_commit(checkout: Path) -> None:
    assert run.commit.__wrapped__() is None


def test_without_git_a_checkout_has_no_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(checkout, "init")
    monkeypatch.setenv("PATH", "")
    assert run.commit.__wrapped__() is None
