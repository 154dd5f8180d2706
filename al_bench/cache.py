"""Embeddings and zero-shot opinions on disk, computed once and named by what made them.

An entry is a folder ``<cache>/<sha256 of its keys>/`` with ``rows.npy`` and ``about.json`` (the keys
in clear, row count, size and checksum). It is made for a full split, in the split's row order,
before imbalance, noise and seed, so one entry serves every run. It is filled block by block:
blocks are files of their own in ``<sha256>.part/``, so that a killed process loses one block, and
several processes or machines may fill one entry together without locks, each taking missing
blocks in an order of its own. Whoever finishes first renames a complete folder into place.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, BinaryIO, Protocol, runtime_checkable
from uuid import uuid4
from zlib import crc32

import numpy as np

from al_bench.sources import Encoder, Prior
from al_bench.state import Floats, Picked

log = logging.getLogger(__name__)
Compute = Callable[[range], Floats]
_verified: set[tuple[str, int, int]] = set()  # entries whose checksum this process has read


@runtime_checkable
class Choosing(Protocol):
    """A prior that stands for another one on this kind of data."""

    def choose(self, modality: str) -> Prior: ...


@runtime_checkable
class Adjusting(Protocol):
    """A prior that changes the whole table of another one's opinions, too cheaply to be kept."""

    inner: Prior

    def adjust(self, probabilities: Floats) -> Floats: ...


def embeddings(
    folder: Path,
    dataset_key: str,
    split: str,
    encoder: Encoder,
    inputs: Sequence[Any],
    batch: int = 1024,
    progress: bool = True,
) -> Floats:
    """(n, d) float16, read-only and memory-mapped: what the encoder makes of a split's inputs.

    Inputs are read a batch at a time, and only for blocks that are not stored yet. Given features
    are returned as they are. Raises ValueError for features that are not finite and for a stored
    entry that is damaged or has another number of rows.
    """
    if encoder.key == "given":
        return encoder.embed(inputs)
    keys = {"dataset": dataset_key, "split": split, "encoder": encoder.key}

    def compute(rows: range) -> Floats:
        values = encoder.embed(Picked(inputs, np.arange(rows.start, rows.stop)))
        return finite(values, rows, encoder.key)

    entry = Entry(Path(folder), keys, len(inputs), "float16")
    return entry.open() if entry.done else entry.fill(compute, batch, progress)


def opinions(
    folder: Path,
    dataset_key: str,
    split: str,
    prior: Prior,
    features: Floats,
    inputs: Sequence[Any],
    class_names: Sequence[str],
    prompts: Sequence[str],
    modality: str,
    batch: int = 4096,
    progress: bool = True,
) -> Floats:
    """(n, k) float32 class probabilities of a split's rows by a prior; never given labels."""
    again = (features, inputs, class_names, prompts, modality, batch, progress)
    if isinstance(prior, Choosing):
        return opinions(folder, dataset_key, split, prior.choose(modality), *again)
    if isinstance(prior, Adjusting):
        return prior.adjust(opinions(folder, dataset_key, split, prior.inner, *again))
    encoder = prior.encoder(modality).key
    if encoder == "given":
        return prior.probabilities(features, inputs, class_names, prompts, modality)
    keys = {"dataset": dataset_key, "split": split, "encoder": encoder, "prior": prior.key}
    keys |= {"class_names": list(class_names), "prompts": list(prompts)}

    def compute(rows: range) -> Floats:
        some = Picked(inputs, np.arange(rows.start, rows.stop))
        block = np.asarray(features[rows.start : rows.stop], dtype=np.float32)
        values = prior.probabilities(block, some, class_names, prompts, modality)
        return distributions(values, len(rows), len(class_names), prior.key)

    entry = Entry(Path(folder), keys, len(features), "float32")
    return entry.open() if entry.done else entry.fill(compute, batch, progress)


