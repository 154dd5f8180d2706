"""What an entry must be before a number of it is believed: complete, of one task, on its problems,
and blind to the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from al_bench.analysis.frame import Results
from al_bench.analysis.merge import check_digests, check_ids, runs_of, science_of
from al_bench.configuration.config import build
from al_bench.configuration.identity import run_id
from al_bench.configuration.plan import Job, Plan
from al_bench.configuration.tasks import METHOD, Task, problem_name, read_task
from al_bench.entries.folder import About
from al_bench.entries.predictions import Predictions, check_predictions
from al_bench.runs.parts import is_oracle


def check_blind(name: str, job: Job) -> None:
    """ValueError where a component of a run reads the truth: such a reference is no entry."""
    for group in METHOD:
        node = job.at(group)
        if node is not None and is_oracle(build(node)):
            raise ValueError(
                f"{name} has the {group} {node['_target_']}, which reads the truth; wanted a "
                "method, not an upper reference"
            )


def named(planned: Plan) -> dict[str, Job]:
    """The runs of a plan by id."""
    return {run_id(job.science): job for job in planned}


def task_of(name: str, about: About, extra: Path | None) -> Task:
    """The task that an entry says it is for; ValueError where that is of another version here."""
    task = read_task(about.task, extra)
    if task.version != about.version:
        raise ValueError(
            f"{name} is of version {about.version} of {task.name}, which is here of version "
            f"{task.version}"
        )
    return task


def check_entry(
    name: str,
    results: Results,
    wanted: Sequence[str],
    task: Task,
    predictions: Predictions | None = None,
) -> int:
    """How many of an entry's problems have no digest on record for the task, so that it cannot be
    told whether they are the task's own.

    wanted: the ids of its runs. ValueError, in one sentence, where runs are missing or too many, an
    id is not the hash of what its columns say, a run read the truth, or met another problem.
    """
    frame = results.frame
    if len(frame):
        check_ids(frame, name)
    check_complete(name, results, wanted)
    check_rounds(name, frame, task)
    if task.held_out:
        check_predictions(name, frame, predictions, task)
    else:
        check_columns(name, frame, task)
    if frame["oracle"].any():
        raise ValueError(f"{name} has runs that read the truth; an upper reference is no entry")
    check_digests(frame)
    return check_problems(name, frame, task.digests)


def check_complete(name: str, results: Results, wanted: Sequence[str]) -> None:
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


def check_columns(name: str, frame: pd.DataFrame, task: Task) -> None:
    """ValueError where the metric of the task was not measured in every round."""
    if task.metric not in frame or frame[task.metric].isna().any():
        raise ValueError(f"{name} has rounds without {task.metric}, the metric of {task.name}")


def check_whole(name: str, frame: pd.DataFrame, task: Task) -> None:
    """ValueError unless there is one run of one method on each problem that the task has on record:
    as much of being complete as can be seen without the code of the method."""
    made = [problem_name(science_of(run), int(run["seed"])) for run in runs_of(frame)]
    if sorted(made) != sorted(task.problems):
        met = len(set(made) & set(task.problems))
        raise ValueError(f"{name} has {len(made)} runs, on {met} of the {len(task.problems)} "
                         f"problems of {task.name}; wanted one on each")  # fmt: skip
    several = frame[[f"{group}_config" for group in METHOD]].drop_duplicates()
    if len(several) > 1:
        raise ValueError(f"an entry is one method, and {name} has runs of {len(several)}")


def check_rounds(name: str, frame: pd.DataFrame, task: Task) -> None:
    """ValueError unless every run has its rounds from 0 on, each once, and has bought as many
    labels in each as the task has on record."""
    for run, rounds in frame.sort_values(["id", "round"]).groupby("id"):
        if rounds["round"].tolist() != list(range(len(rounds))):
            raise ValueError(f"{name}: run {run} has a round missing or twice")
        (one, *_) = runs_of(rounds)
        known = task.problems.get(problem_name(science_of(one), int(one["seed"])), {})
        labels = rounds["n_labels"].tolist()
        if labels != known.get("labels", labels):
            raise ValueError(f"{name}: run {run} bought {labels} labels by its rounds; the task "
                             f"has {known['labels']}")  # fmt: skip


def check_problems(name: str, frame: pd.DataFrame, known: Mapping[str, str]) -> int:
    """How many problems are not among the known ones; ValueError where one has another digest."""
    unknown = 0
    for run in runs_of(frame):
        problem = problem_name(science_of(run), int(run["seed"]))
        unknown += problem not in known
        if known.get(problem, run["digest"]) != run["digest"]:
            raise ValueError(
                f"{name}: run {run['id']} met a problem with the digest {run['digest'][:12]}, "
                f"where the task has {known[problem][:12]}: its data, prior or answers differ in "
                "the last bit at least; `albench enter` with cache=<an empty folder>, on a "
                "processor with AVX2, meets the task's own"
            )
    return unknown
