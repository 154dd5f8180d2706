"""What goes into a session and comes out of it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from al_bench.datasets.check import UNSEEN, check_names, check_prompts, words
from al_bench.labelling.audit.estimate import Interval as Interval
from al_bench.labelling.rows import Columns
from al_bench.problem.types import Task

GROUPS = ("strategy", "init", "supervision", "learner", "prior", "label_model", "assignment")
QUERY, AUDIT = "query", "audit"  # kinds of suggestions


@dataclass(frozen=True)
class Suggestion:
    """A row that should be labelled next.

    number: of the suggestion; row: its place in the session; id: its own name; kind: ``query``
    where the strategy chose it, ``audit`` where chance did, to measure the model; text or path:
    what to look at, neither where the data are embeddings; guess, confidence: the model's likeliest
    class and its probability; why: in words; annotator: whom it is for, None for anybody.
    """

    number: int
    row: int
    id: str
    kind: str
    text: str | None
    path: str | None
    guess: str
    confidence: float
    why: str
    batch: int
    annotator: str | None = None


@dataclass(frozen=True)
class Answer:
    """What somebody says of a row: a class by name, None for "not sure"; seconds: how long that
    took."""

    id: str
    answer: str | None
    annotator: str = "annotator"
    seconds: float | None = None


@dataclass(frozen=True)
class Settings:
    """How a session is made.

    options: component by group, by the name of its option, None for an optional group that is not
    there; overrides: values inside options, as on the command line; audit: the fraction of a batch
    that measures the model; reserve: the fraction of the rows kept for that; blind: whether the
    guess is hidden where an audit row is answered; overlap: the fraction of an annotator's batch
    that somebody else has answered, so that people are measured too; columns: of the data, as they
    were named first, for rows that come later.
    """

    modality: str
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    options: Mapping[str, str | None]
    overrides: tuple[str, ...] = ()
    seed: int = 0
    audit: float = 0.2
    reserve: float = 0.1
    blind: bool = True
    overlap: float = 0.05
    columns: Columns = field(default_factory=Columns)

    def __post_init__(self) -> None:
        check_classes(self.classes)
        check_prompts("session", self.prompts)
        for name in ("audit", "reserve", "overlap"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} is {value}; wanted a fraction from 0 up to, not with, 1")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; wanted a whole number from 0 on")

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Settings:
        """Settings as they are stored; ValueError where one is missing that was ever written."""
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in table.items() if name in known}
        missing = known - {"overlap"} - set(values)  # which came later
        if missing:
            raise ValueError(f"the session has no setting {sorted(missing)[0]!r}; make it anew")
        for name in ("classes", "prompts", "overrides"):
            values[name] = tuple(values[name])
        return cls(**values | {"columns": Columns(**values["columns"])})

    def stored(self) -> dict[str, Any]:
        """The settings as plain values, by name."""
        return {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(self).items()}

    @property
    def science(self) -> dict[str, Any]:
        """What decides a fit, as plain values."""
        names = ("modality", "classes", "prompts", "options", "overrides", "seed")
        return {name: value for name, value in self.stored().items() if name in names}

    @property
    def task(self) -> Task:
        """The question that is put to the foundation model."""
        return asked(self.classes, self.prompts, self.modality)


def asked(classes: tuple[str, ...], prompts: tuple[str, ...], modality: str) -> Task:
    """What a foundation model is asked about classes by name."""
    return Task(tuple(map(words, classes)), prompts, modality)


def check_classes(classes: tuple[str, ...]) -> None:
    """ValueError unless these are two classes or more that a foundation model can tell apart."""
    for name in classes:
        if not isinstance(name, str) or name != name.strip() or UNSEEN.search(name):
            raise ValueError(
                f"a class is called {name!r}; wanted a text without control characters and spaces "
                "around it"
            )
    check_names("the session", [words(name) for name in classes])


@dataclass(frozen=True)
class Status:
    """How far a session has come.

    rows: that arrived; answered: rows with a label by people, the audit's among them; audited: of
    the audit; waiting: suggestions without an answer; unsure: rows of which people are not sure;
    counts: labels by class; annotators: answers by each; batches, fits: so far.
    """

    rows: int
    answered: int
    audited: int
    waiting: int
    unsure: int
    counts: Mapping[str, int]
    annotators: Mapping[str, int]
    batches: int
    fits: int


@dataclass(frozen=True)
class Estimate:
    """How good the model is on the rows of a session, by its audit.

    recalls: by class; labels: rows answered so far, audited: those of them that measure; advice:
    whether to stop, in words; answer_error: how often people err, for which the rest is corrected,
    None where too few rows were answered twice to tell and answers are taken for the truth; notes:
    what else to know of it, in sentences.
    """

    accuracy: Interval
    balanced_accuracy: Interval
    recalls: Mapping[str, Interval]
    labels: int
    audited: int
    advice: str = ""
    answer_error: float | None = None
    notes: tuple[str, ...] = ()
