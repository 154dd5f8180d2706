"""A session's model: fitted on the answers, cached in a file, refitted after changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import RLock

import numpy as np

from al_bench.core.hashing import replaced
from al_bench.core.loop import answered, trained
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.state import AnnotatorPool, Answers, Floats, Ints, Rows, State
from al_bench.core.threads import one_thread
from al_bench.labelling.exported_model import RowReader
from al_bench.labelling.ledger import History, Ledger, consensus
from al_bench.labelling.pool import Pool, embedded_pool, given_priors, pool_key
from al_bench.labelling.portable_model import PortableModel
from al_bench.labelling.rows import RowBatch
from al_bench.labelling.settings import Components, Settings, components
from al_bench.labelling.store import Answer, Store, unwritable

FIT_CACHE = "fit.npz"  # the last fit, so that a process that only reads a session fits nothing


@dataclass(frozen=True)
class LabelArrays:
    """The answers that may train a model, as arrays; unsure: rows with only "not sure" answers."""

    answers: Answers
    annotators: tuple[str, ...]
    unsure: Ints

    @classmethod
    def of(
        cls, answers: Sequence[Answer], classes: Sequence[str], hidden: Ints | tuple[()] = ()
    ) -> LabelArrays:
        apart = set(map(int, hidden))
        shown = [answer for answer in answers if answer.row not in apart]
        sure = [answer for answer in shown if answer.answer is not None]
        names = tuple(dict.fromkeys(answer.annotator for answer in sure))
        unsure = {answer.row for answer in shown} - {answer.row for answer in sure}
        columns = (
            [answer.row for answer in sure],
            [names.index(answer.annotator) for answer in sure],
            [classes.index(str(answer.answer)) for answer in sure],
        )
        arrays = (np.array(column, dtype=np.int64) for column in columns)
        return cls(Answers(*arrays), names, np.array(sorted(unsure), dtype=np.int64))

    def start(self, rows: Rows) -> State:
        """The state before any answer; every annotator can answer about every row."""
        annotator_pool = None
        if (count := len(self.annotators)) > 1:
            everybody = np.ones((len(rows), count), dtype=bool)
            nobody = np.zeros(count, dtype=bool)
            annotator_pool = AnnotatorPool(
                self.annotators, everybody, np.ones(count), nobody, identified=True
            )
        return State.start(rows, annotator_pool)


def fitted_state(
    state: State, answers: Answers, parts: Components, seed: int, number: int
) -> State:
    """The state after all answers (at least one), with a model; fits are numbered from 1."""
    state = answered(state, answers, parts.label_model, seed, number)
    return trained(state, parts.supervision, parts.learner, seed, number)


@dataclass(frozen=True)
class Snapshot:
    """A session at one time; labels: the answers that may train a model."""

    settings: Settings
    parts: Components
    pool: Pool
    ledger: Ledger
    labels: LabelArrays

    @cached_property
    def key(self) -> str:
        """sha256 of everything that decides a fit: rows, components and answers."""
        answers = self.labels.answers
        decided = [self.pool.key, self.parts.identity, self.labels.annotators]
        whole = sha256(json.dumps(decided, sort_keys=True).encode())
        for part in (answers.rows, answers.annotators, answers.classes):
            whole.update(part.tobytes())
        return whole.hexdigest()


@dataclass(frozen=True)
class SessionFit:
    """A fit. key: hash of what decided it; number: 0 before any answer; probs: (n, k) of the pool;
    model: None where it cannot be exported; state: None where the fit was read from its file."""

    key: str
    number: int
    probs: Floats
    model: PortableModel | None
    state: State | None = None

    @classmethod
    def of(cls, key: str, number: int, state: State) -> SessionFit:
        delivered = CalibratedPredictor(state)
        return cls(key, number, delivered.pool, PortableModel.of(delivered), state)

    def save(self, folder: Path) -> None:
        """Write the file at once, so that no reader sees a part of it."""
        arrays = {"key": np.array(self.key), "number": np.array(self.number), "probs": self.probs}
        if self.model is not None:
            arrays |= self.model.arrays()
        with unwritable(folder), replaced(folder / FIT_CACHE) as part, part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path, key: str) -> SessionFit | None:
        """The fit of this key; None where the file is missing, of another key, or damaged."""
        try:
            with np.load(folder / FIT_CACHE, allow_pickle=False) as file:
                if str(file["key"]) != key:
                    return None
                arrays = {name: file[name] for name in file.files}
                model = PortableModel.of_arrays(arrays) if "weight" in arrays else None
                return cls(key, int(arrays["number"]), arrays["probs"], model)
        except Exception:  # numpy raises many types on a damaged file
            return None


@dataclass
class ModelService:
    """Reads a session's tables, and keeps the pool and the fit until something changes."""

    folder: Path
    store: Store
    extra: Path | None = None
    lock: RLock = field(default_factory=RLock)
    _pool: Pool | None = None
    _fit: SessionFit | None = None

    @cached_property
    def history(self) -> History:
        return History(self.store)

    def settings(self) -> Settings:
        return Settings.of(self.store.settings())

    def pool(self, settings: Settings) -> Pool:
        """The session's rows; embedded now where they are not yet, with a progress bar."""
        with self.lock:
            if self._pool is None or self._pool.key != pool_key(self.store, settings):
                parts = components(settings, self.extra)
                self._pool = embedded_pool(
                    self.folder, self.store, settings, parts.prior, parts.cache
                )
            return self._pool

    def snapshot(self) -> Snapshot:
        while True:
            settings = self.settings()
            parts, pool = components(settings, self.extra), self.pool(settings)
            with self.store.reading():
                known = self.history.read()
                if self.settings() == settings and self.store.count("rows") == len(pool):
                    break  # else rows or classes were added meanwhile
        labels = LabelArrays.of(known.answers, settings.classes, pool.reserved)
        return Snapshot(settings, parts, pool, known, labels)

    def state(self, now: Snapshot) -> State:
        """The state of a snapshot, with its model; refitted where only the fit's file exists."""
        with self.lock:
            state = self.fit(now).state
            if state is None:
                self._fit = self.fit_anew(now)
                state = self._fit.state
            assert state is not None  # as it was fitted
            return state

    def fit(self, now: Snapshot) -> SessionFit:
        """The fit of a snapshot: in memory, read from its file, or made now."""
        with self.lock:
            if self._fit is None or self._fit.key != now.key:
                self._fit = SessionFit.load(self.folder, now.key) or self.fit_anew(now)
            return self._fit

    def fit_anew(self, now: Snapshot) -> SessionFit:
        """Fit, save the fit, and record its predictions of the rows kept for the audit."""
        answers, pool = now.labels.answers, now.pool
        state = now.labels.start(pool.rows).hide(pool.reserved)
        if not len(answers):
            return SessionFit.of(now.key, 0, state)
        number = self.fit_number(now.key)
        with one_thread():
            state = fitted_state(state, answers, now.parts, now.settings.seed, number)
            fit = SessionFit.of(now.key, number, state)
        fit.save(self.folder)
        guesses = fit.probs[pool.reserved].argmax(axis=1).astype(np.int32)
        with self.store.writing():
            if fit.key not in {key for key, *_ in self.store.guesses(pool.digest)}:
                self.store.append(
                    "guesses",
                    key=fit.key,
                    pool=pool.digest,
                    labels=len(consensus(now.ledger.answers)),
                    answers=now.ledger.answers[-1].number,
                    classes=guesses.tobytes(),
                )
        return fit

    def fit_number(self, key: str) -> int:
        """The number of a fit, which names its random draws: by its key, or the next one."""
        with self.store.writing():
            numbers = {fit["key"]: int(fit["number"]) for fit in self.store.decided("fit")}
            if key not in numbers:
                numbers[key] = max(numbers.values(), default=0) + 1
                self.store.decide("fit", {"key": key, "number": numbers[key]})
            return numbers[key]

    @property
    def given_priors(self) -> bool:
        return bool(given_priors(self.store))

    def reader(self, now: Snapshot) -> RowReader:
        return RowReader(now.parts.prior, now.settings.task, self.given_priors)

    def predict(self, now: Snapshot, rows: RowBatch) -> Floats:
        """(m, k) the model's probabilities of rows outside the session; ValueError where they are
        of another kind or width, or lack class probabilities that the model reads."""
        rows.check_kind(now.settings.modality, "the session")
        own, reader = self.fit(now).model, self.reader(now)
        width, reads_prior = now.pool.rows.features.shape[1], own is None or own.reads_prior
        seen = reader.read(rows, width, reads_prior, now.parts.cache)
        return (own or CalibratedPredictor(self.state(now))).predict_proba(seen)
