"""What an entry must be before a number of it is believed: complete, of one task, on its problems,
blind to the truth, and the same when it is made again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import pandas as pd

from al_bench.analysis.frame import Results
from al_bench.analysis.merge import check_digests, check_ids, first_difference, runs_of, science_of
from al_bench.entries.card import areas
from al_bench.entries.tasks import METHOD, Task, problem_name
from al_bench.rng import rng
from al_bench.runs.config import build
from al_bench.runs.parts import is_oracle
from al_bench.runs.plan import Job


def check_blind(name: str, job: Job) -> None:
    """ValueError where a component of a run reads the truth: such a reference is no entry."""
    for group in METHOD:
        node = job.at(group)
        if node is not None and is_oracle(build(node)):
            raise ValueError(
                f"{name} has the {group} {node['_target_']}, which reads the truth; wanted a "
                "method, not an upper reference"
            )


def check_entry(name: str, results: Results, wanted: Collection[str], task: Task) -> int:
    """How many of an entry's problems have no digest on record for the task, so that it cannot be
    told whether they are the task's own.

    wanted: the ids of its runs. ValueError, in one sentence, where runs are missing or too many, an
    id is not the hash of what its columns say, a run read the truth, or met another problem.
    """
    frame = results.frame
    if len(frame):
        check_ids(frame, name)
    check_complete(name, results, wanted)
    if task.metric not in frame or frame[task.metric].isna().any():
        raise ValueError(f"{name} has rounds without {task.metric}, the metric of {task.name}")
    if frame["oracle"].any():
        raise ValueError(f"{name} has runs that read the truth; an upper reference is no entry")
    check_digests(frame)
    rounds = {str(run): one for run, one in frame.sort_values(["id", "round"]).groupby("id")}
    problems = {row["id"]: problem_name(science_of(row), row["seed"]) for row in runs_of(frame)}
    for run, problem in problems.items():
        check_run(f"{name}: run {run}", rounds[run], task.problems.get(problem, {}))
    return sum(problem not in task.problems for problem in problems.values())


def check_complete(name: str, results: Results, wanted: Collection[str]) -> None:
    """ValueError unless the runs are all of the wanted ones and no other."""
    there = set(results.frame["id"]) if len(results.frame) else set[str]()
    missing, more = sorted(set(wanted) - there), sorted(there - set(wanted))
    if len(missing) == len(wanted):
        raise ValueError(
            f"{name} has no run of what its configuration makes here: another task, version or "
            "code of the method (--config-dir names the folder that it is in)"
        )
    if missing:
        failed = {run.id: run.why for run in results.failed}
        why = next((failed[run] for run in missing if run in failed), "not there")
        raise ValueError(f"{name} has {len(wanted) - len(missing)} of {len(wanted)} runs; the "
                         f"first that is missing is {missing[0]} ({why})")  # fmt: skip
    if more:
        raise ValueError(f"{name} has {len(more)} runs that are not of its task; the first is "
                         f"{more[0]}")  # fmt: skip


def check_run(run: str, rounds: pd.DataFrame, known: Mapping[str, Any]) -> None:
    """ValueError unless a run has its rounds from 0 on, each once, and in them the labels and the
    digest that the task has on record of its problem."""
    if rounds["round"].tolist() != list(range(len(rounds))):
        raise ValueError(f"{run} has a round missing or twice")
    labels, digest = rounds["n_labels"].tolist(), rounds["digest"].iloc[0]
    if labels != known.get("labels", labels):
        raise ValueError(f"{run} bought {labels} labels by its rounds; the task has "
                         f"{known['labels']}")  # fmt: skip
    if digest != known.get("digest", digest):
        raise ValueError(
            f"{run} met a problem with the digest {digest[:12]}, where the task has "
            f"{known['digest'][:12]}: its data, prior or answers differ in the last bit at least; "
            "`albench enter` with cache=<an empty folder>, on a processor with AVX2, meets the "
            "task's own"
        )


def sample(ids: Collection[str], share: float, seed: int) -> list[str]:
    """A random share of some runs, rounded up; the same for equal seeds. ValueError unless the
    share is in (0, 1]."""
    if not 0 < share <= 1:
        raise ValueError(f"--share is {share}; wanted a fraction in (0, 1]")
    drawn = rng(seed, "verify").permutation(sorted(ids))[: ceil(share * len(ids))]
    return [str(name) for name in drawn]


@dataclass(frozen=True)
class Again:
    """A run made twice: where the two first differ (None: nowhere), how much larger the area is
    that was found now; apart: whether it is farther from the other than it may be."""

    id: str
    where: str | None
    area: float
    apart: bool


def compare(
    said: pd.DataFrame, made: pd.DataFrame, metric: str, tolerance: float
) -> tuple[Again, ...]:
    """Each run of two tables of the same runs, in the order of ids; tolerance: by how much areas
    may differ, 0 where nothing may in any column but seconds."""
    found = []
    more = areas(made, metric) - areas(said, metric)
    for name, run in said.groupby("id"):
        difference = first_difference(run, made[made["id"] == name])
        where = None if difference is None else difference[1]
        close = tolerance > 0 and bool(abs(more[name]) <= tolerance)
        found.append(Again(str(name), where, float(more[name]), where is not None and not close))
    return tuple(found)


def shifted(found: Sequence[Again], tolerance: float) -> float | None:
    """The mean difference of areas where that is more than chance would have it: for what is
    random in single runs averages out, and what was added to all of them does not."""
    mean = sum(one.area for one in found) / len(found)
    return mean if abs(mean) * sqrt(len(found)) > tolerance else None


def told(found: Sequence[Again], tolerance: float) -> int:
    """Print what became of each run and of all; 1 where they are not what the entry says."""
    for one in found:
        state = "equal" if one.where is None else "DIFFERS" if one.apart else "close"
        how = "" if one.where is None else f": first in {one.where}; area {one.area:+.4f}"
        print(f"{state:8} {one.id}{how}")
    apart, shift = [one.id for one in found if one.apart], shifted(found, tolerance)
    if apart:
        print(f"{len(apart)} of {len(found)} runs are not what the entry says: {', '.join(apart)}")
    if shift is not None:
        print(f"the mean area of these runs is {shift:+.4f} from what the entry says")
    return 1 if apart or shift is not None else 0
