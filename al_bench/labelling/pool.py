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

from al_bench.arithmetic import unit
from al_bench.datasets.features import FeatureRows
from al_bench.labelling.audit.design import reserve
from al_bench.labelling.rows import Arriving
from al_bench.labelling.schema import Decision
from al_bench.labelling.settings import Settings
from al_bench.labelling.store import Store, insert_many
from al_bench.problem.cache.embeddings import comparing, embeddings, zero_shot
from al_bench.problem.types import Encoder, Prior, Task
from al_bench.rng import rng
from al_bench.state import Floats, Ints, Rows

ARRAYS = "given"  # folder of features and class probabilities that came with the data
CACHE = "cache"  # folder of what foundation models said
SPLIT = "rows"  # what the cache calls the rows of one arrival

Row: TypeAlias = tuple[Any, ...]  # name, text, path and digest, of which a modality has its own
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


def pool_key(store: Store, settings: Settings) -> str:
    """All that decides a pool."""
    keys = [key for _, key, _ in store.arrivals()]
    return json.dumps([keys, given_priors(store.decisions()), settings.science])


def made_pool(folder: Path, store: Store, settings: Settings, prior: Prior) -> Pool:
    """The rows that have arrived; embedded now where they are not yet, with a progress bar."""
    with store.reading():
        key, came = pool_key(store, settings), store.arrivals()
        whole = stored(store.rows(), settings.modality)
        arrivals = arrived(folder, store, settings)
    rows = rows_of(arrivals, prior, settings.task, folder / CACHE)
    if settings.modality != "features":  # else learners read the embeddings
        rows = replace(rows, inputs=whole.inputs)
    return Pool(key, whole.ids(0), rows, *design(store, settings, rows.prior, came))


def arrived(folder: Path, store: Store, settings: Settings) -> list[Arriving]:
    """The rows of a session, as they came together."""
    lines, given = store.rows(), given_priors(store.decisions())
    arrivals, start = [], 0
    for number, key, n in store.arrivals():
        rows = stored(lines[start : (start := start + n)], settings.modality, key)
        if settings.modality == "features":
            features = np.load(array_file(folder, key), mmap_mode="r", allow_pickle=False)
            prior = probabilities(folder, given.get(str(number)), settings.classes)
            rows = replace(rows, features=features, prior=prior)
        arrivals.append(rows)
    return arrivals


def stored(lines: Sequence[Row], modality: str, key: str | None = None) -> Arriving:
    """Rows of the table, but for embeddings; key: of all of an arrival."""
    names, texts, paths, digests = ([line[part] for line in lines] for part in range(4))
    rows = Arriving("the session", modality, names, kept=key)
    if modality == "image":
        return replace(rows, paths=paths, digests=digests)
    return replace(rows, texts=texts) if modality == "text" else rows


def given_priors(decisions: Sequence[Decision]) -> dict[str, GivenPrior]:
    """The class probabilities that came with each arrival last, by its number."""
    values = [d.value for d in decisions if d.kind == "prior"]
    return {str(v["arrival"]): (v["array"], v["classes"]) for v in values}


def probabilities(folder: Path, given: GivenPrior | None, classes: Sequence[str]) -> Floats | None:
    """The class probabilities that came with features; ValueError where they are of other classes
    than there are now."""
    if given is None:
        return None
    array, known = given
    if list(classes) != known:
        raise ValueError(
            f"the class probabilities that came with the data are of {', '.join(known)}; "
            f"give a table of {', '.join(classes)}"
        )
    values: Floats = np.load(array_file(folder, array), mmap_mode="r", allow_pickle=False)
    return values


def rows_of(arrivals: Sequence[Arriving], prior: Prior, task: Task, cache: Path) -> Rows:
    """Unit-length float32 features and zero-shot probabilities of all arrivals, read from the cache
    or made now; the features are their inputs. Recorded answers are compared with another prior on
    all of them."""
    encoder = prior.encoder(task.modality)
    features = [embedded(arrival, encoder, cache) for arrival in arrivals]

    def said(prior: Prior) -> Floats:
        parts = zip(arrivals, features, strict=True)
        each = [zero_shot(cache, name_of(a), SPLIT, prior, f, a.inputs, task) for a, f in parts]
        return np.concatenate(each).astype(np.float32, copy=False)

    vectors = unit(np.concatenate(features))
    rows = Rows(FeatureRows(vectors, None), vectors, said(prior))
    recorded = comparing(prior, task.modality)
    if recorded is None:
        return rows
    correct = recorded.compare(rows.prior, said(recorded.inner))
    return replace(rows, prior=correct(rows.prior))


def embedded(rows: Arriving, encoder: Encoder, cache: Path) -> Floats:
    """(n, d) what an encoder makes of the rows of an arrival."""
    return embeddings(cache, name_of(rows), SPLIT, encoder, rows.inputs)


def name_of(rows: Arriving) -> str:
    """What the cache and its progress bar call an arrival."""
    return f"own data {rows.key}"


def design(
    store: Store, settings: Settings, prior: Floats, came: Sequence[tuple[int, str, int]]
) -> tuple[Ints, Ints]:
    """(n,) strata and places of the audit, fixed now for rows that have none yet; each arrival
    (number, key, row count) has strata of its own."""
    with store.writing() as connection:
        known, start = store.strata(), 0
        for number, _, n in came:
            if start >= len(known):
                guesses = prior[start : start + n].argmax(axis=1)
                draws = rng(settings.seed, "audit", number)
                strata, places = reserve(guesses, settings.reserve, draws)
                strata += max((stratum for stratum, _ in known), default=-1) + 1
                lines = list(zip(strata.tolist(), places.tolist(), strict=True))
                insert_many(connection, "strata", ("stratum", "place"), lines)
                known += lines
            start += n
    table = np.array(known[:start], dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
