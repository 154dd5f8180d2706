"""The card of an entry: its numbers filled in, the rest for its author to say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from al_bench.analysis.merge import MEASURED, runs_of, science_of
from al_bench.analysis.savings import area
from al_bench.configuration.tasks import Task, problem_name

MEANS = ["wrong", "start", "area", "end", "ceiling", "seconds"]

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


def card(name: str, task: str, overrides: Sequence[str], numbers: str) -> str:
    """A card in Markdown."""
    return CARD.format(name=name, task=task, overrides=" ".join(overrides), numbers=numbers)


def areas(frame: pd.DataFrame, metric: str) -> pd.Series[float]:
    """Area under the curve of each run by id, over labels, from the first on."""
    found = {}
    for name, run in frame[frame["n_labels"] > 0].sort_values("round").groupby("id"):
        labels, levels = (run[column].to_numpy(float) for column in ("n_labels", metric))
        found[name] = float(area(levels, labels, log=False))
    return pd.Series(found, dtype=float)


def described(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """A row a run, by id: its columns, where it starts and ends, area, seconds, and the ceiling
    that the task has on record of its problem (NaN: none)."""
    levels = frame.groupby("id")[task.metric]
    runs = frame.drop_duplicates("id").set_index("id")
    several = runs["annotators"] != "none"
    known = {row["id"]: problem_name(science_of(row), row["seed"]) for row in runs_of(frame)}
    ceilings = {run: task.problems.get(name, {}).get("ceiling") for run, name in known.items()}
    return runs.assign(
        start=levels.first(),
        end=levels.last(),
        area=areas(frame, task.metric),
        seconds=frame.groupby("id")[list(MEASURED)].sum().sum(axis=1),
        ceiling=pd.Series(ceilings, dtype=float),
        how=runs["annotators"].where(several, runs["noise"]),
    )


def numbers(frame: pd.DataFrame, task: Task) -> str:
    """A Markdown table, a row a data set and noise: means over seeds."""
    lines = [
        f"| data set | answers | wrong, % | seeds | floor | area ({task.metric}, %) "
        "| at the end, % | ceiling | seconds a run |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    found: list[float] = []
    groups = described(frame, task).groupby(["dataset", "noise_config", "annotators_config"])
    parts = [same.assign(wrong=same["noise_rate"].mean()) for _, same in groups]
    for same in sorted(parts, key=lambda part: (part["dataset"].iloc[0], part["wrong"].iloc[0])):
        one, count = same.iloc[0], len(same)
        wrong, start, under, end, ceiling, seconds = same[MEANS].mean()
        top = "–" if np.isnan(ceiling) else f"{100 * ceiling:.1f}"
        lines.append(
            f"| {one['dataset']} | {one['how']} | {100 * wrong:.0f} | {count} | {100 * start:.1f} "
            f"| {100 * under:.1f} | {100 * end:.1f} | {top} | {seconds:.2f} |"
        )
        found.append(under)
    mean = 100 * np.mean(found)
    return "\n".join([*lines, "", f"Mean area over these rows: {mean:.2f} %."])
