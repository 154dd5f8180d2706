"""The outputs of foundation models, cached on disk for full splits, before imbalance, noise and
seed: one entry serves every run, which then loads no model and imports no framework."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Protocol, runtime_checkable
from uuid import uuid4
from zlib import crc32

import numpy as np
from numpy.lib.format import open_memmap

from al_bench.core.arrays import distributions
from al_bench.core.progress import progress_bar
from al_bench.core.state import Floats, Ints, Picked
from al_bench.data.types import Encoder, Prior, Task

Compute = Callable[[range], Floats]
_verified: set[tuple[str, int, int]] = set()  # files whose checksum this process has read


@dataclass(frozen=True)
class CacheEntry:
    """One array of the cache: its keys, row count and number format; title: for messages;
    copies: (n,) of each row the number of the computed one that it equals, None: of its own."""

    folder: Path
    keys: Mapping[str, Any]
    n: int
    dtype: str
    title: str
    copies: Ints | None = None

    @property
    def path(self) -> Path:
        text = json.dumps(self.keys, sort_keys=True)
        return self.folder / sha256(text.encode()).hexdigest()

    @property
    def done(self) -> bool:
        return self.path.exists()

    def open(self) -> Floats:
        """The stored array, memory-mapped; ValueError, saying what to delete, if it is damaged."""
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
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem = f"cannot be read ({error})"
        if problem:
            raise ValueError(f"{file} ({self.title}) {problem}; delete the folder {self.path}")
        return array

    def _intact(self, file: Path, expected: int) -> bool:
        stat = file.stat()
        seen = (str(file), stat.st_size, stat.st_mtime_ns)
        if seen not in _verified and checksum(file) == expected:
            _verified.add(seen)
        return seen in _verified

    def fill(self, compute: Compute, batch: int) -> Floats:
        """Compute the missing blocks, then put the whole entry in place and open it."""
        if self.n == 0:
            raise ValueError(f"{self.title}: there are no rows")
        parts = self.path.with_suffix(".part" if self.copies is None else ".distinct")
        count = self.n if self.copies is None else int(self.copies.max()) + 1
        blocks = [range(i, min(i + batch, count)) for i in range(0, count, batch)]
        with writable(self.folder):
            parts.mkdir(parents=True, exist_ok=True)
        stored = {rows.start for rows in blocks if block_file(parts, rows).exists()}
        known = sum(len(rows) for rows in blocks if rows.start in stored)
        with progress_bar(self.title, count, known) as advance:
            try:
                for rows in Random(uuid4().int).sample(blocks, len(blocks)):
                    if read_block(parts, rows, self.dtype) is None and not self.done:
                        self._store(compute(rows), parts, rows)
                    if rows.start not in stored:
                        advance(len(rows))
                if not self.done:
                    self._finish(parts, blocks)
            except FileNotFoundError:  # another process finished and deleted the blocks
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
        """Join the blocks in a temporary folder, then rename it; the first process wins."""
        temporary = parts / uuid4().hex
        file = temporary / "rows.npy"
        with writable(self.folder):
            temporary.mkdir()
            width = self._join(parts, blocks, file)
            about = {"keys": self.keys, "rows": self.n, "width": width, "dtype": self.dtype}
            about |= {"bytes": file.stat().st_size, "crc32": checksum(file)}
            (temporary / "about.json").write_text(json.dumps(about, indent=1), "utf-8")
            try:
                temporary.rename(self.path)
            except OSError:
                if not self.done:
                    raise

    def _join(self, parts: Path, blocks: Sequence[range], file: Path) -> int:
        """Write all blocks as one array, one block in memory at a time; returns the row width."""
        whole: Floats | None = None
        for rows in blocks:
            block = read_block(parts, rows, self.dtype)
            if block is None:
                raise FileNotFoundError(f"{block_file(parts, rows)} is gone or damaged; try again")
            if whole is None:
                shape = (self.n, block.shape[1])
                whole = open_memmap(file, mode="w+", dtype=self.dtype, shape=shape)
            if block.shape[1] != whole.shape[1]:
                raise ValueError(f"blocks of {parts} differ in width; delete that folder")
            if self.copies is None:
                whole[rows.start : rows.stop] = block
            else:
                at = np.flatnonzero((self.copies >= rows.start) & (self.copies < rows.stop))
                whole[at] = block[self.copies[at] - rows.start]
        assert whole is not None  # there is at least one block
        return int(whole.shape[1])


def block_file(parts: Path, rows: range) -> Path:
    return parts / f"{rows.start:09d}-{rows.stop:09d}.npy"


def read_block(parts: Path, rows: range, dtype: str) -> Floats | None:
    try:
        block: Floats = np.load(block_file(parts, rows), allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return block if len(block) == len(rows) and block.dtype == dtype else None


def checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            value = crc32(chunk, value)
    return value


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Turn an OSError inside into one sentence: the cache cannot be written, and why."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OSError(
            error.errno, f"the cache folder {folder} cannot be written ({error.strerror or error})"
        ) from error


@runtime_checkable
class Choosing(Protocol):
    """A prior that selects another prior by the kind of data."""

    def choose(self, modality: str) -> Prior: ...


@runtime_checkable
class Adjusting(Protocol):
    """A prior that transforms the whole table of another one, which is cheap: it is not cached."""

    inner: Prior

    def adjust(self, probabilities: Floats) -> Floats: ...


@runtime_checkable
class Remembering(Protocol):
    """A prior that caches its model's answers itself, and gets a whole split at once."""

    whole: bool


