"""Tables of a user's own, read column by column: csv, parquet and lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Column: TypeAlias = Sequence[Any]
TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
TEXT_LIMIT = 1_000_000  # characters of a text: more is a mistake, such as a quote never closed
MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "a zip file", b"\x1f\x8b": "gzip"}


def columns_of(path: Path) -> dict[str, Column]:
    """The columns of a table by name; cells of a csv are texts as they stand, "NA" too.

    OSError or ValueError, in one sentence, where the file cannot be read as what its name says.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise ValueError(f"{path} is empty; wanted a table with a header")
    for mark, name in MARKS.items():
        if start.startswith(mark):
            raise ValueError(f"{path} is {name}; wanted {path.suffix} in UTF-8")
    if path.suffix == ".parquet":
        return parquet_columns(path)
    try:
        return json_columns(path) if path.suffix == ".jsonl" else csv_columns(path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8: byte {error.object[error.start]:#x} at place {error.start:,}"
        ) from error


def csv_columns(path: Path) -> dict[str, Column]:
    import pandas as pd

    separator = "\t" if path.suffix == ".tsv" else ","
    try:
        table = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except UnicodeDecodeError:
        raise
    except ValueError as error:  # pandas' own errors are such
        raise ValueError(f"{path} is no table: {' '.join(str(error).split())}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"{path}: rows have more cells than the header has names")
    return checked(path, {str(name): table[name].tolist() for name in table.columns})


def parquet_columns(path: Path) -> dict[str, Column]:
    from pyarrow import parquet
    from pyarrow.lib import ArrowException

    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        line = str(error).splitlines()[0]
        raise ValueError(f"{path} is no parquet file: {line}") from error
    return checked(path, {name: table[name].to_pylist() for name in table.column_names})


def json_columns(path: Path) -> dict[str, Column]:
    found: list[dict[str, Any]] = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path}: line {number} is no JSON: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}: line {number} holds no object; wanted {{...}} a line")
            found.append(row)
    names = dict.fromkeys(name for row in found for name in row)
    return checked(path, {name: [row.get(name) for row in found] for name in names})


def checked(path: Path, columns: dict[str, Column]) -> dict[str, Column]:
    if not columns or not len(next(iter(columns.values()))):
        raise ValueError(f"{path} has no rows")
    return columns


def column(where: str, columns: Mapping[str, Column], name: str) -> Column:
    """One column; ValueError that lists those there are."""
    if name not in columns:
        shown = ", ".join(list(columns)[:20])
        raise ValueError(f"{where} has no column {name!r}; its columns are {shown}")
    return columns[name]
