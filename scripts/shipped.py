"""What the scripts that make the shipped files fraction: checksums, archives, splits, the file."""

from __future__ import annotations

import io
import lzma
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

FILES = Path(__file__).parent.parent / "al_bench" / "data" / "datasets" / "files"


def source(wanted: str, how: str) -> Path:
    """The source archive named on the command line; exits unless its sha256 is the pinned one."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} ARCHIVE    (get it by: {how})")
    path = Path(sys.argv[1])
    found = sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        sys.exit(f"{path} has sha256 {found}; wanted {wanted}")
    return path


def deb_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in a Debian package (tars in an ar), links followed."""
    with path.open("rb") as deb:
        deb.read(8)
        while header := deb.read(60):
            name, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
            member = deb.read(size + size % 2)[:size]
            if name == "data.tar.xz":
                with tarfile.open(fileobj=io.BytesIO(lzma.decompress(member))) as tar:
                    for entry in tar.getmembers():
                        try:
                            file = tar.extractfile(entry)
                        except KeyError:  # a link that points out of the package
                            continue
                        if file is not None:
                            yield entry.name.removeprefix("./"), file.read()


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def in_hash_order(rows: Sequence[int], contents: Sequence[bytes]) -> list[int]:
    """Rows in the order of their contents' sha256: as good as shuffled, the same everywhere."""
    return sorted(rows, key=lambda row: digest(contents[row]))


def split(labels: Sequence[int], contents: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """Row numbers of train and test: a fifth of every class, rounded, at least two, is test."""
    train: list[int] = []
    test: list[int] = []
    for label in sorted(set(labels)):
        rows = in_hash_order([row for row, own in enumerate(labels) if own == label], contents)
        size = max(round(len(rows) / 5), 2)
        test += rows[:size]
        train += rows[size:]
    return in_hash_order(train, contents), in_hash_order(test, contents)


def write(
    name: str,
    modality: str,
    class_names: Sequence[str],
    splits: Mapping[str, Sequence[int]],
    contents: Sequence[bytes],
    labels: Sequence[int],
    votes: np.ndarray[Any, Any] | None = None,
) -> None:
    """Write al_bench/data/datasets/files/<name>.npz and print what is in it and its sha256."""
    arrays: dict[str, Any] = {
        "modality": np.array(modality),
        "class_names": np.array(list(class_names)),
    }
    for which, rows in splits.items():
        chosen = [contents[row] for row in rows]
        arrays[f"{which}_bytes"] = np.frombuffer(b"".join(chosen), dtype=np.uint8)
        arrays[f"{which}_offsets"] = np.cumsum([0, *map(len, chosen)], dtype=np.int32)
        arrays[f"{which}_labels"] = np.array([labels[row] for row in rows], dtype=np.int16)
        if votes is not None:
            arrays[f"{which}_votes"] = votes[list(rows)].astype(np.int16)
    path = FILES / f"{name}.npz"
    np.savez_compressed(path, **arrays)
    counts = [np.bincount(arrays[f"{which}_labels"]) for which in ("train", "test")]
    for class_name, train, test in zip(class_names, *counts, strict=True):
        print(f"{train:6d} {test:6d}  {class_name}")
    print(f"{counts[0].sum():6d} {counts[1].sum():6d}  in all")
    print(f"{path.name}: {path.stat().st_size:,} bytes, sha256 {digest(path.read_bytes())}")
