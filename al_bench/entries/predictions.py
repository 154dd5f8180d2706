"""What the models of an entry's runs say of test rows whose labels somebody else holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_bench.analysis.merge import runs_of, science_of
from al_bench.configuration.tasks import Task, problem_name
from al_bench.runs.store import read_predictions

FILE = "predictions.npz"
# by run: (rounds, 4, m), as `Problem.guesses` orders them
Predictions: TypeAlias = Mapping[str, NDArray[np.int16]]


def of_runs(folder: Path, ids: Collection[str]) -> Predictions:
    """The predictions of those runs of a folder that have some."""
    found = {name: read_predictions(folder / name) for name in ids}
    return {name: said for name, said in found.items() if said is not None}


def read(path: Path) -> Predictions:
    """The predictions of an entry, by run; ValueError where they cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # numpy raises OSError, ValueError, EOFError, BadZipFile, zlib's
        raise ValueError(f"{path} is not an .npz of plain arrays: {error}") from error


def check_predictions(
    name: str, frame: pd.DataFrame, predictions: Predictions | None, task: Task
) -> None:
    """ValueError, in one sentence, unless every run of a held-out task, and no other, has classes
    of all test rows for each of its rounds."""
    said = predictions or {}
    more = sorted(said.keys() - set(frame["id"]))
    if more:
        raise ValueError(f"{name} has predictions of {more[0]}, which is none of its runs")
    for run in runs_of(frame):
        known = task.problems.get(problem_name(science_of(run), int(run["seed"])), {})
        rounds = frame[frame["id"] == run["id"]]
        if run["id"] not in said:
            raise ValueError(
                f"{name}: run {run['id']} has no predictions; on {task.name} a run writes them, "
                "where its data come without test labels"
            )
        found, one = said[run["id"]], rounds.iloc[0]
        who = f"{name}: the predictions of run {run['id']}"
        wanted = (len(rounds), 4, known.get("test", one.get("n_test")))
        if found.dtype != np.int16 or found.shape != wanted:
            raise ValueError(
                f"{who} are {found.dtype} of shape {found.shape}; wanted int16 of shape {wanted}"
            )
        counts = np.atleast_1d(one.get("class_counts"))
        k = known.get("classes", len(counts))
        if found.min() < 0 or found.max() >= k or len(counts) != k:
            raise ValueError(f"{who} are {found.min()} to {found.max()}, beside {len(counts)} "
                             f"class_counts; wanted classes 0..{k - 1}")  # fmt: skip


def beside(frame: pd.DataFrame, predictions: Predictions | None) -> pd.DataFrame:
    """A table of rounds with the predictions of each in a column, where there are some."""
    if predictions is None:
        return frame
    pairs = zip(frame["id"], frame["round"], strict=True)
    every = [predictions[run][number] for run, number in pairs]
    return frame.assign(predictions=pd.Series(every, index=frame.index, dtype=object))
