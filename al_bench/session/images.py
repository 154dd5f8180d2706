"""Image files: read when they are looked at, known by their content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from al_bench.content import digest
from al_bench.datasets.images import decode
from al_bench.session.arriving import Arriving

IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")


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