def embeddings(
    folder: Path,
    dataset_key: str,
    split: str,
    encoder: Encoder,
    inputs: Sequence[Any],
    batch: int = 1024,
    name: str = "",
    texts: Sequence[str] | None = None,
) -> Floats:
    """(n, d) embeddings of a split's inputs, float16, read-only and memory-mapped; features given
    by the data set are returned unchanged. name: of the data set, for messages; texts: (n,) the
    inputs, or names of them, of which equal ones are embedded once, and long ones together."""
    if encoder.key == "given":
        return encoder.embed(inputs)
    keys = {"dataset": dataset_key, "split": split, "encoder": encoder.key}
    first, copies = np.arange(len(inputs)), None
    if texts is not None:
        first, copies = distinct(texts)

    def compute(rows: range) -> Floats:
        some = first[rows.start : rows.stop]
        try:
            values = encoder.embed(Picked(inputs, some))
        except ValueError as error:  # an encoder numbers rows from the start of its batch
            raise ValueError(f"{split} rows {some[0]}-{some[-1]}: {error}") from error
        return finite(values, some, encoder.key)

    title = f"embeddings of {name or dataset_key} {split}"
    entry = CacheEntry(Path(folder), keys, len(inputs), "float16", title, copies)
    return entry.open() if entry.done else entry.fill(compute, batch)


def distinct(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """(m,) the first place of each distinct text, by length, and (n,) of each text its number."""
    first = {text: row for row, text in reversed(list(enumerate(texts)))}
    number = {text: i for i, text in enumerate(sorted(first, key=lambda t: (len(t), first[t])))}
    return np.array([first[text] for text in number]), np.array([number[text] for text in texts])


def zero_shot(
    folder: Path,
    dataset_key: str,
    split: str,
    prior: Prior,
    features: Floats,
    inputs: Sequence[Any],
    task: Task,
    batch: int = 4096,
    name: str = "",
) -> Floats:
    """(n, k) float32 class probabilities of a split's rows by a prior. name: as in `embeddings`."""
    again = (features, inputs, task, batch, name)
    if isinstance(prior, Choosing):
        return zero_shot(folder, dataset_key, split, prior.choose(task.modality), *again)
    if isinstance(prior, Adjusting):
        return prior.adjust(zero_shot(folder, dataset_key, split, prior.inner, *again))
    encoder = prior.encoder(task.modality).key
    if encoder == "given":
        return prior.probabilities(features, inputs, task)
    keys: dict[str, Any] = {"dataset": dataset_key, "split": split}
    keys |= {"encoder": encoder, "prior": prior.key}
    keys |= {"class_names": list(task.class_names), "prompts": list(task.prompts)}

    def compute(rows: range) -> Floats:
        some = Picked(inputs, np.arange(rows.start, rows.stop))
        block = np.asarray(features[rows.start : rows.stop], dtype=np.float32)
        values = prior.probabilities(block, some, task)
        return distributions(f"what {prior.key} gave", values, len(rows), len(task.class_names))

    title = f"zero-shot probabilities of {name or dataset_key} {split}"
    entry = CacheEntry(Path(folder), keys, len(features), "float32", title)
    batch = len(features) if isinstance(prior, Remembering) else batch
    return entry.open() if entry.done else entry.fill(compute, batch)


def finite(values: Floats, rows: Ints, encoder: str) -> Floats:
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
