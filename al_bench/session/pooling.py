"""From a session's tables to its pool: arrivals embedded, the audit's design fixed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from al_bench.audit.design import reserve
from al_bench.datasets.features import FeatureRows
from al_bench.problem.types import Prior
from al_bench.rng import rng
from al_bench.session.pool import Arrival, Pool, rows_of, stored_inputs
from al_bench.session.schema import Decision
from al_bench.session.store import Store, insert_many
from al_bench.session.values import Settings
from al_bench.state import Floats, Ints

ARRAYS = "given"  # folder of features and class probabilities that came with the data
CACHE = "cache"  # folder of what foundation models said

Came: TypeAlias = tuple[int, str, int]  # an arrival: number, key of its content, row count
GivenPrior: TypeAlias = tuple[str, list[str]]  # class probabilities: name of the array, classes
GivenPriors: TypeAlias = dict[str, GivenPrior]  # by the number of the arrival


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
        key, known, came = pool_key(store, settings), store.rows(), store.arrivals()
        arrivals = found(folder, store, settings)
    inputs = None
    if settings.modality != "features":
        inputs = stored_inputs(known, settings.modality)
    rows = rows_of(arrivals, inputs, prior, settings.task, folder / CACHE)
    return Pool(key, known, rows, *design(store, settings, rows.prior, came))


def found(folder: Path, store: Store, settings: Settings) -> list[Arrival]:
    """The arrivals as a foundation model reads them."""
    known, given = store.rows(), given_priors(store.decisions())
    arrivals, start = [], 0
    for number, key, n in store.arrivals():
        here = known[start : (start := start + n)]
        if settings.modality == "features":
            prior = probabilities(folder, given.get(str(number)), settings.classes)
            features = np.load(array_file(folder, key), mmap_mode="r", allow_pickle=False)
            arrivals.append(Arrival(key, FeatureRows(features, prior)))
        else:
            arrivals.append(Arrival(key, stored_inputs(here, settings.modality)))
    return arrivals


def given_priors(decisions: Sequence[Decision]) -> GivenPriors:
    """The class probabilities that came with each arrival last."""
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


def design(
    store: Store, settings: Settings, prior: Floats, came: Sequence[Came]
) -> tuple[Ints, Ints]:
    """(n,) strata and places of the audit, fixed now for rows that have none yet; each arrival has
    strata of its own."""
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
