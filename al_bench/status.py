"""Which runs of an experiment are done, running, failed or to do."""

from __future__ import annotations

import fcntl
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from al_bench.config import plan
from al_bench.store import read_manifest, run_id


def show(overrides: Sequence[str], extra: Path | None) -> int:
    """Print counts, the first line of each failure and the time that is left; 1 if any failed."""
    jobs = plan(overrides, extra)
    runs = Path(jobs[0].config.results) / "runs"
    names = list(dict.fromkeys(run_id(job.science) for job in jobs))
    manifests = {name: read_manifest(runs / name) for name in names}
    states = {name: state(runs / name, manifest) for name, manifest in manifests.items()}
    counts = Counter(states.values())
    parts = [f"{counts[s]} {s}" for s in ("running", "failed", "cut", "to do") if counts[s]]
    print(f"{counts['done']} of {len(names)} done" + "".join(f", {part}" for part in parts))
    for name in names:
        if states[name] == "failed":
            error = str(manifests[name]["error"]).splitlines()[0]
            print(f"  {name} failed: {error}")
    seconds = [duration(m) for n, m in manifests.items() if states[n] == "done"]
    left = len(names) - counts["done"]
    if seconds and left:
        print(f"about {left * median(seconds) / 60:.0f} min of one worker left")
    return 1 if counts["failed"] else 0


def state(folder: Path, manifest: dict[str, Any]) -> str:
    """done, failed, running (a process holds it), cut (nobody does) or to do."""
    if not manifest:
        return "to do"
    if manifest.get("finished"):
        return "done"
    if is_held(folder / "lock"):
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


def duration(manifest: dict[str, Any]) -> float:
    """Wall-clock seconds of a finished run."""
    began, ended = (datetime.fromisoformat(manifest[k]) for k in ("started", "finished"))
    return (ended - began).total_seconds()
