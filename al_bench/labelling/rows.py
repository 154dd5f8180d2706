"""The rows of a session, from any source: tables, folders of images, data sets and embeddings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import distributions, matrix
from al_bench.core.state import Floats
from al_bench.data.datasets.features import FeatureRows, plain_arrays
from al_bench.data.datasets.images import Decoded, decode
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


@dataclass(frozen=True)
class RowBatch:
    """Rows that arrive together, or arrived together and are stored.

    where: the source, for errors; names: (n,) row ids, or None; labels: (n,) existing labels by
    class name, None where a row has none; by modality: texts (n,); images (n,), files or contents,
    and their digests; features (n, d) and optionally the prior (n, k); beside: further columns to
    show (n,); places: (n,) where each row is in the source, in words; stored: the key, for rows
    that are in a session already."""

    where: str
    modality: str
    names: Sequence[str] | None = None
    labels: Sequence[str | None] | None = None
    texts: Sequence[str] | None = None
    images: Sequence[Path | bytes] | None = None
    digests: Sequence[str] | None = None
    features: Floats | None = None
    prior: Floats | None = None
    beside: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    places: Sequence[str] | None = None
    stored: str | None = None

    def __len__(self) -> int:
        rows = (self.texts, self.digests, self.features)
        return max((len(part) for part in rows if part is not None), default=0)

    def check_kind(self, kind: str, who: str) -> None:
        if self.modality != kind:
            raise ValueError(f"{self.where} holds rows of kind {self.modality}; {who} reads {kind}")

    def ids(self, start: int = 0) -> list[str]:
        """(n,) the rows' names, or their numbers from `start` on."""
        return list(self.names or map(str, range(start, start + len(self))))

    @cached_property
    def key(self) -> str:
        """sha256 of the content of the rows, in their order."""
        if self.stored is not None:
            return self.stored
        whole = sha256(self.modality.encode())
        if self.features is not None:
            whole.update(repr(self.features.shape).encode())
            whole.update(self.features.tobytes())
        for part in self.texts or self.digests or ():
            content = part.encode("utf-8", "surrogatepass")
            whole.update(b"%d\n" % len(content) + content)
        return whole.hexdigest()

    @property
    def inputs(self) -> Sequence[Any]:
        if self.texts is not None:
            return self.texts
        if self.features is not None:
            return FeatureRows(self.features, self.prior)
        return ImageRows(self.images or (), self.digests or ())

    def with_files(self, folder: Path) -> RowBatch:
        """The same rows; images given by content are written to files named by their digest."""
        files = []
        for image, name in zip(self.images or (), self.digests or (), strict=True):
            if isinstance(image, bytes):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(image)
            files.append((folder / name if isinstance(image, bytes) else image).resolve())
        return replace(self, images=files or None)


@dataclass(frozen=True)
class ImageRows(Decoded):
    """Images, decoded on reading; ValueError where a file has changed since it was added."""

    images: Sequence[Path | bytes]
    digests: Sequence[str]

    def __len__(self) -> int:
        return len(self.images)

    def image(self, row: int) -> Any:
        image = self.images[row]
        content = image if isinstance(image, bytes) else image.read_bytes()
        if sha256(content).hexdigest() != self.digests[row]:
            raise ValueError(f"{image!s} has changed since it came into the session")
        return decode(content, f"image {row}" if isinstance(image, bytes) else str(image))


def image_batch(
    where: str, images: Sequence[Path | bytes], names: Sequence[str] | None
) -> RowBatch:
    """Images as rows; FileNotFoundError or ValueError where one cannot be read."""
    digests = []
    for row, image in enumerate(images):
        if isinstance(image, Path) and not image.is_file():
            raise FileNotFoundError(f"{where}: there is no file {image}")
        content = image if isinstance(image, bytes) else image.read_bytes()
        decode(content, f"{where}: row {row}" if isinstance(image, bytes) else str(image))
        digests.append(sha256(content).hexdigest())
    return RowBatch(where, "image", names, images=images, digests=digests)


def row_ids(where: str, values: NDArray[Any], n: int) -> list[str]:
    if values.shape != (n,) or values.dtype.kind not in "iuU":
        raise ValueError(
            f"{where} are {values.dtype} of shape {values.shape}; wanted ({n},) whole numbers or "
            "texts"
        )
    return [str(value) for value in values.tolist()]


def read_rows(data: Any, columns: Columns) -> RowBatch:
    """The rows of a file, a folder, a data set of the hub (``hf://owner/name``), a data frame, a
    list of texts or an (n, d) array of embeddings. FileNotFoundError or ValueError where it is none
    of these."""
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
    """Every image of a folder, named by its path; ValueError where there is none."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGES and p.is_file())
    if not found:
        raise ValueError(f"{folder} holds no image; wanted files {', '.join(IMAGES)}")
    names = [path.relative_to(folder).as_posix() for path in found]
    return image_batch(str(folder), found, names)


def embedded_rows(path: Path) -> RowBatch:
    """The rows of an .npz: ``features`` (n, d), and perhaps ``ids`` (n,) and ``prior`` (n, k)."""
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
    """The rows of a table, without those without a text; paths of images are in `folder`."""
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
    """The rows with something in this column; a warning counts the others, ValueError if all."""
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
    if not isinstance(value, str) or not value.strip():
        shown = "nothing" if value is None or value == "" else repr(value)[:40]
        return f"holds {shown}; wanted a text"
    if SURROGATE.search(value):
        return "holds half of a character (a surrogate); wanted a text that UTF-8 can hold"
    if len(value) > TEXT_LIMIT:
        return f"has {len(value):,} characters; the limit is {TEXT_LIMIT:,}"
    return None
