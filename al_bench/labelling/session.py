"""A session: one folder with one's own rows, what was asked and answered, and a model of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from al_bench.labelling import annotations, ingest
from al_bench.labelling.components import DEFAULTS, chosen, components
from al_bench.labelling.evaluation import judged
from al_bench.labelling.export import prepared, written
from al_bench.labelling.exported_model import outside, predictions
from al_bench.labelling.ledger import Ledger, ledger, status
from al_bench.labelling.model_service import Bench
from al_bench.labelling.rows import Columns
from al_bench.labelling.settings import Answer, Estimate, Settings, Status, Suggestion
from al_bench.labelling.sources import arriving
from al_bench.labelling.store import Store
from al_bench.labelling.suggestions import next_batch, put

if TYPE_CHECKING:
    import pandas as pd

PROMPTS = {"text": "This text is about {}.", "image": "a photo of a {}", "features": "{}"}


class Session:
    """Rows of one's own in a folder, to be labelled; made by `new`, found again by `open`.

    Any number of processes may work on one folder. Everything is written as it happens, so there is
    nothing to save; `close` frees the file, as the end of a ``with`` does.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

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
        prior_table: str | Path | None = None,
        prompts: Sequence[str] | None = None,
        overrides: Sequence[str] = (),
        seed: int = 0,
        audit: float = 0.2,
        reserve: float = 0.1,
        blind: bool = True,
        overlap: float = 0.05,
        config_dir: str | Path | None = None,
        **choices: str | None,
    ) -> Session:
        """Make a session and embed its rows, with a progress bar.

        data: a csv, tsv, parquet, jsonl or .npz file, a folder of images or a saved data set,
        ``hf://owner/name``, or a data frame; text, image, label, id: its columns; split: of a data
        set; classes: names, or None for those of the labels that are there; prior_table: class
        probabilities of embeddings; audit: fraction of suggestions that measure the model; reserve:
        fraction of the rows kept for them; blind: hide the guess of these; overlap: fraction of an
        annotator's suggestions that another one has answered; choices: options by group
        (``strategy="badge"``), overrides: values inside them (``"learner.l2=3"``); config_dir: a
        folder of one's own options. ValueError or OSError, in one sentence, where any
        of it is not as it must be.
        """
        columns = Columns(text, image, label, id, split)
        rows = arriving(data, columns)
        named, values = chosen(overrides)
        settings = Settings(
            rows.modality,
            ingest.classes_of(rows, classes),
            tuple([PROMPTS[rows.modality]] if prompts is None else prompts),
            dict(DEFAULTS) | choices | named,
            values,
            seed,
            audit,
            reserve if audit else 0.0,
            blind,
            overlap,
            columns,
        )
        extra = None if config_dir is None else Path(config_dir)
        prior = components(settings, extra).prior
        prior.encoder(rows.modality)  # which is refused before a folder is made
        folder = Path(folder).expanduser()
        table = None if prior_table is None else Path(prior_table).expanduser()
        store = Store.create(folder)
        try:
            with store.writing():
                store.make()
                store.set(settings.stored())
                ingest.add(store, folder, rows, settings, table)
        except BaseException:
            store.close()
            raise
        session = cls(Bench(folder, store, extra))
        session.bench.pool(settings)
        return session

    @classmethod
    def open(cls, folder: str | Path, config_dir: str | Path | None = None) -> Session:
        """A session that is there; ValueError, in one sentence, where there is none."""
        folder = Path(folder).expanduser()
        extra = None if config_dir is None else Path(config_dir)
        return cls(Bench(folder, Store.open(folder), extra))

    def close(self) -> None:
        self.bench.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    @property
    def settings(self) -> Settings:
        return self.bench.settings()

    @property
    def classes(self) -> tuple[str, ...]:
        return self.settings.classes

    @property
    def has_prior(self) -> bool:
        """Whether a foundation model has an opinion: not of embeddings that came without one."""
        return self.settings.modality != "features" or self.bench.given_priors

    @property
    def ledger(self) -> Ledger:
        """What counts of the tables by now."""
        store = self.bench.store
        with store.reading():
            return ledger(store.suggestions(), store.answers(), store.decisions())

    def suggest(self, budget: int, annotator: str | None = None) -> list[Suggestion]:
        """The rows to label next, fewer than `budget` where no more are left; never one that waits
        for an answer already, in this process or another.

        annotator: whom they are for, None for anybody; some that one other annotator has answered
        are among those for somebody in particular (`overlap` of `new`).
        """
        if budget < 1:
            raise ValueError(f"a batch of {budget} is wanted; wanted at least 1")
        if annotator is not None:
            annotations.check_annotator(annotator)
        while True:
            moment = self.bench.moment()
            lines = next_batch(self.bench, moment, budget, annotator)
            suggested = put(self.bench.store, lines, moment.seen)
            if suggested is not None:
                return suggested

    def waiting(self, annotator: str | None = None) -> list[Suggestion]:
        """Suggestions that wait for an answer, those put off last: all of them, or those for an
        annotator and for anybody."""
        return [s for s in self.ledger.open if annotator in (None, s.annotator) or not s.annotator]

    def tell(
        self,
        answers: Iterable[Answer] | pd.DataFrame,
        annotator: str = "annotator",
        unasked: bool = False,
    ) -> int:
        """Write answers, all of them or none, and return how many; the last one of an annotator
        about a row counts.

        answers: values, or a data frame with columns id and answer, and perhaps annotator and
        seconds, in which an empty answer is none and "?" says "not sure"; annotator: who gave
        those that do not say; unasked: whether rows may be answered that were never suggested.
        ValueError, in one sentence, where one is no class, of no row, or of a row not asked about.
        """
        classes = self.classes
        given = annotations.listed(answers, annotator, classes)
        return annotations.append(self.bench.store, given, classes, unasked)

    def skip(self, number: int) -> None:
        """Put off a suggestion by its number: it comes last in `waiting`."""
        last = self.bench.store.count("suggestions")
        if not 1 <= number <= last:
            raise ValueError(f"there is no suggestion {number}; wanted 1..{last}")
        self.bench.store.decide("skip", [number])

    def undo(self, annotator: str = "annotator") -> str | None:
        """Take back an annotator's last answer that counts; the id of its row, None where there is
        none."""
        store = self.bench.store
        with store.writing():
            own = [answer for answer in self.ledger.answers if answer.annotator == annotator]
            if not own:
                return None
            store.decide("undo", [own[-1].number])
            return store.names()[own[-1].row]

    def withdraw(self, annotator: str | None = None) -> int:
        """Take back all suggestions that wait for an answer, or an annotator's, so that their rows
        may be suggested again; how many."""
        store = self.bench.store
        with store.writing():
            numbers = [s.number for s in self.ledger.open if annotator in (None, s.annotator)]
            if numbers:
                store.decide("withdraw", numbers)
        return len(numbers)

    def predict(
        self,
        inputs: Any = None,
        *,
        text: str | None = None,
        image: str | None = None,
        id: str | None = None,
        split: str = "train",
    ) -> pd.DataFrame:
        """What the model says of every row of the session, or of new ones that stay outside: a data
        frame with columns id, label and confidence.

        inputs: as `data` of `new`; text, image, id: its columns, those of the session if none is
        named; split: of a data set.
        """
        moment = self.bench.moment()
        if inputs is None:
            probs = self.bench.last(moment).probs
            return predictions(moment.pool.names, moment.settings.classes, probs)
        columns = Columns(text, image, None, id, split).or_else(moment.settings.columns)
        rows = arriving(inputs, columns)
        probs = outside(self.bench, moment, rows)
        return predictions(rows.ids(0), moment.settings.classes, probs)

    def add_rows(self, data: Any, prior_table: str | Path | None = None) -> int:
        """Add rows that arrived later, with columns named as the first ones'; how many."""
        settings = self.settings
        rows = arriving(data, settings.columns)
        table = None if prior_table is None else Path(prior_table).expanduser()
        count = ingest.add(self.bench.store, self.bench.folder, rows, settings, table)
        self.bench.pool(settings)
        return count

    def add_classes(self, names: Sequence[str], prior_table: str | Path | None = None) -> None:
        """Add classes: the foundation model is asked anew, labels are kept.

        prior_table: class probabilities of all rows, where they came with embeddings. ValueError,
        in one sentence, where a class is there already, or such a table is wanted.
        """
        table = None if prior_table is None else Path(prior_table).expanduser()
        ingest.add_classes(self.bench.store, self.bench.folder, names, table)
        self.bench.pool(self.settings)

    def status(self) -> Status:
        """How far the session has come."""
        store = self.bench.store
        with store.reading():
            rows, fits = store.count("rows"), store.count("guesses")
            return status(self.ledger, rows, self.classes, fits)

    def export(self, folder: str | Path) -> list[str]:
        """Write labels.csv, predictions.csv, report.html and the model, where it can leave the
        session, into a folder; the names of the files. Where there is no estimate, the report says
        why."""
        out = prepared(Path(folder).expanduser())
        moment = self.bench.moment()
        try:
            estimate: Estimate | str = judged(self.bench, moment, None)
        except ValueError as why:
            estimate = str(why)
        return written(out, self.bench, moment, estimate, self.status())

    def estimate(self, target: float | None = None) -> Estimate:
        """How good the model is, with 95 % intervals, by the audit; and whether to stop.

        target: balanced accuracy that is wanted; None: stop once 100 more labels would gain less
        than one point of it. ValueError where no row of the audit has an answer yet.
        """
        if target is not None and not 0 < target < 1:
            raise ValueError(f"the target is {target}; wanted a balanced accuracy between 0 and 1")
        return judged(self.bench, self.bench.moment(), target)
