"""From a session's tables to the rows that strategies and learners see: embedded once, kept by
content, with the design of the audit fixed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from al_bench.core.arrays import unit
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints, Rows
from al_bench.data.cache.embeddings import embeddings, zero_shot
from al_bench.data.datasets.features import FeatureRows
from al_bench.data.types import Prior, Task
from al_bench.labelling.audit.design import reserve
from al_bench.labelling.rows import RowBatch
from al_bench.labelling.settings import Settings
from al_bench.labelling.store import Store

ARRAYS = "given"  # folder of features and class probabilities that came with the data
CACHE = "cache"  # folder of what foundation models said
SPLIT = "rows"  # what the cache calls the rows of one arrival

GivenPrior: TypeAlias = tuple[str, list[str]]  # class probabilities: name of the array, classes


@dataclass(frozen=True)
class Pool:
    """All rows that have arrived, in order.

    key: what decides it; names: (n,) the rows' ids; rows: as components see them; strata, places:
    (n,) the design of the audit.
    """

    key: str
    names: Sequence[str]
    rows: Rows
    strata: Ints
    places: Ints

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def digest(self) -> str:
        """A short name of what decides it."""
        return sha256(self.key.encode()).hexdigest()

    @cached_property
    def reserved(self) -> Ints:
        """Rows that are kept for the audit, ascending."""
        return np.flatnonzero(self.places >= 0)


def array_file(folder: Path, name: str) -> Path:
    """Where an array lies that came with the data."""
    return folder / ARRAYS / f"{name}.npy"


def array(folder: Path, name: str) -> Floats:
    """An array that came with the data, read where it is looked at."""
    values: Floats = np.load(array_file(folder, name), mmap_mode="r", allow_pickle=False)
    return values


def pool_key(store: Store, settings: Settings) -> str:
    """All that decides a pool."""
    keys = [key for _, key, _ in store.arrivals()]
    return json.dumps([keys, given_priors(store), settings.fit_settings])


def embedded_pool(folder: Path, store: Store, settings: Settings, prior: Prior) -> Pool:
    """The rows that have arrived; embedded now where they are not yet, with a progress bar."""
    with store.reading():
        key, whole = pool_key(store, settings), stored_rows(store.rows(), settings.modality)
        batches, arrivals = stored_batches(folder, store, settings), store.arrivals()
    rows = pool_rows(batches, prior, settings.task, folder / CACHE)
    if settings.modality != "features":  # else learners read the embeddings
        rows = replace(rows, inputs=whole.inputs)
    return Pool(key, whole.ids(), rows, *design(store, settings, rows.prior, arrivals))


def stored_batches(folder: Path, store: Store, settings: Settings) -> list[RowBatch]:
    """The rows of a session, as they came together; ValueError where class probabilities came with
    them of other classes than there are now."""
    lines, given, start = store.rows(), given_priors(store), 0
    batches = []
    for number, key, n in store.arrivals():
        rows = stored_rows(lines[start : (start := start + n)], settings.modality, key)
        if settings.modality == "features":
            rows = replace(rows, features=array(folder, key))
            name, known = given.get(str(number), (None, list(settings.classes)))
            if known != list(settings.classes):
                raise ValueError(
                    f"the class probabilities that came with the data are of {', '.join(known)}; "
                    f"give a table of {', '.join(settings.classes)}"
                )
            if name is not None:
                rows = replace(rows, prior=array(folder, name))
        batches.append(rows)
    return batches


def stored_rows(lines: Sequence[Sequence[Any]], modality: str, key: str | None = None) -> RowBatch:
    """Rows of the table, but for embeddings; key: of all of an arrival."""
    names, texts, paths, digests = ([line[part] for line in lines] for part in range(4))
    rows = RowBatch("the session", modality, names, stored=key)
    if modality == "image":
        return replace(rows, images=[Path(path) for path in paths], digests=digests)
    return replace(rows, texts=texts) if modality == "text" else rows


def given_priors(store: Store) -> dict[str, GivenPrior]:
    """The class probabilities that came with each arrival last, by its number."""
    return {str(v["arrival"]): (v["array"], v["classes"]) for v in store.decided("prior")}


def pool_rows(batches: Sequence[RowBatch], prior: Prior, task: Task, cache: Path) -> Rows:
    """Unit-length float32 features and zero-shot probabilities of all arrivals, read from the cache
    or made now; the features are their inputs."""
    encoder = prior.encoder(task.modality)
    features = [embeddings(cache, cache_key(b), SPLIT, encoder, b.inputs) for b in batches]
    parts = zip(batches, features, strict=True)
    each = [zero_shot(cache, cache_key(b), SPLIT, prior, f, b.inputs, task) for b, f in parts]
    vectors = unit(np.concatenate(features))
    guesses = np.concatenate(each).astype(np.float32, copy=False)
    return Rows(FeatureRows(vectors, None), vectors, guesses)


def cache_key(rows: RowBatch) -> str:
    """What the cache and its progress bar call an arrival."""
    return f"own data {rows.key}"


def design(
    store: Store, settings: Settings, prior: Floats, arrivals: Sequence[tuple[int, str, int]]
) -> tuple[Ints, Ints]:
    """(n,) strata and places of the audit, fixed now for rows that have none yet; each arrival
    (number, key, row count) has strata of its own."""
    with store.writing():
        known, start = store.strata(), 0
        for number, _, n in arrivals:
            if start >= len(known):
                guesses = prior[start : start + n].argmax(axis=1)
                draws = rng(settings.seed, "audit", number)
                strata, places = reserve(guesses, settings.reserve, draws)
                strata += max((stratum for stratum, _ in known), default=-1) + 1
                lines = list(zip(strata.tolist(), places.tolist(), strict=True))
                store.append_all("strata", ("stratum", "place"), lines)
                known += lines
            start += n
    table = np.array(known[:start], dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
