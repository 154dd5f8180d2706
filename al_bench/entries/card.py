"""The card of an entry: its numbers filled in, the rest for its author to say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from al_bench.analysis.merge import MEASURED
from al_bench.configuration.tasks import Task

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
    """Area under the curve of each run by id: trapezoids over labels, from the first on, divided by
    the range; the level itself of a run with one point."""
    later = frame[frame["n_labels"] > 0].sort_values(["id", "round"])
    found = {}
    for name, run in later.groupby("id", sort=False):
        labels, levels = (run[column].to_numpy(float) for column in ("n_labels", metric))
        span = labels[-1] - labels[0]
        found[name] = np.trapezoid(levels, labels) / span if span > 0 else levels[-1]
    return pd.Series(found, dtype=float)


def numbers(frame: pd.DataFrame, task: Task) -> str:
    """A Markdown table, a row a data set and noise: means over seeds, between the prior alone and
    what the whole pool teaches, where the task knows it."""
    first, last = (frame.groupby("id")[task.metric].agg(which) for which in ("first", "last"))
    runs = frame.drop_duplicates("id").set_index("id")
    runs = runs.assign(
        start=first,
        end=last,
        area=areas(frame, task.metric),
        seconds=frame[list(MEASURED)].sum(axis=1).groupby(frame["id"]).sum(),
    )
    erring = np.where(runs["annotators"] == "none", runs["noise"], runs["annotators"])
    by = ["dataset", runs["noise_rate"].round(1).rename("wrong"), pd.Series(erring, runs.index)]
    lines = [
        f"| data set | answers | wrong, % | seeds | prior alone | area ({task.metric}, %) "
        "| at the end, % | seconds a run |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (dataset, wrong, how), same in runs.groupby(by, sort=True):
        lines.append(
            f"| {dataset} | {how} | {100 * wrong:.0f} | {len(same)} | "
            f"{100 * same['start'].mean():.1f} | {100 * same['area'].mean():.1f} | "
            f"{100 * same['end'].mean():.1f} | {same['seconds'].mean():.2f} |"
        )
    mean = runs.groupby(["dataset", runs["noise_rate"].round(1)])["area"].mean().mean()
    lines += ["", f"Mean area over these rows: {100 * mean:.2f} %; {len(runs)} runs."]
    return "\n".join(lines)
