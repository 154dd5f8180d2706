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

from al_bench.content import digest
from al_bench.priors.common import Around
from al_bench.priors.images import as_image
from al_bench.problem.types import Prior, Task
from al_bench.state import Floats, Ints

ID = "row_id"  # class names hold no underscore, so no class can be called like this


@dataclass(frozen=True)
class Table(Around):
    """Class probabilities from a parquet file made elsewhere, such as a large model's answers.

    path: the file; a column ``row_id`` (see ``row_id`` below) and one column of probabilities for
    each class, named as the data set names it. inner: a prior whose encoder makes the features.
    """

    brings: ClassVar = ("path",)

    inner: Prior
    path: str

    @property
    def file(self) -> Path:
        file = Path(self.path).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {file} of class probabilities")
        return file

    @property
    def key(self) -> str:
        return f"table(sha256:{digest(self.file)})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k); O(n k) time beside hashing the inputs. ValueError where the file lacks a row."""
        places, table = read(self.file, task.class_names)
        answers = table[lines_of(self.file, places, inputs)]
        return np.asarray(answers / answers.sum(axis=1, keepdims=True))


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
def read(file: Path, names: tuple[str, ...]) -> tuple[Mapping[str, int], Floats]:
    """The line of each row_id, and (lines, k) float32 probabilities; read once a process.

    ValueError, in one sentence, where the file is no such table of these classes.
    """
    table = opened(file, None)
    check_columns(file, table.column_names, names)
    ids = [str(name) for name in table[ID].to_pylist()]
    places = {name: line for line, name in enumerate(ids)}
    if len(places) < len(ids):
        twice = next(name for line, name in enumerate(ids) if places[name] != line)
        raise ValueError(
            f"{file} has {len(ids) - len(places)} lines too many: {ID} {twice} comes more than once"
        )
    answers = np.empty((len(ids), len(names)), dtype=np.float32)
    for c, name in enumerate(names):
        try:
            answers[:, c] = table[name].to_numpy()
        except (TypeError, ValueError):
            raise ValueError(f"{file}: column {name!r} holds no numbers") from None
    check_lines(file, ids, answers)
    return places, answers


def opened(file: Path, columns: Sequence[str] | None) -> Any:
    """Some columns of a parquet file, all if None; ValueError where it is none or lacks one."""
    import pyarrow.parquet as parquet
    from pyarrow.lib import ArrowInvalid

    try:
        known = parquet.read_schema(file).names
        lacks = [column for column in columns or () if column not in known]
        if not lacks:
            return parquet.read_table(file, columns=columns)
    except (ArrowInvalid, OSError) as error:
        raise ValueError(f"{file} is no parquet file: {str(error).splitlines()[0]}") from error
    raise ValueError(f"{file} has no column {lacks[0]!r}; it has {', '.join(known)}")


def check_columns(file: Path, columns: Sequence[str], names: Sequence[str]) -> None:
    """ValueError unless the columns are row_id and the classes."""
    if ID not in columns:
        raise ValueError(f"{file} has no column {ID}; it has {', '.join(columns)}")
    for name in columns:
        if name != ID and name not in names:
            raise ValueError(
                f"{file} has a column {name!r}, which is no class; the classes are "
                f"{', '.join(names)}"
            )
    for name in names:
        if name not in columns:
            raise ValueError(
                f"{file} has no column for class {name!r}; it has {', '.join(columns)}"
            )


def check_lines(file: Path, ids: Sequence[str], answers: Floats) -> None:
    """ValueError unless every line holds probabilities that sum to one."""
    total = answers.sum(axis=1)
    fine = np.all(answers >= 0, axis=1)  # also false for NaN, which stands for an empty cell
    wrong = np.flatnonzero(~fine | (np.abs(total - 1) > 1e-3))
    if len(wrong):
        line = int(wrong[0])
        what = f"sums to {total[line]:.4g}" if fine[line] else "has an empty or negative cell"
        raise ValueError(
            f"{file}: {len(wrong)} of {len(ids)} lines are no probabilities; the first, {ID} "
            f"{ids[line]}, {what}"
        )


def shown(source: Any) -> str:
    """A text's beginning, or what else an input is."""
    return repr(source[:40]) if isinstance(source, str) else f"an input ({type(source).__name__})"
