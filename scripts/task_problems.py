"""Put the problems of a task on record: digests, labels by round, prior alone and whole pool.

    python scripts/task_problems.py alfm_v1
    python scripts/task_problems.py alfm_v1_full --sets trec,sst2   # the others stay as they are

Writes <name>.json beside the task's yaml, by which `albench enter` and `albench verify` know that a
run met the task's own problems, and prints its floors and ceilings. Floor: the prior, no label;
ceiling: the task's learner on the true labels of the whole pool (means over seeds).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_bench.core.loop import active_learning
from al_bench.core.metrics import evaluate
from al_bench.core.problem import Problem
from al_bench.core.rng import rng
from al_bench.core.state import Learner, State, TrainingSet
from al_bench.report.entries import LeaderboardTask, entered, problem_name, read_task
from al_bench.runs.component import identified
from al_bench.runs.config import config_dir, instantiate
from al_bench.runs.plan import Job
from al_bench.runs.run import parts_of, problem_of


def record(job: Job, task: LeaderboardTask) -> dict[str, Any]:
    """What is to be known of a run's problem."""
    problem, seed, metric = problem_of(job), job.at("seed"), task.metric
    sizes = instantiate(job.at("protocol")).sizes(len(problem.truth), problem.pool.n_classes)
    start = next(active_learning(parts_of(job, problem)[0], problem, seed))
    known = {
        "dataset": job.choices["dataset"],
        "noise": job.choices["noise"],
        "rate": round(problem.facts["noise_rate"], 3),
        "seed": seed,
        "digest": problem.digest,
        "pool": len(problem.truth),
        "test": len(problem.test_truth),
        "classes": problem.pool.n_classes,
        "labels": list(accumulate(sizes, initial=0)),
        "floor": round(start.metrics[metric], 4),
    }
    whole = ceiling(problem, instantiate(job.at("learner")), seed, metric)
    return known | {"ceiling": round(whole, 4)}


def ceiling(problem: Problem, learner: Learner, seed: int, metric: str) -> float:
    """What the learner reaches on the true labels of the whole pool."""
    rows = np.arange(len(problem.truth))
    targets = np.eye(problem.pool.n_classes)[problem.truth]
    whole = TrainingSet(rows, targets, np.ones(len(rows)))
    model = learner.fit(problem.pool, whole, rng(seed, "learner", 1))
    state = replace(State.start(problem.pool), model=model)
    return evaluate(state, problem, np.array([], dtype=np.int64))[0][metric]


def table(task: LeaderboardTask, known: list[dict[str, Any]]) -> str:
    """A row a data set: sizes, and means over seeds."""
    lines = [
        "| data set | pool | test | classes | labels | floor | ceiling |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, same in pd.DataFrame(known).groupby("dataset", sort=False):
        one = same.iloc[0]
        lines.append(
            f"| {name} | {one['pool']:,} | {one['test']:,} | {one['classes']} | "
            f"{one['labels'][-1]:,} | {100 * same['floor'].mean():.1f} | "
            f"{100 * same['ceiling'].mean():.1f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Meet every problem of a task once, and write what is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--sets", help="data sets, by their options (default: all of the task)")
    parser.add_argument("--config-dir", type=Path, help="the folder that a task of your own is in")
    given = parser.parse_args(arguments)
    task, extra = read_task(given.task, given.config_dir), given.config_dir
    found = {}
    for job in entered(task, ["strategy=random"], extra):
        name = problem_name(identified(job.science), job.at("seed"))
        if given.sets and job.choices["dataset"] not in given.sets.split(","):
            found |= {name: task.problems[name]} if name in task.problems else {}
            continue
        found[name] = known = record(job, task)
        print(*job.overrides, known["digest"], known["floor"], known["ceiling"], flush=True)
    lines = [f" {json.dumps(name)}: {json.dumps(known)}" for name, known in found.items()]
    path = (extra or config_dir()) / "task" / f"{task.name}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    print(table(task, list(found.values())), path, sep="\n")


if __name__ == "__main__":
    main()
