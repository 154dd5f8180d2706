"""Parquet files read in place, as tables of the kind that ``datasets`` makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al_bench.content import FOLDER, data_path


def lacking(name: str, *files: str) -> str | None:
    """Why the files of a data set are not on this machine, None where they are."""
    for file in files:
        if not data_path(file).is_file():
            return f"{name}: there is no file {file}, neither in ${FOLDER} nor from here"
    return None


def opened(name: str, file: str) -> tuple[Path, Any]:
    """The path of a parquet file and its table, in memory; FileNotFoundError or ValueError, in one
    sentence, where it is not there or no such file."""
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from pyarrow import parquet
    from pyarrow.lib import ArrowInvalid

    if why := lacking(name, file):
        raise FileNotFoundError(why)
    path = data_path(file)
    try:
        return path, Dataset(InMemoryTable(parquet.read_table(path)))
    except (ArrowInvalid, OSError) as error:
        raise ValueError(f"{name}: {path} is no parquet file: {first_line(error)}") from error


def rows_where(where: str, table: Any, rows: Mapping[str, Sequence[Any]]) -> Any:
    """The rows of a table whose columns have one of the values said, in its order."""
    import numpy as np

    from al_bench.datasets.columns import column_of

    keep = np.ones(len(table), dtype=bool)
    for column, values in rows.items():
        keep &= np.isin(np.array(table[column_of(where, table, (column,))][:]), list(values))
    if not keep.any():
        raise ValueError(f"{where} has no row where {dict(rows)}; wanted at least one")
    return table if keep.all() else table.select(np.flatnonzero(keep))


def first_line(error: BaseException) -> str:
    """One line for what a library says in many."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
