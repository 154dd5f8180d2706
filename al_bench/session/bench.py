"""Where a session's tables become a pool, a state and a model; made once, and again on change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import RLock
from time import perf_counter
from typing import TypeAlias

import numpy as np

from al_bench.audit.design import reserve
from al_bench.rng import rng
from al_bench.session.engine import Ledger, Told, fitted, ledger, start, told
from al_bench.session.kept import Kept, keep, kept
from al_bench.session.parts import Components, components
from al_bench.session.pool import Arrival, Pool, feature_rows, inputs_of, rows_of
from al_bench.session.store import Decision, Row, Store, insert_many
from al_bench.session.values import Settings
from al_bench.state import Floats, Ints, Rows, State

Came: TypeAlias = tuple[int, str, int]  # an arrival: number, key of its content, row count
GivenPrior: TypeAlias = tuple[str, list[str]]  # class probabilities: name of the array, classes
GivenPriors: TypeAlias = dict[str, GivenPrior]  # by the number of the arrival
ARRAYS = "given"  # folder of features and class probabilities that came with the data


@dataclass(frozen=True)
class Moment:
    """All that is known of a session at one time. seen: the last suggestion's number; batch: the
    last batch's."""

    settings: Settings
    pool: Pool
    ledger: Ledger
    told: Told
    seen: int
    batch: int

    @cached_property
    def key(self) -> str:
        """sha256 of all that decides a fit."""
        said = self.told.answers
        whole = sha256(json.dumps([self.pool.key, self.told.annotators]).encode())
        for part in (said.rows, said.annotators, said.classes):
            whole.update(part.tobytes())
        return whole.hexdigest()


@dataclass
class Bench:
    """Reads the tables of a session; what is slow to make is kept until something changes.

    extra: a folder of the user's own options.
    """

    folder: Path
    store: Store
    extra: Path | None = None
    lock: RLock = field(default_factory=RLock)
    _parts: tuple[Settings, Components] | None = None
    _pool: Pool | None = None
    _state: tuple[str, State] | None = None

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def settings(self) -> Settings:
        return Settings.of(self.store.settings())

    def parts(self, settings: Settings) -> Components:
        with self.lock:
            if self._parts is None or self._parts[0] != settings:
                self._parts = settings, components(settings, self.extra)
            return self._parts[1]

    def pool(self, settings: Settings) -> Pool:
        """The rows that have arrived; embedded now where they are not yet, with a progress bar."""
        with self.lock:
            arrivals, given = self.store.arrivals(), given_priors(self.store.decisions())
            key = json.dumps([[key for _, key, _ in arrivals], given, settings.science])
            if self._pool is None or self._pool.key != key:
                rows = self.rows(settings, self.store.rows(), arrivals, given)
                self._pool = Pool(key, *rows, *self.design(settings, rows[1].prior, arrivals))
            return self._pool

    def rows(
        self, settings: Settings, known: Sequence[Row], arrivals: Sequence[Came], given: GivenPriors
    ) -> tuple[Sequence[Row], Rows]:
        """What is known of all rows, and what components see of them."""
        found, start = [], 0
        for number, key, n in arrivals:
            here = known[start : (start := start + n)]
            if settings.modality == "features":
                prior = self.probabilities(given.get(str(number)), settings.classes)
                found.append(Arrival(key, feature_rows(self.array(key), prior)))
            else:
                found.append(Arrival(key, inputs_of(here, settings.modality)))
        known = known[:start]
        inputs = None if settings.modality == "features" else inputs_of(known, settings.modality)
        parts = self.parts(settings)
        return known, rows_of(found, inputs, parts.prior, settings.task, self.cache)

    def probabilities(self, given: GivenPrior | None, classes: Sequence[str]) -> Floats | None:
        """The class probabilities that came with features; ValueError where they are of other
        classes than there are now."""
        if given is None:
            return None
        file, known = given
        if list(classes) != known:
            raise ValueError(
                f"the class probabilities that came with the data are of {', '.join(known)}; "
                f"give a table of {', '.join(classes)}"
            )
        found: Floats = np.load(self.array(file), mmap_mode="r", allow_pickle=False)
        return found

    def array(self, name: str) -> Path:
        return self.folder / ARRAYS / f"{name}.npy"

    def design(
        self, settings: Settings, prior: Floats, arrivals: Sequence[Came]
    ) -> tuple[Ints, Ints]:
        """(n,) strata and places of the audit, fixed now for rows that have none yet; each arrival
        has strata of its own."""
        with self.store.writing() as connection:
            known = self.store.strata()
            start = 0
            for number, _, n in arrivals:
                if start >= len(known):
                    guesses = prior[start : start + n].argmax(axis=1)
                    draws = rng(settings.seed, "audit", number)
                    strata, places = reserve(guesses, settings.reserve, draws)
                    strata += max((stratum for stratum, _ in known), default=-1) + 1
                    lines = list(zip(strata.tolist(), places.tolist(), strict=True))
                    insert_many(connection, "strata", ("stratum", "place"), lines)
                    known += lines
                start += n
        table = np.array(known, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def moment(self) -> Moment:
        """What is known now."""
        settings = self.settings()
        pool = self.pool(settings)
        with self.store.reading():
            suggestions = self.store.suggestions()
            counts = ledger(suggestions, self.store.answers(), self.store.decisions())
        said = told(counts.answers, settings.classes, pool.reserved)
        last = suggestions[-1] if suggestions else None
        seen, batch = (last.number, last.batch) if last else (0, 0)
        return Moment(settings, pool, counts, said, seen, batch)

    def state(self, moment: Moment) -> State:
        """The state of the loop at a moment, fitted anew where anything changed that decides it."""
        with self.lock:
            if self._state is None or self._state[0] != moment.key:
                self._state = moment.key, self.fit(moment)
            return self._state[1]

    def fit(self, moment: Moment) -> State:
        """Fit, keep what it predicts and say so in the decisions; the number of a fit, by which its
        draws are named, is that of the earlier one that it repeats."""
        began = perf_counter()
        pool, said = moment.pool, moment.told
        state = start(pool.rows, said.annotators, pool.reserved)
        if not len(said.answers):
            return state
        fits = [d.value for d in self.store.decisions() if d.kind == "fit"]
        numbers = {fit["key"]: fit["number"] for fit in fits}
        number = numbers.get(moment.key, len(numbers) + 1)
        parts = self.parts(moment.settings)
        state = fitted(state, said, parts, moment.settings.seed, number)
        keep(self.folder, Kept.of(moment.key, number, state))
        if moment.key not in numbers:
            facts = {"key": moment.key, "number": number, "labels": len(state.labelled)}
            self.store.decide("fit", facts | {"seconds": round(perf_counter() - began, 3)})
        return state

    def last(self, moment: Moment) -> Kept:
        """What the model of a moment predicts, read where it is kept."""
        with self.lock:
            if self._state is None or self._state[0] != moment.key:
                found = kept(self.folder, moment.key)
                if found is not None:
                    return found
            return Kept.of(moment.key, 0, self.state(moment))


def given_priors(decisions: Sequence[Decision]) -> GivenPriors:
    """The class probabilities that came with each arrival last."""
    values = [d.value for d in decisions if d.kind == "prior"]
    return {str(v["arrival"]): (v["array"], v["classes"]) for v in values}
