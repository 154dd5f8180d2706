"""Test metrics of a held-out task's entry, by whoever holds the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_bench.analysis.frame import Results
from al_bench.analysis.merge import runs_of, science_of
from al_bench.configuration.tasks import Task, problem_name
from al_bench.entries.predictions import Predictions
from al_bench.metrics import scores
from al_bench.state import Ints


@dataclass(frozen=True)
class Labels:
    """Test labels that are held by somebody: (m,) classes in the order of a data set's test rows;
    salt: any bytes, without which nobody can try labels out on the digest."""

    dataset: str
    classes: Ints
    salt: NDArray[np.uint8]

    @property
    def digest(self) -> str:
        """sha256 of salt and labels."""
        return sha256(self.salt.tobytes() + self.classes.astype("<i8").tobytes()).hexdigest()

    def write(self, path: Path) -> None:
        """A file that `read_labels` reads."""
        np.savez(path, dataset=self.dataset, test_labels=self.classes, salt=self.salt)


def read_labels(path: Path) -> Labels:
    """The labels of a file with `dataset` (what results call the data set), `test_labels` (m,) and
    `salt`; FileNotFoundError or ValueError, in one sentence, where it is none."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of labels {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            name, classes, salt = (file[key] for key in ("dataset", "test_labels", "salt"))
    except Exception as error:  # numpy raises OSError, ValueError, EOFError, BadZipFile, KeyError
        said = " ".join(str(error).split())
        raise ValueError(
            f"{path} is no file of labels ({said}); wanted an .npz with dataset, test_labels, salt"
        ) from error
    if classes.ndim != 1 or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(f"{path}: test_labels is {classes.dtype} of shape {classes.shape}; wanted "
                         "(m,) whole numbers")  # fmt: skip
    return Labels(str(name), classes.astype(np.int64), salt)


def truths(
    frame: pd.DataFrame, task: Task, labels: Sequence[Labels], where: str
) -> Mapping[str, Ints]:
    """The classes of the test rows for each run; where: whose labels they are, for errors.

    ValueError, in one sentence, where the labels of a data set are not there, or are not those that
    the task has on record.
    """
    there, found = {some.dataset: some for some in labels}, {}
    for run in runs_of(frame):
        science = science_of(run)
        dataset = str(science["dataset"].get("name"))
        known = task.problems.get(problem_name(science, int(run["seed"])), {})
        if "test_labels" not in known:
            raise ValueError(f"{task.name} has no labels of {dataset} on record to hold others "
                             "against; scripts/task_problems.py puts them there")  # fmt: skip
        if dataset not in there:
            raise ValueError(f"{where} has no labels of {dataset}; it has {', '.join(there)}")
        if there[dataset].digest != known["test_labels"]:
            raise ValueError(
                f"{where}: the labels of {dataset} ({len(there[dataset].classes)} rows, "
                f"{there[dataset].digest[:12]}) are not those on record of {task.name} "
                f"({known['test']} rows, {known['test_labels'][:12]})"
            )
        found[run["id"]] = there[dataset].classes
    return found


def scored_by(
    results: Results, predictions: Predictions | None, task: Task, files: Sequence[Path]
) -> Results:
    """The same by the labels of some files; ValueError where the task holds none out."""
    if not task.held_out or predictions is None:
        raise ValueError(f"{task.name} holds no test labels out: its runs have their metrics")
    where = ", ".join(map(str, files))
    known = truths(results.frame, task, [read_labels(path) for path in files], where)
    return scored(results, predictions, known)


def scored(results: Results, predictions: Predictions, truth: Mapping[str, Ints]) -> Results:
    """The results with the test metrics that follow from the classes predicted, to the last bit
    those of the same runs where the labels are at hand; truth: the test rows' classes, by run."""
    frame = results.frame
    rows = []
    for run, number, counts in frame[["id", "round", "class_counts"]].itertuples(index=False):
        metrics, recall = scores(truth[run], predictions[run][number], np.asarray(counts))
        known = {name: value for name, value in metrics.items() if not np.isnan(value)}
        rows.append(known | {"recall": recall.tolist()})
    made = pd.DataFrame(rows, index=frame.index)
    rest = frame[[column for column in frame if column not in made]]
    return replace(results, frame=pd.concat([rest, made], axis=1))
