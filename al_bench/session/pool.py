"""The rows of a session as strategies and learners see them: embedded once, kept by content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.arithmetic import unit
from al_bench.datasets.features import FeatureRows
from al_bench.datasets.images import EncodedImages
from al_bench.problem.cache.embeddings import comparing, embeddings, zero_shot
from al_bench.problem.types import Encoder, Prior, Task
from al_bench.session.arriving import Arriving
from al_bench.session.images import ImageFiles
from al_bench.session.schema import Row
from al_bench.state import Floats, Ints, Rows

SPLIT = "rows"  # what the cache calls the rows of one arrival


@dataclass(frozen=True)
class Pool:
    """All rows that have arrived, in order.

    key: what decides it; known: (n,) names and what to look at; rows: as components see them;
    strata, places: (n,) the design of the audit.
    """

    key: str
    known: Sequence[Row]
    rows: Rows
    strata: Ints
    places: Ints

    def __len__(self) -> int:
        return len(self.known)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The row of each name."""
        return {row.name: number for number, row in enumerate(self.known)}

    @cached_property
    def digest(self) -> str:
        """A short name of what decides it."""
        return sha256(self.key.encode()).hexdigest()

    @cached_property
    def reserved(self) -> Ints:
        """Rows that are kept for the audit, ascending."""
        return np.flatnonzero(self.places >= 0)


@dataclass(frozen=True)
class Arrival:
    """Rows that came together, as a foundation model reads them."""

    key: str
    inputs: Sequence[Any]

    @property
    def name(self) -> str:
        """What the cache and its progress bar call it."""
        return f"own data {self.key}"


def rows_of(
    arrivals: Sequence[Arrival], inputs: Sequence[Any] | None, prior: Prior, task: Task, cache: Path
) -> Rows:
    """Unit-length float32 features and zero-shot probabilities of all arrivals, read from the cache
    or made now. Recorded answers are compared with another prior on all of them.

    inputs: (n,) of all arrivals, for learners that read them; None: they are the features.
    """
    encoder = prior.encoder(task.modality)
    features = [embedded(arrival, encoder, cache) for arrival in arrivals]

    def said(prior: Prior) -> Floats:
        parts = zip(arrivals, features, strict=True)
        each = [zero_shot(cache, a.name, SPLIT, prior, f, a.inputs, task) for a, f in parts]
        return np.concatenate(each).astype(np.float32, copy=False)

    vectors = unit(np.concatenate(features))
    rows = Rows(FeatureRows(vectors, None) if inputs is None else inputs, vectors, said(prior))
    recorded = comparing(prior, task.modality)
    if recorded is None:
        return rows
    correct = recorded.compare(rows.prior, said(recorded.inner))
    return replace(rows, prior=correct(rows.prior))


def embedded(arrival: Arrival, encoder: Encoder, cache: Path) -> Floats:
    """(n, d) what an encoder makes of the rows of an arrival."""
    return embeddings(cache, arrival.name, SPLIT, encoder, arrival.inputs)


def inputs_of(rows: Arriving) -> Sequence[Any]:
    """What a foundation model reads of rows that just came."""
    if rows.texts is not None:
        return rows.texts
    if rows.features is not None:
        return FeatureRows(rows.features, rows.prior)
    if rows.paths is not None and rows.digests is not None:
        return ImageFiles(rows.paths, rows.digests)
    encoded = rows.encoded or ()
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return EncodedImages(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets, rows.where)


def stored_inputs(rows: Sequence[Row], modality: str) -> Sequence[Any]:
    """The same of texts or images that are in the session."""
    if modality == "text":
        return [row.text for row in rows]
    return ImageFiles([str(row.path) for row in rows], [str(row.digest) for row in rows])
