"""The pool of a session: its rows as strategies and learners see them, embedded once and cached by
content, and the fixed design of the audit."""

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
BLOCK = 256  # rows embedded at a time: the time left is known, and saved, after so many
OWNER = "the session's"  # before "rows", in progress bars
SPLIT = "rows"  # the cache's name for the rows of one arrival

GivenPrior: TypeAlias = tuple[str, list[str]]  # class probabilities: name of the array, classes


@dataclass(frozen=True)
class Pool:
    """All rows that have arrived, in order.

    key: everything that decides it; names: (n,) row ids; rows: as components see them; strata,
    places: (n,) the design of the audit.
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
        """sha256 of the key."""
        return sha256(self.key.encode()).hexdigest()

    @cached_property
    def reserved(self) -> Ints:
        """Rows that are kept for the audit, ascending."""
        return np.flatnonzero(self.places >= 0)


def array_file(folder: Path, name: str) -> Path:
    """The file of an array that came with the data."""
    return folder / ARRAYS / f"{name}.npy"


def array(folder: Path, name: str) -> Floats:
    """An array that came with the data, memory-mapped."""
    values: Floats = np.load(array_file(folder, name), mmap_mode="r", allow_pickle=False)
    return values


def pool_key(store: Store, settings: Settings) -> str:
    """Everything that decides a pool, as text."""
    keys = [key for _, key, _ in store.arrivals()]
    return json.dumps([keys, given_priors(store), settings.fit_settings])


def embedded_pool(
    folder: Path, store: Store, settings: Settings, prior: Prior, cache: Path
) -> Pool:
    """The session's pool; rows are embedded now where they are not yet, with a progress bar.

    cache: of embeddings and zero-shot probabilities by content, shared by all sessions.
    """
    with store.reading():
        key, whole = pool_key(store, settings), stored_rows(store.rows(), settings.modality)
        batches, arrivals = stored_batches(folder, store, settings), store.arrivals()
    rows = pool_rows(batches, prior, settings.task, cache)
    if settings.modality != "features":  # else learners read the embeddings
        rows = replace(rows, inputs=whole.inputs)
    return Pool(key, whole.ids(), rows, *design(store, settings, rows.prior, arrivals))


def stored_batches(folder: Path, store: Store, settings: Settings) -> list[RowBatch]:
    """The rows of a session, one batch per arrival; ValueError where their class probabilities are
    of other classes than the session has now."""
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
    """Rows of the table, without embeddings; key: of a whole arrival."""
    names, texts, paths, digests = ([line[part] for line in lines] for part in range(4))
    rows = RowBatch("the session", modality, names, stored=key)
    if modality == "image":
        return replace(rows, images=[Path(path) for path in paths], digests=digests)
    return replace(rows, texts=texts) if modality == "text" else rows


def given_priors(store: Store) -> dict[str, GivenPrior]:
    """The class probabilities that came last with each arrival, by its number."""
    return {str(v["arrival"]): (v["array"], v["classes"]) for v in store.decided("prior")}


def pool_rows(batches: Sequence[RowBatch], prior: Prior, task: Task, cache: Path) -> Rows:
    """Unit-length float32 features and zero-shot probabilities of all arrivals, read from the cache
    or made now; the features stand for the inputs."""
    encoder = prior.encoder(task.modality)
    features = [
        embeddings(cache, cache_key(b), SPLIT, encoder, b.inputs, BLOCK, OWNER) for b in batches
    ]
    parts = zip(batches, features, strict=True)
    each = [
        zero_shot(cache, cache_key(b), SPLIT, prior, f, b.inputs, task, name=OWNER)
        for b, f in parts
    ]
    vectors = unit(np.concatenate(features))
    guesses = np.concatenate(each).astype(np.float32, copy=False)
    return Rows(FeatureRows(vectors, None), vectors, guesses)


def cache_key(rows: RowBatch) -> str:
    """The name of an arrival in the cache and its progress bar."""
    return f"own data {rows.key}"


def design(
    store: Store, settings: Settings, prior: Floats, arrivals: Sequence[tuple[int, str, int]]
) -> tuple[Ints, Ints]:
    """(n,) strata and places of the audit, drawn now for rows that have none yet; each arrival
    (number, key, row count) has its own strata."""
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
