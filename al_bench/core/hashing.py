"""Hashes of the content of files and arrays, and safe paths and writes of files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from numpy.typing import NDArray

# control characters, which move a terminal's cursor, and those that change the text direction
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
FOLDER = "AL_BENCH_DATA"  # environment variable: the folder of a user's data


def digest(path: Path) -> str:
    """sha256 of a file; cached per process until its size or time changes."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def fingerprint(folder: Path) -> str:
    """sha256 over relative names and bytes of a folder's files, without hidden ones. O(bytes)."""
    whole = sha256()
    visible = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for relative in sorted(path for path in visible if not path.name.startswith(".")):
        whole.update(f"{relative.as_posix()}\n{digest(folder / relative)}\n".encode())
    return whole.hexdigest()


def hashed(*arrays: NDArray[Any]) -> hashlib._Hash:
    """sha256 object over types, shapes and bytes of arrays, to update further. O(bytes)."""
    import numpy as np

    whole = sha256()
    for array in arrays:
        whole.update(f"{array.dtype.str}{array.shape}".encode())
        whole.update(np.ascontiguousarray(array).data)
    return whole


def data_path(path: str) -> Path:
    """The path of a user's file or folder: below $AL_BENCH_DATA if it is there, else as given."""
    folder, plain = os.environ.get(FOLDER), Path(path).expanduser()
    below = Path(folder).expanduser() / plain if folder else plain
    return below if below.exists() else plain


def check_file_name(name: str) -> str:
    """The name, if it is a plain file or folder name and no path; else ValueError."""
    if not name or name in (".", "..") or UNSEEN.search(name) or set(name) & set("/\\"):
        raise ValueError(
            f"the name is {name!r}; wanted a name without slashes and control characters"
        )
    return name


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary file to write to, which atomically replaces the path once it is on disk."""
    temporary = path.with_name(f"{path.name}.{uuid4().hex}.part")  # unique: writers may compete
    try:
        yield temporary
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
