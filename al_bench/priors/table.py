"""Answers produced elsewhere: a file of class probabilities, found by what a row holds.

A row is named by its content, not by its place: a split may be reordered, cut or merged, and the
same text in train and test has one line in the file. ``scripts/rows_to_label.py`` writes the rows
that wait for answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from al_bench.core.hashing import FOLDER, data_path, digest
from al_bench.core.state import Floats, Ints
from al_bench.data.types import Prior, Task
from al_bench.priors.common import Around
from al_bench.priors.images import as_image

ID = "row_id"  # class names hold no underscore, so no class can be called like this


@dataclass(frozen=True)
class Table(Around):
    """Class probabilities from a parquet file made elsewhere, such as a large model's answers.

        >>> prior = Table(Given(), "answers.parquet")

    Parameters
    ----------
    inner : a prior whose encoder makes the features
    path : the file; a column ``row_id`` (see ``row_id`` below) and one column of probabilities for
        each class, named as the data set names it
    """

    brings: ClassVar = ("path",)

    inner: Prior
    path: str

    @property
    def key(self) -> str:
        return f"table(sha256:{digest(path_of(self.path))})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k); O(n k) time beside hashing the inputs. ValueError where the file lacks a row."""
        file = path_of(self.path)
        check_columns(file, task.class_names)
        answers = numbers_of_rows(file, task.class_names, inputs)
        check_probabilities(file, answers, inputs)
        return np.asarray(answers / answers.sum(axis=1, keepdims=True))


def path_of(file: str) -> Path:
    """Where the file is; FileNotFoundError, in one sentence, where it is not."""
    path = data_path(file)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {file}, neither in ${FOLDER} nor from here")
    return path


def numbers_of_rows(file: Path, columns: Sequence[str], inputs: Sequence[Any]) -> Floats:
    """(n, c) float32 numbers of a file's columns for these inputs."""
    places, table = numbers_of(file, digest(file), tuple(columns))
    return np.asarray(table[lines_of(file, places, inputs)])


def lines_of(file: Path, places: Mapping[str, int], inputs: Sequence[Any]) -> Ints:
    """(n,) the line of each input; ValueError where the file lacks a row."""
    found = [places.get(row_id(inputs[row], row), -1) for row in range(len(inputs))]
    lines = np.array(found, dtype=np.int64)
    missing = np.flatnonzero(lines < 0)
    if len(missing):
        row = int(missing[0])
        raise ValueError(
            f"{file} has no answer for {len(missing)} of {len(inputs)} rows, first "
            f"{shown(inputs[row])} with {ID} {row_id(inputs[row], row)}"
        )
    return lines


def row_id(source: Any, row: int) -> str:
    """16 hex digits that name an input by its content: of a text its UTF-8 bytes, of an image its
    size and RGB pixels, of a row of features its float32 numbers; `row` is for errors alone."""
    if isinstance(source, str):
        content = b"text" + source.encode("utf-8", "surrogatepass")
    elif isinstance(source, np.ndarray) and source.ndim == 1:
        content = b"features" + np.ascontiguousarray(source, dtype="<f4").tobytes()
    else:
        image = as_image(source, row)
        content = b"image%dx%d" % image.size + image.tobytes()
    return sha256(content).hexdigest()[:16]


@lru_cache(maxsize=2)
def numbers_of(
    file: Path, content: str, columns: tuple[str, ...]
) -> tuple[Mapping[str, int], Floats]:
    """The line of each row_id, and (lines, c) float32 numbers; read once a process and content.

    ValueError, in one sentence, where a cell is no finite number or two lines of one row differ.
    """
    table = opened(file, [ID, *columns])
    numbers = np.empty((len(table), len(columns)), dtype=np.float32)
    for c, column in enumerate(columns):
        try:
            numbers[:, c] = table[column].to_numpy()
        except (TypeError, ValueError):
            raise ValueError(f"{file}: column {column!r} holds no numbers") from None
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        line, c = wrong[0]
        raise ValueError(
            f"{file}: column {columns[c]!r}: line {line} is {numbers[line, c]}; wanted a number"
        )
    return places_of(file, table, numbers), numbers


def places_of(file: Path, table: Any, values: Floats | Ints) -> Mapping[str, int]:
    """A line of each row_id; ValueError where a row has two lines with other (lines, c) values."""
    ids = [str(name) for name in table[ID].to_pylist()]
    places = {name: line for line, name in enumerate(ids)}
    last = np.array([places[name] for name in ids])
    differ = np.flatnonzero(np.any(values != values[last], axis=1))
    if len(differ):
        raise ValueError(
            f"{file}: {ID} {ids[differ[0]]} comes more than once, and not with the same values "
            f"({len(differ)} such lines)"
        )
    return places


def columns_of(file: Path) -> list[str]:
    """The columns of a parquet file; ValueError where it is none."""
    import pyarrow.parquet as parquet
    from pyarrow.lib import ArrowInvalid

    try:
        return list(parquet.read_schema(file).names)
    except (ArrowInvalid, OSError) as error:
        raise ValueError(f"{file} is no parquet file: {str(error).splitlines()[0]}") from error


def opened(file: Path, columns: Sequence[str]) -> Any:
    """Some columns of a parquet file; ValueError where it is none or lacks one."""
    from pyarrow.parquet import read_table

    known = columns_of(file)
    lacks = [column for column in columns if column not in known]
    if lacks:
        raise ValueError(f"{file} has no column {lacks[0]!r}; it has {', '.join(known)}")
    return read_table(file, columns=columns)


def check_columns(file: Path, names: Sequence[str]) -> None:
    """ValueError where a column is neither row_id nor a class."""
    for name in columns_of(file):
        if name != ID and name not in names:
            raise ValueError(
                f"{file} has a column {name!r}, which is no class; the classes are "
                f"{', '.join(names)}"
            )


def check_probabilities(file: Path, answers: Floats, inputs: Sequence[Any]) -> None:
    """ValueError unless the (n, k) answers are probabilities that sum to one."""
    total = answers.sum(axis=1)
    wrong = np.flatnonzero((answers < 0).any(axis=1) | (np.abs(total - 1) > 1e-3))
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(
            f"{file}: {len(wrong)} of {len(answers)} rows are no probabilities; the first, {ID} "
            f"{row_id(inputs[row], row)}, sums to {total[row]:.4g} or has a negative cell"
        )


def shown(source: Any) -> str:
    """A text's beginning, or what else an input is."""
    return repr(source[:40]) if isinstance(source, str) else f"an input ({type(source).__name__})"
