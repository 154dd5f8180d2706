"""Where a session's tables become a pool, a state and a model; made once, and again on change."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import RLock
from time import perf_counter

import numpy as np

from al_bench.session.engine import Ledger, Told, consensus, fitted, ledger, start, told
from al_bench.session.kept import Fit, Kept, keep, kept
from al_bench.session.parts import Components, components
from al_bench.session.pool import Pool
from al_bench.session.pooling import given_priors, made_pool, pool_key
from al_bench.session.store import Store, insert
from al_bench.session.threads import one_thread
from al_bench.session.values import Settings
from al_bench.state import Floats


@dataclass(frozen=True)
class Moment:
    """All that is known of a session at one time. seen: the last suggestion's number."""

    settings: Settings
    pool: Pool
    ledger: Ledger
    told: Told
    seen: int

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
    _pool: Pool | None = None
    _fit: Fit | None = None

    def settings(self) -> Settings:
        return Settings.of(self.store.settings())

    def parts(self, settings: Settings) -> Components:
        return components(settings, self.extra)

    def pool(self, settings: Settings) -> Pool:
        """The rows that have arrived; embedded now where they are not yet, with a progress bar."""
        with self.lock:
            if self._pool is None or self._pool.key != pool_key(self.store, settings):
                prior = self.parts(settings).prior
                self._pool = made_pool(self.folder, self.store, settings, prior)
            return self._pool

    def moment(self) -> Moment:
        """What is known now."""
        while True:
            settings = self.settings()
            pool = self.pool(settings)
            with self.store.reading():
                suggestions = self.store.suggestions()
                counts = ledger(suggestions, self.store.answers(), self.store.decisions())
                if self.settings() == settings and self.store.count("rows") == len(pool):
                    break  # else rows or classes came in between
        said = told(counts.answers, settings.classes, pool.reserved)
        seen = suggestions[-1].number if suggestions else 0
        return Moment(settings, pool, counts, said, seen)

    def fit(self, moment: Moment) -> Fit:
        """The fit of a moment, made anew where anything changed that decides it."""
        with self.lock:
            if self._fit is None or self._fit.key != moment.key:
                self._fit = self.fitted(moment)
            return self._fit

    def fitted(self, moment: Moment) -> Fit:
        """Fit, keep what it predicts and say so in the decisions; the number of a fit, by which its
        draws are named, is that of the earlier one that it repeats."""
        began = perf_counter()
        pool, said = moment.pool, moment.told
        state = start(pool.rows, said.annotators, pool.reserved)
        if not len(said.answers):
            return Fit(moment.key, 0, state)
        fits = [d.value for d in self.store.decisions() if d.kind == "fit"]
        numbers = {fit["key"]: fit["number"] for fit in fits}
        number = numbers.get(moment.key, len(numbers) + 1)
        with one_thread():
            parts = self.parts(moment.settings)
            fit = Fit(moment.key, number, fitted(state, said, parts, moment.settings.seed, number))
            made = fit.kept
            keep(self.folder, made)
        if moment.key not in numbers:
            self.record(moment, fit, made.probs, perf_counter() - began)
        return fit

    def record(self, moment: Moment, fit: Fit, probs: Floats, seconds: float) -> None:
        """Append that a fit was made, and what it says of the rows kept for the audit."""
        labels = len(consensus(moment.ledger.answers))
        guesses = probs[moment.pool.reserved].argmax(axis=1).astype(np.int32)
        last = moment.ledger.answers[-1].number
        with self.store.writing() as connection:
            facts = {"key": fit.key, "number": fit.number, "labels": labels}
            self.store.decide("fit", facts | {"seconds": round(seconds, 3)})
            columns = {"key": fit.key, "pool": moment.pool.digest, "labels": labels}
            insert(connection, "guesses", **columns, answers=last, classes=guesses.tobytes())

    @property
    def given_priors(self) -> bool:
        """Whether embeddings came with class probabilities."""
        return bool(given_priors(self.store.decisions()))

    def last(self, moment: Moment) -> Kept:
        """What the model of a moment predicts, read where it is kept."""
        with self.lock:
            if self._fit is None or self._fit.key != moment.key:
                found = kept(self.folder, moment.key)
                if found is not None:
                    return found
            return self.fit(moment).kept
