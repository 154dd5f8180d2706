"""Where a session's rows come from: tables, folders of images, data sets and embeddings.

Each source becomes a `RowBatch`: names, and texts, image files or features, by row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from al_bench.core.arrays import distributions, matrix
from al_bench.labelling.rows import (
    RowBatch,
    image_batch,
    plain_arrays,
    row_ids,
)
from al_bench.labelling.settings import Columns
from al_bench.labelling.tables import (
    HUB,
    TABLES,
    TEXT_LIMIT,
    Column,
    Table,
    cell,
    dataset_table,
    file_table,
    frame_table,
    listed,
)

IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character, which UTF-8 cannot hold


def read_rows(data: Any, columns: Columns) -> RowBatch:
    """The rows of a file, a folder or a data set of the hub (``hf://owner/name``), or of a data
    frame, a list of texts or an (n, d) array of embeddings.

    FileNotFoundError or ValueError, in one sentence, where the data cannot be read as such.
    """
    if hasattr(data, "columns"):
        return table_rows(frame_table("the data frame", data), Path(), columns)
    if isinstance(data, list | tuple):
        return RowBatch(
            "the list", "text", texts=texts_of(Table("the list", {"text": data}), "text")
        )
    if isinstance(data, np.ndarray):
        return RowBatch("the array", "features", features=matrix("the array", data))
    if str(data).startswith(HUB):
        return table_rows(dataset_table(str(data), columns.split), Path(), columns)
    path = Path(data).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file or folder {data}; a data set of the hub is written {HUB}owner/name"
        )
    if path.is_dir() and any(p.suffix in (*TABLES, ".arrow") for p in path.rglob("*")):
        return table_rows(dataset_table(path, columns.split), path, columns)
    if path.suffix in TABLES and not path.is_dir():
        return table_rows(file_table(path, columns.encoding), path.parent, columns)
    if not path.is_dir() and path.suffix != ".npz":
        raise ValueError(
            f"{data} is no kind of data that is read here; wanted {', '.join(TABLES)}, .npz, a "
            f"folder of images ({', '.join(IMAGES)}), a saved data set or {HUB}owner/name"
        )
    if columns.named:
        what = "a folder of images" if path.is_dir() else "an .npz"
        raise ValueError(f"{path} is {what} and has no column {columns.named[0]!r}; leave it out")
    return image_folder(path) if path.is_dir() else embedded_rows(path)


def image_folder(folder: Path) -> RowBatch:
    """Every image of a folder, named by its path; ValueError where there is none or a broken
    one."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGES and p.is_file())
    if not found:
        raise ValueError(f"{folder} holds no image; wanted files {', '.join(IMAGES)}")
    names = [path.relative_to(folder).as_posix() for path in found]
    return image_batch(str(folder), found, names)


def embedded_rows(path: Path) -> RowBatch:
    """The rows of an .npz: ``features`` (n, d) and, if given, ``ids`` (n,) and ``prior`` (n, k).

    ValueError, in one sentence, where an array is missing or invalid.
    """
    arrays = plain_arrays(path)
    if "features" not in arrays:
        raise ValueError(f"{path} has no features; it has {', '.join(arrays) or 'nothing'}")
    features = matrix(f"{path}: features", arrays["features"])
    names = prior = None
    if "ids" in arrays:
        names = row_ids(f"{path}: ids", arrays["ids"], len(features))
    if "prior" in arrays:
        prior = distributions(f"{path}: prior", arrays["prior"], len(features), None)
    return RowBatch(str(path), "features", names, features=features, prior=prior)


def table_rows(table: Table, folder: Path, columns: Columns) -> RowBatch:
    """The rows of a table; paths of images are relative to `folder`. Rows without a text are
    skipped, with a warning that says how many."""
    wanted = columns.text or "text"
    if columns.image is None:
        table = with_cells(table, wanted)
    names = None
    if columns.id is not None:
        names = texts_of(table, columns.id)
    elif table.kept is not None:
        names = list(map(str, table.kept))
    if columns.image is None:
        rows = RowBatch(table.where, "text", names, texts=texts_of(table, wanted))
    else:
        rows = images_of(table, columns.image, folder, names)
    beside = {name: list(map(cell, table.column(name))) for name in columns.show}
    rows = replace(rows, beside=beside, places=table.places)
    if columns.label is None:
        return rows
    return replace(rows, labels=list(map(cell, table.column(columns.label))))


def with_cells(table: Table, name: str) -> Table:
    """The rows of a table with something in this column; a warning says how many have nothing,
    ValueError where all have."""
    values = table.column(name)
    kept = [row for row, value in enumerate(values) if cell(value) is not None]
    if not kept:
        raise ValueError(f"{table.where} has no row with something in column {name!r}")
    if len(kept) == len(values):
        return table
    empty = sorted(set(range(len(values))) - set(kept))
    warn(
        f"{table.where}: {len(empty):,} rows have nothing in column {name!r} and are skipped: "
        f"{listed([table.place(row) for row in empty])}",
        stacklevel=2,
    )
    return table.rows(kept)


def images_of(table: Table, name: str, folder: Path, names: Sequence[str] | None) -> RowBatch:
    """A column of image files, by path or, as data sets hold them, by content."""
    where, values = table.where, table.column(name)
    if not any(isinstance(value, Mapping) for value in values):
        return image_batch(where, [folder / file for file in texts_of(table, name)], names)
    images = []
    for row, value in enumerate(values):
        if not isinstance(value, Mapping) or not (value.get("bytes") or value.get("path")):
            raise ValueError(f"{where}: {table.place(row)} holds no image in column {name!r}")
        images.append(value.get("bytes") or Path(value["path"]).read_bytes())
    return image_batch(where, images, names)


def texts_of(table: Table, name: str) -> list[str]:
    """A column as texts; ValueError, with all such rows, where one has none, or a very long one."""
    values: Column = table.column(name)
    texts = [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values]
    wrong = [(row, no_text(text)) for row, text in enumerate(texts)]
    said = [f"{table.place(row)} {why}" for row, why in wrong if why is not None]
    if said:
        raise ValueError(f"{table.where}: in column {name!r} {listed(said)}")
    return texts


def no_text(value: Any) -> str | None:
    """Why this is no text, in words; None where it is one."""
    if not isinstance(value, str) or not value.strip():
        shown = "nothing" if value is None or value == "" else repr(value)[:40]
        return f"holds {shown}; wanted a text"
    if SURROGATE.search(value):
        return "holds half of a character (a surrogate); wanted a text that UTF-8 can hold"
    if len(value) > TEXT_LIMIT:
        return f"has {len(value):,} characters; the limit is {TEXT_LIMIT:,}"
    return None
