"""The data sets that ship inside the package; ``scripts/`` has the script that made each file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.hashing import digest
from al_bench.data.datasets.check import checked_dataset
from al_bench.data.datasets.halved import without_rare
from al_bench.data.datasets.images import EncodedImages
from al_bench.data.types import Dataset, Split

SHA256 = {
    "openclipart": "aa3287cd2c458ef7daa31f550571f9d827765412fc5e8e7777c758daf0c533ac",
    "fashion_mnist": "1757ef7d26ddfaf3de6b9dd60e243cffa273d504dc117d6d7dbb0c61fbc24d2d",
    "wordnet_nouns25": "019e62fb1ad360776cb9aca42870213c08d088b7a17e62367668c1711c7b5201",
    "vader": "8f359382c358766ca6d0bfdc5628a4a173b152588e99a0a02b316dc6be853901",
}


@dataclass(frozen=True)
class Packaged:
    """A data set that ships with al_bench: no download; every load verifies its checksum.

        >>> data = Packaged("vader").load()

    Parameters
    ----------
    name : openclipart, fashion_mnist, wordnet_nouns25 or vader
    prompts : templates with one ``{}`` for a class name
    min_count : classes with fewer training rows are dropped (1 keeps all)
    """

    name: str
    prompts: Sequence[str] = ("{}",)
    min_count: int = 1

    def __post_init__(self) -> None:
        if self.name not in SHA256:
            raise ValueError(
                f"no shipped data set is called {self.name!r}; there are {', '.join(SHA256)}"
            )

    def load(self) -> Dataset:
        """Read the file; ValueError if its checksum is not the pinned one."""
        with as_file(files("al_bench.data.datasets") / "files" / f"{self.name}.npz") as path:
            check_sha256(path, SHA256[self.name])
            with np.load(path, allow_pickle=False) as arrays:
                modality = str(arrays["modality"])
                dataset = Dataset(
                    name=self.name,
                    key=f"{self.name}@sha256:{SHA256[self.name]},min_count={self.min_count}",
                    modality=modality,
                    train=unpack(arrays, "train", modality, f"{self.name} train"),
                    test=unpack(arrays, "test", modality, f"{self.name} test"),
                    class_names=tuple(map(str, arrays["class_names"])),
                    prompts=tuple(self.prompts),
                )
        return checked_dataset(without_rare(dataset, self.min_count))


def modality_of(name: str) -> str:
    """The modality of a shipped data set, image or text; its rows are not read."""
    with (
        as_file(files("al_bench.data.datasets") / "files" / f"{name}.npz") as path,
        np.load(path, allow_pickle=False) as arrays,
    ):
        return str(arrays["modality"])


def check_sha256(path: Path, wanted: str) -> None:
    """FileNotFoundError or ValueError unless the file exists and has this sha256."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; reinstall al_bench or run its script")
    found = digest(path)
    if found != wanted:
        raise ValueError(
            f"{path} has sha256 {found[:12]}..., wanted {wanted[:12]}...; the file was changed or "
            "cut short, reinstall al_bench"
        )


def unpack(arrays: Any, split: str, modality: str, where: str) -> Split:
    """One split of a shipped file: inputs are a byte buffer and offsets, votes are optional."""
    buffer: NDArray[np.uint8] = arrays[f"{split}_bytes"]
    offsets = arrays[f"{split}_offsets"].astype(np.int64)
    inputs: Sequence[Any] = EncodedImages(buffer, offsets, where)
    if modality == "text":
        whole = buffer.tobytes()
        inputs = [whole[start:end].decode() for start, end in pairwise(offsets)]
    votes = f"{split}_votes"
    columns = {"votes": arrays[votes].astype(np.int64)} if votes in arrays else {}
    return Split(inputs, arrays[f"{split}_labels"].astype(np.int64), columns)
