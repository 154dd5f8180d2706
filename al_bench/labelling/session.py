"""A session: one folder with a user's rows, the suggestions and answers, and a model of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from al_bench.labelling.annotations import AnswerTable, append, check_annotator, read_answers
from al_bench.labelling.audit.certify import Certificate
from al_bench.labelling.certificate import certify
from al_bench.labelling.diagnostics import calibration_of
from al_bench.labelling.evaluation import SessionEstimate, evaluate_session
from al_bench.labelling.export import export_bundle
from al_bench.labelling.exported_model import predictions
from al_bench.labelling.ledger import Ledger, Status, session_status
from al_bench.labelling.model_service import ModelService
from al_bench.labelling.pool import add_classes, ingest
from al_bench.labelling.rows import RowBatch, read_rows
from al_bench.labelling.settings import (
    DEFAULTS,
    Columns,
    Settings,
    components,
    default_prior,
    parse_overrides,
    rare_defaults,
    rare_words,
)
from al_bench.labelling.store import FILE, Answer, Store, Suggestion, unwritable
from al_bench.labelling.suggestions import append_batch, next_batch

if TYPE_CHECKING:
    import pandas as pd

PROMPTS = {"text": "This text is about {}.", "image": "a photo of a {}", "features": "{}"}


class Session:
    """A user's rows in a folder, to be labelled; `new` makes a session, `open` opens one. Any
    number of processes may work on one folder. Everything is written at once, so there is nothing
    to save; `close` frees the file, as the end of a ``with`` does."""

    def __init__(self, service: ModelService) -> None:
        self.service, self.store = service, service.store

    @classmethod
    def new(
        cls,
        folder: str | Path,
        data: Any,
        classes: Sequence[str] | None = None,
        *,
        text: str | None = None,
        image: str | None = None,
        label: str | None = None,
        id: str | None = None,
        split: str = "train",
        show: Sequence[str] = (),
        encoding: str | None = None,
        prior_table: str | Path | None = None,
        prompts: Sequence[str] | None = None,
        overrides: Sequence[str] = (),
        seed: int = 0,
        audit: float = 0.2,
        reserve: float = 0.1,
        blind: bool = True,
        overlap: float = 0.05,
        rare: str | None = None,
        rare_description: str | None = None,
        config_dir: str | Path | None = None,
        **choices: str | None,
    ) -> Session:
        """Make a session and embed its rows, with a progress bar; after an interruption the same
        call goes on.

        data: a csv, tsv, parquet, jsonl or .npz file, a folder of images or a saved data set,
        ``hf://owner/name``, or a data frame; text, image, label, id: its columns; split: of a data
        set; show: columns to show beside a row; encoding: of a csv, UTF-8 where it is None;
        classes: names, or None to take those of the existing labels; prior_table: class
        probabilities of embeddings; audit: fraction of suggestions that measure the model; reserve:
        fraction of the rows kept for the audit; blind: hide the guess of audit rows; overlap:
        fraction of an annotator's suggestions that another one has answered; rare: of two classes
        the one to search for; rare_description: what the foundation model reads in place of the
        other class's name; choices: options by group (``strategy="badge"``), overrides: values
        inside them (``"learner.l2=3"``); config_dir: a folder of the user's own options. ValueError
        or OSError, in one sentence, for invalid input."""
        columns = Columns(text, image, label, id, split, tuple(show), encoding)
        rows = read_rows(data, columns)
        named, values = parse_overrides(overrides)
        names = classes_of(classes, rows.labels)
        words: tuple[str, ...] = ()
        search: dict[str, str] = {}
        if rare_description is not None and rare is None:
            raise ValueError("a description of the other class is given and no rare class")
        if rare in names and len(names) == 2:  # else Settings refuses it
            search, own = rare_defaults({**choices, **named}, names.index(rare))
            values, words = (*own, *values), rare_words(names, rare, rare_description)
        if "prior" not in {**choices, **named}:
            search["prior"] = default_prior(rows.modality)
        settings = Settings(
            rows.modality,
            names,
            tuple([PROMPTS[rows.modality]] if prompts is None else prompts),
            dict(DEFAULTS) | search | choices | named,
            values,
            seed,
            audit,
            reserve if audit else 0.0,
            blind,
            overlap,
            columns,
            rare,
            words,
        )
        folder, table = Path(folder).expanduser(), folder_of(prior_table)
        extra = folder_of(config_dir)
        prior = components(settings, extra).prior
        prior.encoder(rows.modality)  # refuses a wrong modality before a folder is made
        if (begun := unfinished(folder, rows, settings)) is not None:
            session = cls(ModelService(folder, begun, extra))
            session.service.pool(settings)
            return session
        store = Store.create(folder)
        try:
            with store.writing():
                store.make()
                store.set(settings.stored())
                ingest(store, folder, rows, settings, table)
        except BaseException:
            store.close()
            raise
        session = cls(ModelService(folder, store, extra))
        session.service.pool(settings)
        return session

    @classmethod
    def open(cls, folder: str | Path, config_dir: str | Path | None = None) -> Session:
        """Open an existing session; ValueError, in one sentence, where there is none."""
        folder, extra = Path(folder).expanduser(), folder_of(config_dir)
        return cls(ModelService(folder, Store.open(folder), extra))

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    @property
    def settings(self) -> Settings:
        return self.service.settings()

    @property
    def classes(self) -> tuple[str, ...]:
        return self.settings.classes

    @property
    def has_prior(self) -> bool:
        """Whether there are zero-shot probabilities; embeddings may come without them."""
        return self.settings.modality != "features" or self.service.given_priors

    @property
    def ledger(self) -> Ledger:
        return self.service.history.read()

    def suggest(
        self, budget: int, annotator: str | None = None, audit: bool = False
    ) -> list[Suggestion]:
        """The rows to label next, fewer than `budget` where no more are left; never a row that
        waits for an answer already, in this process or another.

        annotator: whom they are for, None for anybody. A named annotator also gets some rows that
        one other annotator has answered (`overlap` of `new`). audit: only rows drawn at random,
        which measure."""
        if budget < 1:
            raise ValueError(f"a batch of {budget} is wanted; wanted at least 1")
        if annotator is not None:
            check_annotator(annotator)
        while True:
            now = self.service.snapshot()
            lines, chances = next_batch(self.service, now, budget, annotator, audit)
            suggested = append_batch(self.store, lines, len(now.ledger.suggestions), chances)
            if suggested is not None:
                return suggested

    def waiting(self, annotator: str | None = None) -> list[Suggestion]:
        """Suggestions that wait for an answer, skipped ones last: all of them, or those for one
        annotator and for anybody."""
        return [s for s in self.ledger.open if annotator in (None, s.annotator) or not s.annotator]

    def tell(
        self,
        answers: Iterable[Answer] | pd.DataFrame | AnswerTable,
        annotator: str = "annotator",
        unasked: bool = False,
    ) -> int:
        """Write answers, all or none, and return how many. An annotator's last answer about a row
        counts.

        answers: values, or a data frame with columns id and answer, optionally annotator and
        seconds; an empty answer is left out and "?" means "not sure"; annotator: for answers that
        name none; unasked: whether rows that were never suggested may be answered. ValueError, in
        one sentence, for an unknown class or row, or a row that was not suggested."""
        classes = self.classes
        given = read_answers(answers, annotator, classes)
        return append(self.store, given, classes, unasked)

    def skip(self, number: int) -> None:
        """Put off a suggestion by its number: it comes last in `waiting`."""
        last = self.store.count("suggestions")
        if not 1 <= number <= last:
            raise ValueError(f"there is no suggestion {number}; wanted 1..{last}")
        self.store.decide("skip", [number])

    def undo(self, annotator: str = "annotator") -> str | None:
        """Undo an annotator's last answer or skip; returns the id of its row, or None."""
        with self.store.writing():
            last = self.ledger.last(annotator)
            if last is not None:
                kind = "undo" if isinstance(last, Answer) else "unskip"
                self.store.decide(kind, [last.number])
        return None if last is None else last.id

    def withdraw(self, annotator: str | None = None) -> int:
        """Withdraw open suggestions, all or one annotator's; returns how many."""
        with self.store.writing():
            numbers = [s.number for s in self.ledger.open if annotator in (None, s.annotator)]
            if numbers:
                self.store.decide("withdraw", numbers)
        return len(numbers)

    def predict(
        self,
        inputs: Any = None,
        *,
        text: str | None = None,
        image: str | None = None,
        id: str | None = None,
        split: str = "train",
        encoding: str | None = None,
        shares: bool = True,
    ) -> pd.DataFrame:
        """Predictions for every row of the session, or for new rows, which are not added: a data
        frame with columns id, label, confidence (its probability) and p(...) of each class.

        inputs: as `data` of `new`; text, image, id: its columns, those of the session if none is
        named; split: of a data set; encoding: of a csv; shares: whether probabilities are
        calibrated at the class shares of the session's rows, as its audit estimates them."""
        now = self.service.snapshot()
        classes = now.settings.classes
        calibration = calibration_of(self.service, now) if shares else None
        if inputs is None:
            probs = self.service.fit(now).probs
            return predictions(now.pool.names, classes, probs, calibration)
        columns = Columns(text, image, None, id, split, (), encoding).or_else(now.settings.columns)
        rows = read_rows(inputs, columns)
        return predictions(rows.ids(), classes, self.service.predict(now, rows), calibration)

    def add_rows(
        self, data: Any, prior_table: str | Path | None = None, encoding: str | None = None
    ) -> int:
        """Add later rows, with the same column names as the first ones; returns how many."""
        settings, table = self.settings, folder_of(prior_table)
        rows = read_rows(data, replace(settings.columns, encoding=encoding))
        count = ingest(self.store, self.service.folder, rows, settings, table)
        self.service.pool(settings)
        return count

    def add_classes(self, names: Sequence[str], prior_table: str | Path | None = None) -> None:
        """Add classes: zero-shot probabilities are made anew, labels are kept. prior_table: class
        probabilities of all rows, where they came with embeddings. ValueError, in one sentence,
        where a class exists already, or this table is missing."""
        add_classes(self.store, self.service.folder, names, folder_of(prior_table))
        self.service.pool(self.settings)

    def status(self) -> Status:
        """The session's progress."""
        with self.store.reading():
            rows, fits = self.store.count("rows"), self.store.count("guesses")
            return session_status(self.ledger, rows, self.classes, fits)

    def certify(self, error: float = 0.05, people: float | None = None) -> Certificate:
        """Labels of every row, people's where they settled one and the model's elsewhere, of which
        at most a fraction `error` of each class is wrong, with 95 % confidence; about how many more
        answers that takes, and rows that wait for them as suggestions.

        people: the fraction of people's answers that is wrong; None: estimated from rows with two
        answers, or 0 where there are few. ValueError where people err too often."""
        if not 0 < error < 1 or not 0 <= (people or 0) < 1:
            raise ValueError(
                f"an error of {error} and people's of {people} are given; wanted fractions"
            )
        return certify(self.service, self.service.snapshot(), error, people)

    def export(
        self,
        folder: str | Path,
        certificate: Certificate | None = None,
        precision: Mapping[str, float] | None = None,
        recall: Mapping[str, float] | None = None,
    ) -> list[str]:
        """Write labels.csv, predictions.csv, answers.csv, report.html and, where it can be
        exported, the model with its card into a folder; returns the file names. Without an estimate
        the report says why. certificate: of `certify`, whose labels are written; precision, recall:
        wished of classes, which then have a threshold in the model, and a column is(...) that says
        which rows reach it. ValueError for a class or a wish that there is not."""
        out = Path(folder).expanduser()
        with unwritable(out):
            out.mkdir(parents=True, exist_ok=True)
        now = self.service.snapshot()
        try:
            estimate: SessionEstimate | str = evaluate_session(self.service, now, None)
        except ValueError as why:
            estimate = str(why)
        wishes = precision or {}, recall or {}
        bundle = export_bundle(self.service, now, estimate, self.status(), certificate, *wishes)
        return bundle.write(out)

    def estimate(self, target: float | None = None) -> SessionEstimate:
        """How good the model is by the audit, with 95 % intervals, and whether to stop. target:
        wanted balanced accuracy; None: stop once 100 more labels would gain less than one point of
        it. ValueError where no audit row has a label yet."""
        if target is not None and not 0 < target < 1:
            raise ValueError(f"the target is {target}; wanted a balanced accuracy between 0 and 1")
        return evaluate_session(self.service, self.service.snapshot(), target)


def classes_of(names: Sequence[str] | None, labels: Sequence[str | None] | None) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ValueError(f"classes is {names!r}; wanted a list of names")
    if names is not None:
        return tuple(names)
    if labels is None:
        raise ValueError("no classes are given; wanted at least two, or a column of labels")
    return tuple(sorted({label for label in labels if label is not None}))


def unfinished(folder: Path, rows: RowBatch, settings: Settings) -> Store | None:
    """The session of these rows and settings that was interrupted before all were embedded."""
    if not (folder / FILE).is_file():
        return None
    try:
        store = Store.open(folder)
    except ValueError:  # which making a session says better
        return None
    with store.reading():
        same = Settings.of(store.settings()) == settings if store.settings() else False
        if same and [key for _, key, _ in store.arrivals()] == [rows.key] and not store.strata():
            return store
    store.close()
    return None


def folder_of(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path).expanduser()
