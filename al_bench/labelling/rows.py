"""Rows that come into a session together, whatever they were read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.content import digest
from al_bench.datasets.features import FeatureRows
from al_bench.datasets.images import EncodedImages, decode
from al_bench.state import Floats


@dataclass(frozen=True)
class RowBatch:
    """Rows that come together, or came and are stored.

    where: for errors; names: (n,) their own, or None; labels: (n,) by class name that are there
    already, None where a row has none; by modality: texts (n,); of images paths, or encoded images
    that have no file yet, with digests of their content; features (n, d) and, if they bring one,
    the prior (n, k); stored: the key of rows that are in a session, which is not made again.
    """

    where: str
    modality: str
    names: Sequence[str] | None = None
    labels: Sequence[str | None] | None = None
    texts: Sequence[str] | None = None
    paths: Sequence[str] | None = None
    digests: Sequence[str] | None = None
    encoded: Sequence[bytes] | None = None
    features: Floats | None = None
    prior: Floats | None = None
    stored: str | None = None

    def __len__(self) -> int:
        rows = (self.texts, self.digests, self.features)
        return max((len(part) for part in rows if part is not None), default=0)

    def check_modality(self, modality: str, who: str) -> None:
        """ValueError unless the rows are of the kind that somebody reads."""
        if self.modality != modality:
            raise ValueError(
                f"{self.where} holds rows of kind {self.modality}; {who} reads {modality}"
            )

    def ids(self, start: int = 0) -> list[str]:
        """(n,) the rows' own names, or their numbers from `start` on."""
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

    def with_files(self, folder: Path) -> RowBatch:
        """The same rows with a file for each image that has none yet, named by its content."""
        if self.encoded is None or self.digests is None:
            return self
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / name for name in self.digests]
        for path, content in zip(paths, self.encoded, strict=True):
            path.write_bytes(content)
        return replace(self, encoded=None, paths=[str(path.resolve()) for path in paths])


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


def image_batch(where: str, files: Sequence[Path], names: Sequence[str] | None) -> RowBatch:
    """Image files as rows; FileNotFoundError or ValueError where one is no image."""
    digests = []
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{where}: there is no file {file}")
        decode(file.read_bytes(), str(file))
        digests.append(digest(file))
    paths = [str(file.resolve()) for file in files]
    return RowBatch(where, "image", names, paths=paths, digests=digests)


def plain_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz; ValueError where it is none, or holds objects."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # numpy raises OSError, ValueError, EOFError, BadZipFile, zlib's
        line = " ".join(str(error).split())
        raise ValueError(f"{path} is not an .npz of plain arrays: {line}") from error


def check_features(where: str, values: NDArray[Any]) -> Floats:
    """(n, d) finite float32, at least a row and a column."""
    if values.ndim != 2 or not values.size or values.dtype.kind not in "fiu":
        raise ValueError(
            f"{where} is {values.dtype} of shape {values.shape}; wanted (n, d) numbers"
        )
    with np.errstate(over="ignore"):
        found: Floats = values.astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(wrong):
        raise ValueError(f"{where}: row {wrong[0]} is not finite ({len(wrong)} such rows)")
    return found


def check_probabilities(where: str, values: NDArray[Any], n: int, k: int | None) -> Floats:
    """(n, k) class probabilities, each row's sum one."""
    if values.ndim != 2 or len(values) != n or k not in (None, values.shape[1]):
        raise ValueError(f"{where} has shape {values.shape}; wanted ({n}, {k or 'classes'})")
    found = check_features(where, values)
    wrong = np.flatnonzero((found < 0).any(axis=1) | (abs(found.sum(axis=1) - 1) > 1e-3))
    if len(wrong):
        raise ValueError(
            f"{where}: row {wrong[0]} is no probabilities that sum to one ({len(wrong)} such rows)"
        )
    return found


def check_ids(where: str, values: NDArray[Any], n: int) -> list[str]:
    """(n,) names of rows as texts."""
    if values.shape != (n,) or values.dtype.kind not in "iuU":
        raise ValueError(
            f"{where} are {values.dtype} of shape {values.shape}; wanted ({n},) whole numbers or "
            "texts"
        )
    return [str(value) for value in values.tolist()]
