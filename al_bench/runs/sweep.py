"""Sweeps: many runs, given to a Hydra launcher in parts: Hydra would start a job for each run,
which costs more than a small run. Here a job is several runs in one process, which keeps data,
embeddings and models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from time import sleep, time
from typing import Any

from omegaconf import DictConfig, read_write

from al_bench.core.progress import Every, span
from al_bench.runs.config import is_sweep, key_of, workers
from al_bench.runs.experiments import known_plan
from al_bench.runs.plan import Plan
from al_bench.runs.run import Aloud

JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
LOCAL = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher"
FEW = 100  # up to this many runs, each prints a line; in larger sweeps only some do
EXTRAS = {"hydra_submitit_launcher": "slurm", "hydra_ray_launcher": "ray"}  # by launcher


def sweep_all(planned: Mapping[str, Plan], extra: Path | None) -> int:
    """Make the runs of each sweep; RuntimeError at the end, listing sweeps, if any failed."""
    failed = []
    for name, one in planned.items():
        try:
            sweep(one, extra, name)
        except RuntimeError as error:
            failed.append(f"{name}: {error}")
    if failed:
        raise RuntimeError("; ".join(failed))
    return 0


def sweep(planned: Plan, extra: Path | None, name: str) -> int:
    """Make every run of a plan; RuntimeError at the end if any failed or a worker died. Workers on
    this machine end with this process, however it ends."""
    size, began = runs_per_job(planned), time()
    parts = range(-(-len(planned) // size))
    counts = f"{len(planned)} runs in {len(parts)} jobs"
    print(f"{name} ({counts})" if name else counts, flush=True)
    tally = Path.cwd() / planned[0].at("results") / f".sweep-{os.getpid()}"
    leader = os.getpid() if planned.hydra.launcher["_target_"] == JOBLIB else None
    said = Counted(len(planned), tally, began)
    planned_as = (planned.overrides, planned.digest)
    task = partial(run_part, planned_as, extra, size, Path.cwd(), leader, said)
    try:
        failed = [f for part in launch(planned, task, extra, parts) for f in part]
    finally:
        with suppress(OSError):
            tally.unlink()
    print(f"{len(planned) - len(failed)} of {len(planned)} runs are done, {span(time() - began)}")
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(planned)} runs failed; the first: {failed[0]}")
    return 0


def launch(
    planned: Plan, task: Callable[[DictConfig], list[str]], extra: Path | None, parts: Sequence[int]
) -> list[list[str]]:
    """Run a task on each part with the configured launcher; returns the results by part."""
    from hydra._internal.callbacks import Callbacks
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.core.utils import JobStatus
    from hydra.types import HydraContext, RunMode

    from al_bench.runs.composing import composing, search

    require_plugin(str(planned.hydra.launcher["_target_"]))
    values = [o for o in planned.overrides if "." not in key_of(o) and not is_sweep(o)]
    fixed = [*search(extra), *planned.fixed, *(o for o in values if o not in planned.fixed)]
    with composing(extra):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("config", fixed, RunMode.MULTIRUN)
        with read_write(config):  # a worker makes the plan itself and composes only its part
            where = [o for o in fixed if key_of(o) == "results"]
            config.hydra.overrides.hydra = where  # Hydra creates that folder
            if planned.hydra.launcher["_target_"] == JOBLIB:  # no more workers than parts
                jobs_at_once = config.hydra.launcher.n_jobs
                config.hydra.launcher.n_jobs = min(effective(jobs_at_once), len(parts))
        launcher = Plugins.instance().instantiate_launcher(
            HydraContext(loader, Callbacks(config)), task, config
        )
        try:
            jobs = launcher.launch([[f"+part={part}"] for part in parts], initial_job_idx=0)
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            raise RuntimeError(
                f"{type(launcher).__name__} stopped ({type(error).__name__}: {said}); "
                "what is done is kept, and the same command goes on from here"
            ) from error
    for job in jobs:
        if job.status != JobStatus.COMPLETED:
            raise job._return_value
    return [list(job.return_value) for job in jobs]


def require_plugin(target: str) -> None:
    """RuntimeError that names the extra of a plugin, if the plugin is not installed."""
    parts = target.split(".")
    if parts[0] != "hydra_plugins":
        return
    try:
        missing = find_spec(".".join(parts[:2])) is None
    except ModuleNotFoundError:
        missing = True
    if missing:
        extra = EXTRAS.get(parts[1])
        how = f"pip install 'al-bench[{extra}]' brings it" if extra else "install its package"
        raise RuntimeError(f"{parts[1]} is not installed; {how}")


def run_part(
    planned_as: tuple[tuple[str, ...], str],
    extra: Path | None,
    size: int,
    folder: Path,
    leader: int | None,
    say: Counted,
    config: DictConfig,
) -> list[str]:
    """Make the runs of one part of a plan in `folder`, in sequence; returns a sentence per failure.
    planned_as: the command line and the digest of the plan; leader: the id of a process without
    which this one ends, or None."""
    from al_bench.runs.run import execute

    if leader not in (None, os.getpid()):
        Thread(target=end_with, args=(leader,), daemon=True).start()
    os.chdir(folder)  # the folder of the command: paths may be relative, workers start elsewhere
    overrides, digest = planned_as
    planned = known_plan(overrides, extra)
    if planned.digest != digest:
        raise RuntimeError("a config was edited while its sweep ran; start it again")
    failed = []
    for index in range(config.part * size, min((config.part + 1) * size, len(planned))):
        job = planned[index]
        try:
            execute(job, say=say)
        except Exception as error:
            failed.append(f"{' '.join(job.overrides)}: {error}")
            say.failed(failed[-1])
    return failed


def end_with(leader: int) -> None:
    """End this process as soon as the one that started it is gone."""
    while os.getppid() == leader:
        sleep(0.5)
    os._exit(1)


def effective(workers: int) -> int:
    from joblib import effective_n_jobs

    return int(effective_n_jobs(workers))


def runs_per_job(planned: Plan) -> int:
    """The number of runs per job, fewer if joblib's workers would have less than two jobs each."""
    size: Any = planned[0].at("runs_per_job")
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"runs_per_job is {size!r}; wanted a whole number of at least 1")
    launcher = planned.hydra.launcher
    if launcher["_target_"] == JOBLIB:
        size = min(size, -(-len(planned) // (2 * effective(launcher["n_jobs"]))))
    if launcher["_target_"] == LOCAL:  # it starts all jobs at once
        size = -(-len(planned) // workers(planned[0].at("threads")))
    return int(size)


@dataclass
class Counted(Aloud):
    """The output of one run among many: how many are done in all processes, and the time left.
    total: the number of runs; tally: a file to which every process of the sweep adds one letter per
    run; began: the start time. A round is printed if nothing was printed for some seconds."""

    total: int
    tally: Path
    began: float
    due: Every = field(default_factory=Every)

    def round(self, text: str) -> None:
        if self.due():
            print(text, flush=True)

    def end(self, text: str, made: bool) -> None:
        count = self.count("m" if made else "-")
        if self.due() or self.total <= FEW:
            print(f"{count}: {text}", flush=True)

    def failed(self, text: str) -> None:
        print(f"{self.count('m')}: failed: {text}", flush=True)

    def count(self, letter: str) -> str:
        """Count one more run; returns how many of all are done, and the time left at this pace."""
        try:
            self.tally.parent.mkdir(parents=True, exist_ok=True)
            with self.tally.open("a") as file:
                file.write(letter)
            letters = self.tally.read_text()
        except OSError:  # the disk is full, or this machine does not see the file
            return f"one of {self.total} runs"
        done, made = len(letters), letters.count("m")
        seconds = (time() - self.began) * (self.total - done) / made if made else 0.0
        left = f", {span(seconds)} left" if seconds else ""
        return f"{done} of {self.total} runs{left}"
