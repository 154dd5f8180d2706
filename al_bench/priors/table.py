"""Files of answers produced elsewhere, whose lines are matched to rows by content.

A row is identified by its content, not by its position: a split may be reordered, cut or merged,
and the same text in train and test has one line in the file. ``scripts/rows_to_label.py`` writes
the rows that need answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.core.hashing import FOLDER, data_path
from al_bench.core.state import Floats, Ints
from al_bench.priors.images import as_image

ID = "row_id"  # cannot be a class name, since these have no underscores
TEXT = "text"  # a file without row_id gets it from this column


def path_of(file: str) -> Path:
    """The path of the file; FileNotFoundError, in one sentence, if it is missing."""
    path = data_path(file)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {file}, neither in ${FOLDER} nor from here")
    return path


def lines_of(file: Path, places: Mapping[str, int], inputs: Sequence[Any]) -> Ints:
    """(n,) the line of each input; ValueError if the file lacks a row."""
    ids = [row_id(inputs[row], row) for row in range(len(inputs))]
    lines = np.array([places.get(name, -1) for name in ids], dtype=np.int64)
    missing = np.flatnonzero(lines < 0)
    if len(missing):
        row = int(missing[0])
        raise ValueError(
            f"{file} has no answer for {len(missing)} of {len(inputs)} rows, first "
            f"{shown(inputs[row])} with {ID} {ids[row]}"
        )
    return lines


def row_id(source: Any, row: int) -> str:
    """16 hex digits that identify an input by its content; `row` is only for errors."""
    if isinstance(source, str):
        content = b"text" + source.encode("utf-8", "surrogatepass")
    elif isinstance(source, np.ndarray) and source.ndim == 1:
        content = b"features" + np.ascontiguousarray(source, dtype="<f4").tobytes()
    else:
        image = as_image(source, row)
        content = b"image%dx%d" % image.size + image.tobytes()
    return sha256(content).hexdigest()[:16]


def numbers(file: Path, table: Any, columns: Sequence[str]) -> Floats:
    """(lines, c) finite float32 numbers of a table's columns."""
    found = np.empty((len(table), len(columns)), dtype=np.float32)
    for c, column in enumerate(columns):
        try:
            found[:, c] = table[column].to_numpy()
        except (TypeError, ValueError):
            raise ValueError(f"{file}: column {column!r} holds no numbers") from None
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        line, c = wrong[0]
        raise ValueError(
            f"{file}: column {columns[c]!r}: line {line} is {found[line, c]}; wanted a number"
        )
    return found


def places_of(file: Path, table: Any, values: Floats) -> Mapping[str, int]:
    """The line of each row, by its row_id or that of its text; two lines of a row are equal."""
    ids = [str(name or "") for name in table[ID].to_pylist()] if ID in table.column_names else []
    texts = table[TEXT].to_pylist() if TEXT in table.column_names else []
    ids += [row_id(text, 0) if text else "" for text in texts]
    places = {name: place % len(table) for place, name in enumerate(ids) if name}
    known = [place for place, name in enumerate(ids) if name]
    last = np.array([places[ids[place]] for place in known], dtype=np.int64)
    lines = np.array(known, dtype=np.int64) % max(len(table), 1)
    differ = np.flatnonzero(np.any(values[lines] != values[last], axis=1))
    if len(differ):
        raise ValueError(
            f"{file}: {ID} {ids[known[differ[0]]]} comes more than once, and not with the same "
            f"values ({len(differ)} such lines)"
        )
    return places


def columns_of(file: Path) -> list[str]:
    """The columns of a parquet file; ValueError if it is none."""
    import pyarrow.parquet as parquet
    from pyarrow.lib import ArrowInvalid

    try:
        return list(parquet.read_schema(file).names)
    except (ArrowInvalid, OSError) as error:
        raise ValueError(f"{file} is no parquet file: {str(error).splitlines()[0]}") from error


def opened(file: Path, columns: Sequence[str]) -> Any:
    """Some columns of a parquet file, and those that identify its rows."""
    from pyarrow.parquet import read_table

    known = columns_of(file)
    named = [name for name in (ID, TEXT) if name in known and name not in columns]
    lacks = [column for column in columns if column not in known] + [ID] * (not named)
    if lacks:
        raise ValueError(f"{file} has no column {lacks[0]!r}; it has {', '.join(known)}")
    return read_table(file, columns=[*named, *columns])


def shown(source: Any) -> str:
    """The beginning of a text, or the kind of another input."""
    return repr(source[:40]) if isinstance(source, str) else f"an input ({type(source).__name__})"
