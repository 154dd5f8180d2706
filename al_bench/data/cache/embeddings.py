"""The outputs of foundation models, cached on disk for full splits, before imbalance, noise and
seed: one entry serves every run, which then loads no model and imports no framework."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from al_bench.core.arrays import distributions
from al_bench.core.state import Floats, Picked
from al_bench.data.cache.entry import CacheEntry
from al_bench.data.types import Encoder, Prior, Task


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
) -> Floats:
    """(n, d) embeddings of a split's inputs, float16, read-only and memory-mapped; features given
    by the data set are returned unchanged. name: of the data set, for messages."""
    if encoder.key == "given":
        return encoder.embed(inputs)
    keys = {"dataset": dataset_key, "split": split, "encoder": encoder.key}

    def compute(rows: range) -> Floats:
        try:
            values = encoder.embed(Picked(inputs, np.arange(rows.start, rows.stop)))
        except ValueError as error:  # an encoder numbers rows from the start of its batch
            raise ValueError(f"{split} rows {rows.start}-{rows.stop - 1}: {error}") from error
        return finite(values, rows, encoder.key)

    title = f"embeddings of {name or dataset_key} {split}"
    entry = CacheEntry(Path(folder), keys, len(inputs), "float16", title)
    return entry.open() if entry.done else entry.fill(compute, batch)


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
