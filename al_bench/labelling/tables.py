"""A user's tables, read column by column: csv, parquet, lines of JSON, and Hugging Face data sets,
saved in a folder or by id."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from al_bench.data.datasets.columns import first_line

Column: TypeAlias = Sequence[Any]
HUB = "hf://"
TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
TEXT_LIMIT = 1_000_000  # characters of a text: more is a mistake, such as a quote never closed
MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "a zip file", b"\x1f\x8b": "gzip"}


def frame_columns(frame: Any) -> dict[str, Column]:
    """The columns of a data frame by name."""
    return {str(name): frame[name].tolist() for name in frame.columns}


def file_columns(path: Path) -> dict[str, Column]:
    """The columns of a table by name; cells of a csv are texts as they stand, "NA" too.

    OSError or ValueError, in one sentence, where the file is not what its suffix says.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise ValueError(f"{path} is empty; wanted a table with a header")
    for mark, name in MARKS.items():
        if start.startswith(mark):
            raise ValueError(f"{path} is {name}; wanted {path.suffix} in UTF-8")
    readers = {".parquet": parquet_columns, ".jsonl": json_columns}
    try:
        columns = readers.get(path.suffix, csv_columns)(path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8: byte {error.object[error.start]:#x} at place {error.start:,}"
        ) from error
    if not columns or not len(next(iter(columns.values()))):
        raise ValueError(f"{path} has no rows")
    return columns


def csv_columns(path: Path) -> dict[str, Column]:
    import pandas as pd

    sep = "\t" if path.suffix == ".tsv" else ","
    try:
        table = pd.read_csv(path, sep=sep, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise
    except ValueError as error:  # the base class of pandas' errors
        raise ValueError(f"{path} is no table: {' '.join(str(error).split())}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"{path}: rows have more cells than the header has names")
    return frame_columns(table)


def parquet_columns(path: Path) -> dict[str, Column]:
    from pyarrow import parquet
    from pyarrow.lib import ArrowException

    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        line = str(error).splitlines()[0]
        raise ValueError(f"{path} is no parquet file: {line}") from error
    return {name: table[name].to_pylist() for name in table.column_names}


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
    return {name: [row.get(name) for row in found] for name in names}


def column(where: str, columns: Mapping[str, Column], name: str) -> Column:
    """One column; ValueError that lists the existing columns."""
    if name not in columns:
        shown = ", ".join(list(columns)[:20])
        raise ValueError(f"{where} has no column {name!r}; its columns are {shown}")
    return columns[name]


def cell(value: Any) -> str | None:
    """A cell's text, None where it is empty."""
    if value is None or value != value:  # NaN
        return None
    return str(value).strip() or None


def dataset_columns(source: str | Path, split: str) -> dict[str, Column]:
    """The columns of a split of a data set, of the hub (``hf://owner/name[@revision]``) or saved in
    a folder: classes by name, images encoded; ValueError where it cannot be read."""
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        table = load_split(source, split)
        for name, feature in table.features.items():
            if isinstance(feature, datasets.Image):
                table = table.cast_column(name, datasets.Image(decode=False))
    except (OSError, ValueError, KeyError, RuntimeError, DatasetsError) as error:
        cause = error.__cause__ or error
        raise ValueError(f"{source} cannot be read as a data set ({first_line(cause)})") from error
    columns: dict[str, Column] = {name: list(table[name][:]) for name in table.column_names}
    for name, feature in table.features.items():
        if classes := getattr(feature, "names", None):
            columns[name] = [None if c is None else classes[c] for c in columns[name]]
    return columns


def load_split(source: str | Path, split: str) -> Any:
    """A split as a Hugging Face data set."""
    import datasets

    if isinstance(source, str):
        name, _, revision = source.removeprefix(HUB).partition("@")
        if not name:
            raise ValueError(f"it names no data set; wanted {HUB}owner/name")
        return datasets.load_dataset(name, split=split, revision=revision or None)
    if (source / "dataset_dict.json").is_file():
        return datasets.load_from_disk(str(source))[split]
    if (source / "state.json").is_file():
        return datasets.load_from_disk(str(source))
    return datasets.load_dataset(str(source), split=split)
