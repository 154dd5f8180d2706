"""Where a session's rows come from: tables, folders of images, data sets and embeddings.

Each source becomes a `RowBatch`: names, and texts, image files or features, by row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    cell,
    column,
    dataset_columns,
    file_columns,
    frame_columns,
)

IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character, which UTF-8 cannot hold


def read_rows(data: Any, columns: Columns) -> RowBatch:
    """The rows of a file, a folder or a data set of the hub (``hf://owner/name``), or of a data
    frame, a list of texts or an (n, d) array of embeddings.

    FileNotFoundError or ValueError, in one sentence, where the data cannot be read as such.
    """
    if hasattr(data, "columns"):
        return table_rows("the data frame", frame_columns(data), Path(), columns)
    if isinstance(data, list | tuple):
        return RowBatch("the list", "text", texts=texts_of("the list", "text", data))
    if isinstance(data, np.ndarray):
        return RowBatch("the array", "features", features=matrix("the array", data))
    if str(data).startswith(HUB):
        table = dataset_columns(str(data), columns.split)
        return table_rows(str(data), table, Path(), columns)
    path = Path(data).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file or folder {data}; a data set of the hub is written {HUB}owner/name"
        )
    if path.is_dir() and any(p.suffix in (*TABLES, ".arrow") for p in path.rglob("*")):
        return table_rows(str(path), dataset_columns(path, columns.split), path, columns)
    if path.suffix in TABLES and not path.is_dir():
        return table_rows(str(path), file_columns(path), path.parent, columns)
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


def table_rows(where: str, table: Mapping[str, Column], folder: Path, columns: Columns) -> RowBatch:
    """The rows of a table; paths of images are relative to `folder`."""
    names = None
    if columns.id is not None:
        names = texts_of(where, columns.id, column(where, table, columns.id))
    if columns.image is None:
        wanted = columns.text or "text"
        texts = texts_of(where, wanted, column(where, table, wanted))
        rows = RowBatch(where, "text", names, texts=texts)
    else:
        found = column(where, table, columns.image)
        rows = images_of(where, columns.image, found, folder, names)
    if columns.label is None:
        return rows
    return replace(rows, labels=[cell(value) for value in column(where, table, columns.label)])


def images_of(
    where: str, name: str, values: Column, folder: Path, names: Sequence[str] | None
) -> RowBatch:
    """A column of image files, by path or, as data sets hold them, by content."""
    if not any(isinstance(value, Mapping) for value in values):
        return image_batch(where, [folder / file for file in texts_of(where, name, values)], names)
    images = []
    for row, value in enumerate(values):
        if not isinstance(value, Mapping) or not (value.get("bytes") or value.get("path")):
            raise ValueError(f"{where}: row {row} holds no image in column {name!r}")
        images.append(value.get("bytes") or Path(value["path"]).read_bytes())
    return image_batch(where, images, names)


def texts_of(where: str, name: str, values: Column) -> list[str]:
    """A column as texts; ValueError where a row has none, or a very long one."""
    found = []
    for row, value in enumerate(values):
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        wrong = None
        if not isinstance(text, str) or not text.strip():
            shown = "nothing" if value is None or value == "" else repr(value)[:40]
            wrong = f"holds {shown}; wanted a text"
        elif SURROGATE.search(text):
            wrong = "holds half of a character (a surrogate); wanted a text that UTF-8 can hold"
        elif len(text) > TEXT_LIMIT:
            wrong = f"has {len(text):,} characters; the limit is {TEXT_LIMIT:,}"
        if wrong is not None:
            raise ValueError(f"{where}: column {name!r} of row {row} {wrong}")
        found.append(text)
    return found
