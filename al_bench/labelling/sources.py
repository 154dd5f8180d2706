"""Where a session's rows come from: tables, folders of images, data sets and embeddings.

Whatever it is, it becomes `Arriving`: names, and texts, image files or features, by row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.labelling.arrays import embedded_rows, numbers
from al_bench.labelling.rows import IMAGES, Arriving, Columns, encoded_rows, image_rows
from al_bench.labelling.tables import (
    HUB,
    TABLES,
    TEXT_LIMIT,
    Column,
    cell,
    column,
    columns_of,
    hub_columns,
    saved_columns,
)

SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character, which UTF-8 cannot hold


def arriving(data: Any, columns: Columns) -> Arriving:
    """The rows of a file, a folder or a data set of the hub (``hf://owner/name``), or of a data
    frame, a list of texts or an (n, d) array of embeddings.

    FileNotFoundError or ValueError, in one sentence, where the data are not as said.
    """
    if hasattr(data, "columns"):
        table = {str(name): data[name].tolist() for name in data.columns}
        return table_rows("the data frame", table, Path(), columns)
    if isinstance(data, list | tuple):
        return Arriving("the list", "text", texts=texts_of("the list", "text", data))
    if isinstance(data, np.ndarray):
        return Arriving("the array", "features", features=numbers("the array", data))
    if str(data).startswith(HUB):
        return table_rows(str(data), hub_columns(str(data), columns.split), Path(), columns)
    path = Path(data).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file or folder {data}; a data set of the hub is written {HUB}owner/name"
        )
    if path.is_dir():
        if holds_tables(path):
            return table_rows(str(path), saved_columns(path, columns.split), path, columns)
        check_no_columns(path, "a folder of images", columns)
        return image_folder(path)
    if path.suffix == ".npz":
        check_no_columns(path, "an .npz", columns)
        return embedded_rows(path)
    if path.suffix in TABLES:
        return table_rows(str(path), columns_of(path), path.parent, columns)
    raise ValueError(
        f"{data} is no kind of data that is read here; wanted {', '.join(TABLES)}, .npz, a folder "
        f"of images ({', '.join(IMAGES)}), a saved data set or {HUB}owner/name"
    )


def holds_tables(folder: Path) -> bool:
    """Whether a folder is a data set rather than images."""
    return any(path.suffix in (*TABLES, ".arrow") for path in folder.rglob("*"))


def check_no_columns(path: Path, what: str, columns: Columns) -> None:
    if columns.named:
        raise ValueError(f"{path} is {what} and has no column {columns.named[0]!r}; leave it out")


def image_folder(folder: Path) -> Arriving:
    """Every image of a folder, by its path there; ValueError where none is, or one is broken."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGES and p.is_file())
    if not found:
        raise ValueError(f"{folder} holds no image; wanted files {', '.join(IMAGES)}")
    names = [path.relative_to(folder).as_posix() for path in found]
    return image_rows(str(folder), found, names)


def table_rows(where: str, table: Mapping[str, Column], folder: Path, columns: Columns) -> Arriving:
    """The rows of a table; image files are looked for in its folder."""
    names = None
    if columns.id is not None:
        names = texts_of(where, columns.id, column(where, table, columns.id))
    if columns.image is None:
        wanted = columns.text or "text"
        texts = texts_of(where, wanted, column(where, table, wanted))
        rows = Arriving(where, "text", names, texts=texts)
    else:
        found = column(where, table, columns.image)
        rows = images_of(where, columns.image, found, folder, names)
    if columns.label is None:
        return rows
    return replace(rows, given=[cell(value) for value in column(where, table, columns.label)])


def images_of(
    where: str, name: str, values: Column, folder: Path, names: Sequence[str] | None
) -> Arriving:
    """A column of image files, by path or, as data sets hold them, by content."""
    if not any(isinstance(value, Mapping) for value in values):
        return image_rows(where, [folder / file for file in texts_of(where, name, values)], names)
    found = []
    for row, value in enumerate(values):
        if not isinstance(value, Mapping) or not (value.get("bytes") or value.get("path")):
            raise ValueError(f"{where}: row {row} holds no image in column {name!r}")
        found.append(value.get("bytes") or Path(value["path"]).read_bytes())
    return encoded_rows(where, found, names)


def texts_of(where: str, name: str, values: Column) -> list[str]:
    """A column as texts; ValueError where a row has none, or a very long one."""
    found = []
    for row, value in enumerate(values):
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            shown = "nothing" if value is None or value == "" else repr(value)[:40]
            raise ValueError(f"{where}: column {name!r} of row {row} holds {shown}; wanted a text")
        if SURROGATE.search(value):
            raise ValueError(
                f"{where}: column {name!r} of row {row} holds half of a character (a lone "
                "surrogate); wanted a text that UTF-8 can hold"
            )
        if len(value) > TEXT_LIMIT:
            raise ValueError(
                f"{where}: column {name!r} of row {row} has {len(value):,} characters; the limit "
                f"is {TEXT_LIMIT:,}"
            )
        found.append(value)
    return found