@dataclass(frozen=True)
class Entry:
    """One array of the cache: its keys, row count and number format."""

    folder: Path
    keys: Mapping[str, Any]
    n: int
    dtype: str

    @property
    def path(self) -> Path:
        text = json.dumps(self.keys, sort_keys=True)
        return self.folder / sha256(text.encode()).hexdigest()

    @property
    def done(self) -> bool:
        return self.path.exists()

    @property
    def name(self) -> str:
        what = "opinions on" if "prior" in self.keys else "embeddings of"
        return f"{what} {str(self.keys['dataset'])[:40]} {self.keys['split']}"

    def open(self) -> Floats:
        """The stored array, memory-mapped; ValueError, naming what to delete, if it is damaged."""
        file, problem = self.path / "rows.npy", None
        try:
            about = json.loads((self.path / "about.json").read_text("utf-8"))
            if file.stat().st_size != about["bytes"]:
                problem = f"has {file.stat().st_size} bytes, not {about['bytes']}"
            elif not self._intact(file, about["crc32"]):
                problem = "does not match its checksum"
            elif about["rows"] != self.n:
                problem = f"has {about['rows']} rows, but the data have {self.n}"
            else:
                array: Floats = np.load(file, mmap_mode="r", allow_pickle=False)
                if array.shape[0] != self.n or array.dtype != self.dtype:
                    problem = f"holds {array.shape} {array.dtype}, not {self.n} rows {self.dtype}"
        except (OSError, ValueError, KeyError) as error:
            problem = f"cannot be read ({error})"
        if problem:
            raise ValueError(f"{file} ({self.name}) {problem}; delete the folder {self.path}")
        return array

    def _intact(self, file: Path, expected: int) -> bool:
        stat = file.stat()
        seen = (str(file), stat.st_size, stat.st_mtime_ns)
        if seen not in _verified and checksum(file) == expected:
            _verified.add(seen)
        return seen in _verified

    def fill(self, compute: Compute, batch: int, progress: bool) -> Floats:
        """Compute the blocks that are missing, then put the whole entry in place and open it."""
        parts = self.path.with_suffix(".part")
        blocks = [range(i, min(i + batch, self.n)) for i in range(0, self.n, batch)]
        with writable(self.folder):
            parts.mkdir(parents=True, exist_ok=True)
        with bar(self.name, self.n, progress) as advance:
            try:
                for rows in Random(uuid4().int).sample(blocks, len(blocks)):
                    if read_block(parts, rows, self.dtype) is None and not self.done:
                        self._store(compute(rows), parts, rows)
                    advance(len(rows))
                if not self.done:
                    self._finish(parts, blocks)
            except FileNotFoundError:  # another process finished and tidied up
                if not self.done:
                    raise
        shutil.rmtree(parts, ignore_errors=True)
        return self.open()

    def _store(self, block: Floats, parts: Path, rows: range) -> None:
        temporary = parts / f"{uuid4().hex}.tmp"
        with writable(self.folder):
            with temporary.open("wb") as file:
                np.save(file, block.astype(self.dtype), allow_pickle=False)
            temporary.rename(block_file(parts, rows))

    def _finish(self, parts: Path, blocks: Sequence[range]) -> None:
        """Put the blocks together beside the entry's place, then rename; the first one wins."""
        temporary = parts / uuid4().hex
        file = temporary / "rows.npy"
        with writable(self.folder):
            temporary.mkdir()
            with file.open("wb") as out:
                width = self._join(parts, blocks, out)
            about = {"keys": self.keys, "rows": self.n, "width": width, "dtype": self.dtype}
            about |= {"bytes": file.stat().st_size, "crc32": checksum(file)}
            (temporary / "about.json").write_text(json.dumps(about, indent=1), "utf-8")
            try:
                temporary.rename(self.path)
            except OSError:
                if not self.done:
                    raise

    def _join(self, parts: Path, blocks: Sequence[range], out: BinaryIO) -> int:
        """Write all blocks as one array, a block in memory at a time; the width of its rows."""
        width = None
        for rows in blocks:
            block = read_block(parts, rows, self.dtype)
            if block is None:
                raise FileNotFoundError(f"{block_file(parts, rows)} is gone or damaged; start again")
            if width is None:
                width = block.shape[1]
                about = {"descr": block.dtype.str, "fortran_order": False, "shape": (self.n, width)}
                np.lib.format.write_array_header_1_0(out, about)
            if block.shape[1] != width:
                raise ValueError(f"blocks of {parts} differ in width; delete that folder")
            out.write(block.tobytes())
        return int(width or 0)


def block_file(parts: Path, rows: range) -> Path:
    return parts / f"{rows.start:09d}-{rows.stop:09d}.npy"


def read_block(parts: Path, rows: range, dtype: str) -> Floats | None:
    """A stored block, or None where it is missing or was cut short."""
    try:
        block: Floats = np.load(block_file(parts, rows), allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return block if len(block) == len(rows) and block.dtype == dtype else None


def finite(values: Floats, rows: range, encoder: str) -> Floats:
    """The values in float16; ValueError if one is NaN, infinite or beyond what float16 holds."""
    with np.errstate(over="ignore"):
        stored: Floats = np.asarray(values).astype(np.float16)
    if stored.ndim != 2 or len(stored) != len(rows):
        raise ValueError(f"{encoder} gave shape {stored.shape} for {len(rows)} inputs")
    wrong = np.flatnonzero(~np.isfinite(stored).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"features of row {rows[int(wrong[0])]} are NaN, infinite or over 65,504, by {encoder}"
        )
    return stored


def distributions(values: Floats, n: int, k: int, prior: str) -> Floats:
    """The values, if they are n class distributions of k classes; else ValueError."""
    if values.shape != (n, k):
        raise ValueError(f"{prior} gave shape {values.shape} for {n} rows and {k} classes")
    if not np.all(values >= 0) or np.any(np.abs(values.sum(axis=1) - 1) > 1e-3):
        raise ValueError(f"{prior} gave rows that are no probabilities summing to one")
    return values


def checksum(path: Path) -> int:
    """CRC-32 of a file, read a MiB at a time."""
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            value = crc32(chunk, value)
    return value


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Say in one sentence that the cache cannot be written, and why."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OSError(
            error.errno, f"the cache folder {folder} cannot be written ({error.strerror or error})"
        ) from error


@contextmanager
def bar(name: str, total: int, progress: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, one log line elsewhere."""
    if not (progress and sys.stderr.isatty()):
        log.info("computing %s: %s rows", name, f"{total:,}")
        yield lambda rows: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(name, total=total)
        yield lambda rows: shown.advance(task, rows)
