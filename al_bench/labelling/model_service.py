"""Where a session's tables become a pool, a state and a model; made once, and again on change."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import RLock

import numpy as np

from al_bench.content import replaced
from al_bench.labelling.components import Components, components
from al_bench.labelling.ledger import Ledger, Told, consensus, fitted, ledger, start, told
from al_bench.labelling.pool import Pool, given_priors, made_pool, pool_key
from al_bench.labelling.portable import Portable, arrays_of, model_of, portable
from al_bench.labelling.settings import Settings
from al_bench.labelling.store import Store, insert
from al_bench.state import Floats, State
from al_bench.supervision.delivered import Delivered
from al_bench.threads import one_thread

FILE = "fit.npz"  # the last fit, beside the database: who only reads a session fits nothing


@dataclass(frozen=True)
class Moment:
    """All that is known of a session at one time.

    parts: what chooses and learns; seen: the last suggestion's number.
    """

    settings: Settings
    parts: Components
    pool: Pool
    ledger: Ledger
    told: Told
    seen: int

    @cached_property
    def key(self) -> str:
        """sha256 of all that decides a fit: rows, components as they are by now, and answers."""
        said = self.told.answers
        decided = [self.pool.key, self.parts.identity, self.told.annotators]
        whole = sha256(json.dumps(decided, sort_keys=True).encode())
        for part in (said.rows, said.annotators, said.classes):
            whole.update(part.tobytes())
        return whole.hexdigest()


@dataclass(frozen=True)
class Fit:
    """What a fit came to. key: of all that decided it; number: of the fit, 0 before any answer;
    probs: (n, k) of the pool, as a user gets them, and so is model, None where it has no arrays;
    state: with the model as it learned, None where the fit was read from its file."""

    key: str
    number: int
    probs: Floats
    model: Portable | None
    state: State | None = None

    @classmethod
    def of(cls, key: str, number: int, state: State) -> Fit:
        given = Delivered(state)
        return cls(key, number, given.pool, portable(given), state)

    def keep(self, folder: Path) -> None:
        """Write it as a whole: a reader sees the last one that is."""
        arrays = {"key": np.array(self.key), "number": np.array(self.number), "probs": self.probs}
        if self.model is not None:
            arrays |= arrays_of(self.model)
        try:
            with replaced(folder / FILE) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
        except OSError as error:
            raise OSError(error.errno, f"{folder} cannot be written: {error.strerror}") from error

    @classmethod
    def kept(cls, folder: Path, key: str) -> Fit | None:
        """The fit of this key; None where it was never made, is an older one, or is damaged."""
        try:
            with np.load(folder / FILE, allow_pickle=False) as file:
                if str(file["key"]) != key:
                    return None
                arrays = {name: file[name] for name in file.files}
                model = model_of(arrays) if "weight" in arrays else None
                return cls(key, int(arrays["number"]), arrays["probs"], model)
        except Exception:  # whatever numpy makes of such a file, the fit is made anew
            return None


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
            parts, pool = self.parts(settings), self.pool(settings)
            with self.store.reading():
                suggestions = self.store.suggestions()
                counts = ledger(suggestions, self.store.answers(), self.store.decisions())
                if self.settings() == settings and self.store.count("rows") == len(pool):
                    break  # else rows or classes came in between
        said = told(counts.answers, settings.classes, pool.reserved)
        seen = suggestions[-1].number if suggestions else 0
        return Moment(settings, parts, pool, counts, said, seen)

    def state(self, moment: Moment) -> State:
        """The state of a moment, with its model; fitted anew where only its file is there."""
        with self.lock:
            if self._fit is None or self._fit.key != moment.key or self._fit.state is None:
                self._fit = self.fitted(moment)
            assert self._fit.state is not None  # as it was fitted
            return self._fit.state

    def last(self, moment: Moment) -> Fit:
        """The fit of a moment: in memory, read from its file, or made now."""
        with self.lock:
            if self._fit is None or self._fit.key != moment.key:
                self._fit = Fit.kept(self.folder, moment.key) or self.fitted(moment)
            return self._fit

    def fitted(self, moment: Moment) -> Fit:
        """Fit, keep what it predicts, and say what it guesses of the rows kept for the audit."""
        pool, said = moment.pool, moment.told
        state = start(pool.rows, said.annotators, pool.reserved)
        if not len(said.answers):
            return Fit.of(moment.key, 0, state)
        number = self.number(moment.key)
        with one_thread():
            state = fitted(state, said, moment.parts, moment.settings.seed, number)
            fit = Fit.of(moment.key, number, state)
        fit.keep(self.folder)
        self.record(moment, fit)
        return fit

    def number(self, key: str) -> int:
        """The number of a fit, by which its draws are named: that of the earlier one that it
        repeats, or the next one, which is its own from now on."""
        with self.store.writing():
            fits = [d.value for d in self.store.decisions() if d.kind == "fit"]
            numbers = {fit["key"]: int(fit["number"]) for fit in fits}
            if key not in numbers:
                numbers[key] = max(numbers.values(), default=0) + 1
                self.store.decide("fit", {"key": key, "number": numbers[key]})
            return numbers[key]

    def record(self, moment: Moment, fit: Fit) -> None:
        """Append what a fit says of the rows kept for the audit, once."""
        labels = len(consensus(moment.ledger.answers))
        guesses = fit.probs[moment.pool.reserved].argmax(axis=1).astype(np.int32)
        last = moment.ledger.answers[-1].number
        with self.store.writing() as connection:
            if fit.key not in {one.key for one in self.store.guesses()}:
                columns = {"key": fit.key, "pool": moment.pool.digest, "labels": labels}
                insert(connection, "guesses", **columns, answers=last, classes=guesses.tobytes())

    @property
    def given_priors(self) -> bool:
        """Whether embeddings came with class probabilities."""
        return bool(given_priors(self.store.decisions()))
