"""The card of an entry: its numbers filled in, the rest for its author to say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from al_bench.analysis.merge import MEASURED, runs_of, science_of
from al_bench.analysis.savings import area
from al_bench.entries.tasks import Task, problem_name

CARD = """# {name}

Entered for the task `{task}` by `albench enter {name} --task {task} {overrides}`.

## The method (please say)

- In one sentence:
- Authors, paper or page, year:
- Code, with a commit; licence:
- What was tuned, on which data sets and seeds (none of the task's?):
- Foundation models besides the task's prior, and what they may have seen of its data:
- What it needs that the task does not give (memory, a GPU, an account):

## Numbers

{numbers}
"""


def areas(frame: pd.DataFrame, metric: str) -> pd.Series[float]:
    """Area under the curve of each run by id, over labels, from the first on."""
    found = {}
    for name, run in frame[frame["n_labels"] > 0].sort_values("round").groupby("id"):
        labels, levels = (run[column].to_numpy(float) for column in ("n_labels", metric))
        found[name] = float(area(levels, labels, log=False))
    return pd.Series(found, dtype=float)


def described(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """A row a run: its settings, where it starts and ends, area, seconds, and the ceiling that the
    task has on record of its problem (NaN: none)."""
    levels = frame.groupby("id")[task.metric]
    runs = frame.drop_duplicates("id").set_index("id")
    names = {run["id"]: problem_name(science_of(run), run["seed"]) for run in runs_of(frame)}
    ceilings = {run: task.problems.get(name, {}).get("ceiling") for run, name in names.items()}
    return runs.assign(
        how=runs["annotators"].where(runs["annotators"] != "none", runs["noise"]),
        floor=levels.first(),
        end=levels.last(),
        area=areas(frame, task.metric),
        seconds=frame.groupby("id")[list(MEASURED)].sum().sum(axis=1),
        ceiling=pd.Series(ceilings, dtype=float),
    )


def numbers(frame: pd.DataFrame, task: Task) -> str:
    """A Markdown table, a row a data set and noise: means over seeds."""
    groups = described(frame, task).groupby(["dataset", "noise_config", "annotators_config"])
    means = groups[["noise_rate", "floor", "area", "end", "ceiling", "seconds"]].mean()
    rows = means.assign(how=groups["how"].first(), seeds=groups.size()).reset_index()
    lines = [
        f"| data set | answers | wrong, % | seeds | floor | area ({task.metric}, %) "
        "| at the end, % | ceiling | seconds a run |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for _, one in rows.sort_values(["dataset", "noise_rate"]).iterrows():
        top = "–" if np.isnan(one["ceiling"]) else f"{100 * one['ceiling']:.1f}"
        lines.append(
            f"| {one['dataset']} | {one['how']} | {100 * one['noise_rate']:.0f} | {one['seeds']} "
            f"| {100 * one['floor']:.1f} | {100 * one['area']:.1f} | {100 * one['end']:.1f} "
            f"| {top} | {one['seconds']:.2f} |"
        )
    return "\n".join([*lines, "", f"Mean area over these rows: {100 * rows['area'].mean():.2f} %."])
