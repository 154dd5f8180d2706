"""What foundation models and rules were recorded to say: logits, votes or plain answers in a file.

As in ``Table`` a row is found by its content, so a file may be about any split; but the file is
taken as its source wrote it, and what its numbers mean is said here. A file lies below
$AL_BENCH_DATA where it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import above, at_least, require, softmax, uniform
from al_bench.core.hashing import digest
from al_bench.core.state import ABSENT, Floats, Ints
from al_bench.data.types import Prior, Task
from al_bench.priors.common import Around
from al_bench.priors.table import (
    ID,
    lines_of,
    numbers_of_rows,
    opened,
    path_of,
    places_of,
)

MARGIN = 0.05  # how far above chance an estimated accuracy is at least
SUREST = 0.99  # and what it is at most
TELLS = 0.01  # how far above chance another prior's mean confidence is at least, to compare with
Correction = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Recorded(Around):
    """What a file says of each class, in a column of its own.

    inner: a prior whose encoder makes the features; file: parquet with a column ``row_id``;
    columns: the column of each class. ValueError where the file lacks a row.

        >>> crowd = Recorded().crowd(truth, rng)
    """

    brings: ClassVar = ("file",)

    inner: Prior
    file: str
    columns: Mapping[str, str]

    @property
    def content(self) -> str:
        return f"sha256:{digest(path_of(self.file))}, {dict(self.columns)}"

    def numbers(self, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k) float32, in the task's order of classes; O(n k) beside hashing the inputs."""
        path = path_of(self.file)
        check_classes(path, tuple(self.columns), task)
        return numbers_of_rows(path, [self.columns[name] for name in task.class_names], inputs)


@dataclass(frozen=True)
class RecordedLogits(Recorded):
    """Softmax of recorded logits, such as those of CLIP (Radford et al., 2021).

        >>> prior = RecordedLogits(Given(), "clip.parquet", {"cat": "logit_cat"})

    Parameters
    ----------
    inner, file, columns : as of `Recorded`
    temperature : what the logits are divided by, above 0
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        above(self, 0, temperature=self.temperature)

    @property
    def key(self) -> str:
        return f"logits({self.content}, temperature={self.temperature})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return softmax(self.numbers(inputs, task) / np.float32(self.temperature))


@dataclass(frozen=True)
class RecordedVotes(Recorded):
    """Recorded votes, such as those of keyword rules (Ratner et al., 2017), or probabilities.

    A row that nobody voted on is uniform.

        >>> prior = RecordedVotes(Given(), "rules.parquet", {"human": "votes_HUM"})

    Parameters
    ----------
    inner, file, columns : as of `Recorded`
    smoothing : votes that each class is given besides, 0 or more
    """

    smoothing: float = 0.1

    def __post_init__(self) -> None:
        at_least(self, 0, smoothing=self.smoothing)

    @property
    def key(self) -> str:
        return f"votes({self.content}, smoothing={self.smoothing})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        votes = self.numbers(inputs, task)
        if np.any(votes < 0):
            raise ValueError(f"{self.file} has a negative number of votes; wanted 0 or more")
        votes = votes + np.float32(self.smoothing)
        total = votes.sum(axis=1, keepdims=True)
        return np.where(total > 0, votes / np.where(total > 0, total, 1), uniform(*votes.shape))


@dataclass(frozen=True)
class RecordedAnswers(Around):
    """Recorded answers without probabilities, such as those of a chat model: one class a row.

    A row where no class was answered (-1 or empty) is uniform.

        >>> prior = RecordedAnswers(Given(), "chat.parquet", "answer", ["no", "yes"])

    Parameters
    ----------
    inner : a prior whose encoder makes the features, and which answers are compared with
    file : parquet with a column ``row_id``
    column : of class numbers or names
    class_names : (k,) the class of each number
    accuracy : the probability of an answer, the rest spread evenly, or None to estimate it once for
        a run, without a label (see ``agreed_accuracy``)
    """

    brings: ClassVar = ("file",)

    inner: Prior
    file: str
    column: str
    class_names: Sequence[str]
    accuracy: float | None = None

    def __post_init__(self) -> None:
        fine = self.accuracy is None or 1 / len(self.class_names) < self.accuracy <= 1
        require(fine, self, "null, or more than chance and at most 1", accuracy=self.accuracy)

    @property
    def key(self) -> str:
        found = f"sha256:{digest(path_of(self.file))}, {self.column}, {list(self.class_names)}"
        return f"answers({found})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k) one where the answer is; O(n k) time beside hashing the inputs. ValueError where
        the file lacks a row, or a class."""
        file, names = path_of(self.file), tuple(map(str, self.class_names))
        check_classes(file, names, task)
        places, answers = answers_of(file, digest(file), self.column, names)
        said = answers[lines_of(file, places, inputs)]
        order = np.array([task.class_names.index(name) for name in names])
        found = uniform(len(said), len(names))
        given = said != ABSENT
        found[given] = np.eye(len(names), dtype=np.float32)[order[said[given]]]
        return found

    def compare(self, pool: Floats, other: Floats) -> Correction:
        """Answers of the accuracy that is given or that the pool shows; no label is read."""
        if self.accuracy is not None:
            return partial(smoothed, accuracy=self.accuracy)
        given = pool.max(axis=1) == 1
        if not given.any():
            raise ValueError(f"{self.file}: column {self.column!r} answers no row of the pool")
        accuracy = agreed_accuracy(pool[given].argmax(axis=1), other[given])
        return partial(smoothed, accuracy=accuracy)


