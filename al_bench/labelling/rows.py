"""Rows that come into a session together, whatever they were read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.content import digest
from al_bench.datasets.features import FeatureRows
from al_bench.datasets.images import EncodedImages, decode
from al_bench.state import Floats

IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what, and which split of a data set is read.

    text, image: what is to be labelled, texts or image files; label: labels that are there already;
    id: the rows' own names. None: there is no such column; neither text nor image: "text".
    """

    text: str | None = None
    image: str | None = None
    label: str | None = None
    id: str | None = None
    split: str = "train"

    def __post_init__(self) -> None:
        if self.text is not None and self.image is not None:
            raise ValueError(
                f"both text={self.text!r} and image={self.image!r} are given; wanted one of them"
            )

    def or_else(self, other: Columns) -> Columns:
        """These, or the others' where none of these is named; without labels."""
        return replace(self if self.named else other, label=None, split=self.split)

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that are said to be there."""
        names = (self.text, self.image, self.label, self.id)
        return tuple(name for name in names if name is not None)


@dataclass(frozen=True)
class Arriving:
    """Rows that come together, or came and are kept.

    where: for errors; names: (n,) their own, or None; given: (n,) labels by class name that are
    there already, None where a row has none; by modality: texts (n,); of images paths, or encoded
    images that have no file yet, with digests of their content; features (n, d) and, if they bring
    one, the prior (n, k); kept: the key of rows that are in a session, which is not made again.
    """

    where: str
    modality: str
    names: Sequence[str] | None = None
    given: Sequence[str | None] | None = None
    texts: Sequence[str] | None = None
    paths: Sequence[str] | None = None
    digests: Sequence[str] | None = None
    encoded: Sequence[bytes] | None = None
    features: Floats | None = None
    prior: Floats | None = None
    kept: str | None = None

    def __len__(self) -> int:
        for rows in (self.texts, self.digests, self.features):
            if rows is not None:
                return len(rows)
        return 0

    def check_kind(self, modality: str, who: str) -> None:
        """ValueError unless the rows are of the kind that somebody reads."""
        if self.modality != modality:
            raise ValueError(
                f"{self.where} holds rows of kind {self.modality}; {who} reads {modality}"
            )

    def ids(self, start: int) -> list[str]:
        """(n,) the rows' own names, or their numbers from `start` on."""
        return list(self.names or map(str, range(start, start + len(self))))

    @cached_property
    def key(self) -> str:
        """sha256 of the content of the rows, in their order."""
        if self.kept is not None:
            return self.kept
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
        """(n,) what a foundation model reads of them."""
        if self.texts is not None:
            return self.texts
        if self.features is not None:
            return FeatureRows(self.features, self.prior)
        if self.paths is not None and self.digests is not None:
            return ImageFiles(self.paths, self.digests)
        encoded = self.encoded or ()
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return EncodedImages(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets, self.where)


@dataclass(frozen=True)
class ImageFiles(Sequence[Any]):
    """Images by their paths, decoded on reading; ValueError where a file changed since it came."""

    paths: Sequence[str]
    digests: Sequence[str]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self[row] for row in range(*position.indices(len(self)))]
        path = Path(self.paths[position])
        if digest(path) != self.digests[position]:
            raise ValueError(f"{path} has changed since it came into the session")
        return decode(path.read_bytes(), str(path))


def image_rows(where: str, files: Sequence[Path], names: Sequence[str] | None) -> Arriving:
    """Image files as rows; FileNotFoundError or ValueError where one is no image."""
    digests = []
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{where}: there is no file {file}")
        decode(file.read_bytes(), str(file))
        digests.append(digest(file))
    paths = [str(file.resolve()) for file in files]
    return Arriving(where, "image", names, paths=paths, digests=digests)


def encoded_rows(where: str, encoded: Sequence[bytes], names: Sequence[str] | None) -> Arriving:
    """Images by their content, for which the session makes files; ValueError where one is none."""
    for row, content in enumerate(encoded):
        decode(content, f"{where}: row {row}")
    digests = [sha256(content).hexdigest() for content in encoded]
    return Arriving(where, "image", names, encoded=encoded, digests=digests)


def with_files(rows: Arriving, folder: Path) -> Arriving:
    """The same rows with a file for each image that has none yet, named by its content."""
    if rows.encoded is None or rows.digests is None:
        return rows
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in rows.digests]
    for path, content in zip(paths, rows.encoded, strict=True):
        path.write_bytes(content)
    return replace(rows, encoded=None, paths=[str(path.resolve()) for path in paths])
