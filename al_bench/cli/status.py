"""``albench status``: which runs are done, running, failed or to do, and the time left."""

from __future__ import annotations

import fcntl
import gc
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any

from al_bench.cli.options import ConfigDir, Multirun, Overrides
from al_bench.runs.config import instantiate
from al_bench.runs.plan import Job
from al_bench.runs.store import read_end, read_manifest

STATES = ("running", "failed", "damaged", "cut", "to do")


@dataclass
class Progress:
    """The state of some runs, by id: states, seconds of finished runs, the first line of each
    failure, and why a data set is not on this machine."""

    states: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, other: Progress) -> None:
        """Add the runs of another experiment."""
        for part in fields(self):
            getattr(self, part.name).update(getattr(other, part.name))

    def counts(self) -> str:
        """The number of runs in each state."""
        counts = Counter(self.states.values())
        parts = [f"{counts[s]} {s}" for s in STATES if counts[s]]
        return f"{counts['done']} of {counts.total()} done" + "".join(f", {p}" for p in parts)

    def reasons(self) -> list[str]:
        """A line for each failure and for each data set that is not available."""
        absent = Counter(self.missing.values())
        lines = [f"{name} {self.states[name]}: {why}" for name, why in self.errors.items()]
        return lines + [f"data set not available, {n} runs: {why}" for why, n in absent.items()]

    def time_left(self, known: Collection[float]) -> str:
        """The time for the runs still to do, from the mean of the seconds of finished runs."""
        todo = [n for n, s in self.states.items() if s != "done" and n not in self.missing]
        if not todo:
            return "nothing left that could be run here"
        if not known:
            return f"{len(todo)} runs left; how long is unknown, as none has finished"
        hours = len(todo) * mean(known) / 3600
        time = f"{hours:.1f} h" if hours >= 1.5 else f"{60 * hours:.0f} min"
        return f"{len(todo)} runs left, about {time} of one worker (mean of {len(known)} finished)"


def status(
    overrides: Overrides = None, config_dir: ConfigDir = None, multirun: Multirun = False
) -> int:
    """Show which runs of experiments are done, failed, to do or missing, and the time left.

    No data are loaded. The exit code is 1 if any run failed or is damaged.
    """
    gc.disable()  # what is made here is kept; looking for garbage takes a sixth of the time
    try:
        return said(overrides or (), config_dir)
    finally:
        gc.enable()


def said(overrides: Sequence[str], config_dir: Path | None) -> int:
    """Print the state of the runs; returns 1 if any failed or is damaged."""
    from al_bench.runs.experiments import plans

    planned = plans(overrides, config_dir)
    every, known = Progress(), dict[str, str | None]()
    for name, jobs in planned.items():
        here = progress(jobs, known)
        every.add(here)
        left = here.time_left((here.seconds or every.seconds).values())
        title = [name] if len(planned) > 1 else []
        print("\n  ".join([*title, here.counts(), *here.reasons(), left]))
    if len(planned) > 1:
        print(f"all\n  {every.counts()}\n  {every.time_left(every.seconds.values())}")
    return 1 if {"failed", "damaged"} & set(every.states.values()) else 0


def progress(jobs: Iterable[Job], known: dict[str, str | None]) -> Progress:
    """The state of some runs. known: as in `absent`."""
    named = {job.id: job for job in jobs}
    found = Progress(dict.fromkeys(named, "to do"))
    for name, job in named.items():
        add_run(found, name, f"{job.at('results')}/runs/{name}")
    todo = [job for name, job in named.items() if found.states[name] != "done"]
    found.missing = absent(todo, known)
    found.errors = {name: why for name, why in found.errors.items()
                    if name not in found.missing or found.states[name] == "damaged"}  # fmt: skip
    return found


def add_run(found: Progress, name: str, folder: str) -> None:
    """Add the state of a run, if it has a manifest."""
    try:
        manifest = read_end(folder)
        if manifest == {}:
            manifest = read_manifest(Path(folder))
    except ValueError as error:
        found.states[name], found.errors[name] = "damaged", str(error)
        return
    if not manifest:
        return
    found.states[name] = state(folder, manifest)
    if found.states[name] == "done":
        found.seconds[name] = duration(manifest)
    elif found.states[name] == "failed":
        found.errors[name] = (manifest["error"].splitlines() or ["?"])[0]


def absent(jobs: Iterable[Job], known: dict[str, str | None]) -> dict[str, str]:
    """Why the data set of a job is not here, by its method ``absent``; loads no data. known: the
    answers of earlier calls, by data set."""
    from al_bench.data.datasets.columns import absent_of  # slow to import

    nodes = {job.id: job.at("dataset") for job in jobs}
    each = {id(node): node for node in nodes.values()}  # runs share them
    for number, node in each.items():
        if (text := repr(node)) not in known:
            known[text] = absent_of(instantiate(node))
        each[number] = known[text]
    reasons = {name: each[id(node)] for name, node in nodes.items()}
    return {name: why for name, why in reasons.items() if why is not None}


def state(folder: str, manifest: Mapping[str, Any]) -> str:
    """done, failed, running (a process has locked it), cut (no process has) or to do."""
    if not manifest:
        return "to do"
    if manifest.get("finished"):
        return "done"
    if is_held(Path(folder, "lock")):
        return "running"
    return "failed" if manifest.get("error") else "cut"


def is_held(lock: Path) -> bool:
    """Whether a living process writes this run."""
    if not lock.exists():
        return False
    with open(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def duration(manifest: Mapping[str, Any]) -> float:
    """Wall-clock seconds of a finished run."""
    began, ended = (datetime.fromisoformat(manifest[k]) for k in ("started", "finished"))
    return (ended - began).total_seconds()