def agreed_accuracy(answers: Ints, other: Floats) -> float:
    """How often (n,) answers are right, from how often they agree with another prior's (n, k)
    probabilities, by the method of moments; no label is read. O(n k).

    It takes the other prior to be right as often as its mean confidence b says, and both to err
    independently given the class, each wrong class alike (the one-coin model of Dawid and Skene,
    1979). They agree where both are right or both wrong alike, so with accuracy a
    ``agreement = a b + (1 - a) (1 - b) / (k - 1)``. An overconfident prior makes answers look
    worse than they are, and a diffident one better, as do errors that both have in common: rows
    that are hard for all make the estimate too high. It is kept between chance + 0.05 and 0.99.
    ValueError where the other prior is flat.
    """
    k = other.shape[1]
    b = float(other.max(axis=1).mean())
    if b < 1 / k + TELLS:
        raise ValueError(
            f"the inner prior is {b:.3f} sure on average, of {k} classes, so agreement with it "
            "says nothing of an answer; wanted one that tells classes apart"
        )
    agreement = float((other.argmax(axis=1) == answers).mean())
    alike = (1 - b) / (k - 1)
    return float(np.clip((agreement - alike) / (b - alike), 1 / k + MARGIN, SUREST))


def smoothed(probabilities: Floats, accuracy: float) -> Floats:
    """(n, k) rows that are sure of a class made so with probability `accuracy`, the rest spread
    evenly; other rows stay as they are."""
    sure = probabilities.max(axis=1, keepdims=True) == 1
    rest = (1 - accuracy) / (probabilities.shape[1] - 1)
    soft = rest + probabilities * (accuracy - rest)
    return np.where(sure, soft, probabilities).astype(np.float32)


def check_classes(file: Path, names: Sequence[str], task: Task) -> None:
    """ValueError unless the classes that a config names are those of the data."""
    if sorted(names) != sorted(task.class_names):
        raise ValueError(
            f"{file} is said to be about the classes {', '.join(names)}; the data have "
            f"{', '.join(task.class_names)}"
        )


@lru_cache(maxsize=2)
def answers_of(
    file: Path, content: str, column: str, names: tuple[str, ...]
) -> tuple[Mapping[str, int], Ints]:
    """The line of each row_id, and (lines,) class numbers in the order of `names`, ABSENT where no
    class was answered; read once a process and content. ValueError, in one sentence, for any other
    cell."""
    table = opened(file, [ID, column])
    number: dict[Any, int] = {name: c for c, name in enumerate(names)}
    number |= {c: c for c in range(len(names))} | dict.fromkeys((None, "", ABSENT), ABSENT)
    values = table[column].to_pylist()
    unknown = [line for line, value in enumerate(values) if value not in number]
    if unknown:
        raise ValueError(
            f"{file}: column {column!r}: line {unknown[0]} is {values[unknown[0]]!r} "
            f"({len(unknown)} such lines); wanted one of {', '.join(names)}, or its number"
        )
    answers = np.array([number[value] for value in values], dtype=np.int64)
    return places_of(file, table, answers[:, None]), answers
