"""Sweeps: runs in parts of several, in one process or many, give what single runs give."""

from pathlib import Path

import pytest
from joblib import cpu_count

from al_bench.cli.main import main
from al_bench.runs.plan import plan
from al_bench.runs.sweep import runs_per_job, sweep
from tests.runs.test_run import TINY, here, manifest, runs, science, started  # noqa: F401

SWEEP = [*TINY, "strategy=margin,badge", "seed=0,1"]


def lines(folder: Path) -> dict[str, list[dict[str, object]]]:
    return {name: science(path) for name, path in runs(folder).items()}


def test_runs_that_share_a_process_are_those_of_processes_of_their_own(
    here: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(["run", "-m", *SWEEP, "runs_per_job=4"]) == 0
    together = lines(here)
    alone = here / "alone"
    alone.mkdir()
    monkeypatch.chdir(alone)
    for seed in (1, 0):  # the other way round, one command each
        for strategy in ("badge", "margin"):
            assert main(["run", *TINY, f"strategy={strategy}", f"seed={seed}"]) == 0
    assert lines(alone) == together


@pytest.mark.parametrize(("size", "jobs"), [(1, 4), (3, 2), (9, 1)])
def test_every_run_of_a_sweep_is_in_one_job(
    size: int,
    jobs: int,
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "-m", *SWEEP, f"runs_per_job={size}"]) == 0
    said = capsys.readouterr().out
    assert f"4 runs in {jobs} job" in said
    assert said.count(" finished: ") == 4
    assert len(runs(here)) == 4


def test_no_worker_is_left_without_two_jobs() -> None:
    def size(workers: int) -> int:
        launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={workers}"]
        return runs_per_job(plan([*TINY, "seed=range(40)", "runs_per_job=20", *launcher]))

    assert [size(workers) for workers in (1, 2, 5, 100)] == [20, 10, 4, 1]
    assert size(-1) == size(cpu_count())  # every core, as joblib counts them


def test_workers_share_the_runs_count_failures_and_warn_of_nothing_beside_configs_of_ones_own(
    here: Path,  # noqa: F811
) -> None:
    (here / "mine" / "experiment").mkdir(parents=True)
    (here / "mine" / "experiment" / "two.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /hydra/launcher: joblib\n"
        "hydra:\n  sweeper:\n    params: {seed: '0,1', protocol.budget: '10,1000'}\n"
    )
    mine = ["--config-dir", "mine", "experiment=two", "hydra.launcher.n_jobs=2", "runs_per_job=1"]
    given = [option for option in TINY if "budget" not in option]
    with started("run", *mine, *given, cwd=here) as command:
        _, said = command.communicate()
    assert command.returncode == 1
    (line,) = said.splitlines()
    assert "2 of 4 runs failed; the first: " in line
    assert "protocol.budget=1000" in line
    assert sorted(bool(manifest(p)["finished"]) for p in runs(here).values()) == [0, 0, 1, 1]


def test_a_sweep_whose_config_was_edited_meanwhile_is_refused(
    here: Path,  # noqa: F811
) -> None:
    file = here / "mine" / "experiment" / "two.yaml"
    file.parent.mkdir(parents=True)
    text = "# @package _global_\ndefaults:\n  - override /hydra/launcher: basic\nseed: {}\n{}"
    file.write_text(text.format(1, ""))
    line = ["experiment=two", *TINY, "strategy=margin,badge"]
    planned = plan(line, here / "mine")
    file.write_text(text.format(1, "report: {figures: []}\n"))  # changes no run
    assert plan(line, here / "mine").digest == planned.digest
    file.write_text(text.format(2, ""))
    with pytest.raises(RuntimeError, match="edited while its sweep ran; start it again"):
        sweep(planned, here / "mine", "")
    assert not list(here.glob("results/runs/*"))


def test_a_launcher_makes_no_folder_but_the_one_for_results(
    here: Path,  # noqa: F811
) -> None:
    worker = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=1"]
    assert main(["run", *TINY, *worker, "results=else where"]) == 0
    assert len(list((here / "else where" / "runs").iterdir())) == 1
    assert not (here / "results").exists()


def test_the_launcher_that_an_experiment_chose_can_be_set(
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here / "mine" / "experiment").mkdir(parents=True)
    (here / "mine" / "experiment" / "one.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /hydra/launcher: joblib\n"
        "hydra:\n  mode: MULTIRUN\n"
    )
    line = ["experiment=one", "hydra.launcher.n_jobs=1", *TINY, "strategy=random", "seed=0"]
    assert main(["run", "--config-dir", str(here / "mine"), *line]) == 0
    assert "1 runs in 1 jobs" in capsys.readouterr().out
    assert len(runs(here)) == 1


def test_a_job_has_at_least_one_run(
    here: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "-m", *SWEEP, "runs_per_job=0"]) == 1
    assert "runs_per_job is 0; wanted a whole number of at least 1" in capsys.readouterr().err


def test_a_plan_names_the_options_a_run_was_made_of() -> None:
    jobs = list(plan(["strategy=random,margin", "dataset=synthetic"]))
    assert [job.choices["strategy"] for job in jobs] == ["random", "margin"]
    assert jobs[1].choices["dataset"] == "synthetic"
    assert jobs[1].overrides == ("dataset=synthetic", "strategy=margin")
