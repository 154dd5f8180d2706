"""Launchers other than joblib's give the rounds of single processes; each needs its extra.
Ray's, which has an environment of its own, are in test_ray."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from al_bench.cli.main import main
from tests.runs.test_failures import rounds_of
from tests.runs.test_run import COMMAND, TINY, here  # noqa: F401

SWEEP = [*TINY, "protocol.rounds=1", "strategy=margin,badge", "seed=0,1"]


def needs(plugin: str, extra: str) -> pytest.MarkDecorator:
    missing = find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None
    return pytest.mark.skipif(missing, reason=f"needs the extra {extra!r} of al-bench")


def sweep(folder: Path, *options: str) -> dict[str, list[dict[str, object]]]:
    """The rounds of SWEEP made by a command with these options."""
    command = [*COMMAND, "run", "-m", *SWEEP, f"results={folder.name}", *options]
    done = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return rounds_of(folder)


@pytest.fixture
def alone(here: Path) -> dict[str, list[dict[str, object]]]:  # noqa: F811
    """The rounds of SWEEP made in this process."""
    assert main(["run", "-m", *SWEEP, "results=alone"]) == 0
    return rounds_of(here / "alone")


@needs("hydra_submitit_launcher", "slurm")
def test_submitits_local_executor_makes_the_same_runs_in_one_job_a_core(
    here: Path,  # noqa: F811
    alone: dict[str, list[dict[str, object]]],
) -> None:
    assert sweep(here / "submitted", "hydra/launcher=submitit_local") == alone
    scripts = list((here / "submitted" / ".submitit").glob("*/*_submitted.pkl"))
    assert 1 <= len(scripts) <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("option", "plugin", "extra"),
    [
        ("hydra/launcher=submitit_slurm", "hydra_submitit_launcher", "slurm"),
        ("hydra/launcher=ray", "hydra_ray_launcher", "ray"),
    ],
)
def test_a_plugin_that_is_not_installed_is_said_with_its_extra(
    option: str,
    plugin: str,
    extra: str,
    here: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from al_bench.runs import sweep as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert main(["run", "-m", *SWEEP, option]) == 1
    said = capsys.readouterr().err
    assert f"{plugin} is not installed; pip install 'al-bench[{extra}]' brings it" in said


def test_workers_and_their_threads_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    import joblib

    from al_bench.runs.config import workers

    monkeypatch.setattr(joblib, "cpu_count", lambda: 12)
    assert [workers(threads) for threads in (1, 4, 5, 24)] == [12, 3, 2, 1]
