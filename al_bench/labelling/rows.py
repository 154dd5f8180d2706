"""Rows that come into a session together, from any source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.state import Floats
from al_bench.data.datasets.features import FeatureRows
from al_bench.data.datasets.images import decode


@dataclass(frozen=True)
class RowBatch:
    """Rows that arrive together, or arrived together and are stored.

    where: the source, for errors; names: (n,) row ids, or None; labels: (n,) existing labels by
    class name, None where a row has none; by modality: texts (n,); images (n,), files or contents,
    and their digests; features (n, d) and optionally the prior (n, k); beside: further columns to
    show (n,); places: (n,) where each row is in the source, in words; stored: the key, for rows
    that are in a session already.
    """

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
        """ValueError unless the rows are of this kind, which `who` reads."""
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
        """(n,) inputs of a foundation model."""
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
class ImageRows(Sequence[Any]):
    """Images, decoded on reading; ValueError where a file has changed since it was added."""

    images: Sequence[Path | bytes]
    digests: Sequence[str]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self[row] for row in range(*position.indices(len(self)))]
        image = self.images[position]
        content = image if isinstance(image, bytes) else image.read_bytes()
        if sha256(content).hexdigest() != self.digests[position]:
            raise ValueError(f"{image!s} has changed since it came into the session")
        return decode(content, f"image {position}" if isinstance(image, bytes) else str(image))


def image_batch(
    where: str, images: Sequence[Path | bytes], names: Sequence[str] | None
) -> RowBatch:
    """Images as rows, files or content; FileNotFoundError or ValueError where one cannot be
    read."""
    digests = []
    for row, image in enumerate(images):
        if isinstance(image, Path) and not image.is_file():
            raise FileNotFoundError(f"{where}: there is no file {image}")
        content = image if isinstance(image, bytes) else image.read_bytes()
        decode(content, f"{where}: row {row}" if isinstance(image, bytes) else str(image))
        digests.append(sha256(content).hexdigest())
    return RowBatch(where, "image", names, images=images, digests=digests)


def plain_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz; ValueError for another file, or one that holds objects."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # numpy raises OSError, ValueError, EOFError, BadZipFile, zlib's
        line = " ".join(str(error).split())
        raise ValueError(f"{path} is not an .npz of plain arrays: {line}") from error


def row_ids(where: str, values: NDArray[Any], n: int) -> list[str]:
    """(n,) names of rows as texts."""
    if values.shape != (n,) or values.dtype.kind not in "iuU":
        raise ValueError(
            f"{where} are {values.dtype} of shape {values.shape}; wanted ({n},) whole numbers or "
            "texts"
        )
    return [str(value) for value in values.tolist()]
