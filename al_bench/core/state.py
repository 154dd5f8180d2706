"""The vocabulary: what a pool is, what a run knows of it, and the interfaces of components.

Everything here is a value (a frozen dataclass) or an interface. A component is any object with the
right method; it needs no base class. A round calls, in this order::

    Strategy.select            State              -> rows to query
    AnnotatorSelection.assign  State, rows        -> whom to ask (several annotators)
    State.tell                 rows, answers      -> State
    LabelModel.infer           State              -> Consensus (several annotators)
    Supervision.training_set   State              -> TrainingSet
    Learner.fit                Rows, TrainingSet  -> Model
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias, runtime_checkable
from typing import Protocol as Interface

import numpy as np

from al_bench.core.arrays import Bools as Bools
from al_bench.core.arrays import Floats as Floats
from al_bench.core.arrays import Ints as Ints
from al_bench.core.arrays import unit

UNLABELLED = -1  # in State.labels: this row was not queried
HIDDEN = -2  # in State.labels: a wrapper hides this row from the strategy that it wraps
ABSENT = -1  # in a table of answers: this annotator did not label this row


# --- rows, models and what they are trained on ----------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Some rows without their labels. inputs: (n,) images or texts, for learners that read them;
    features: (n, d) embeddings by the foundation model; prior: (n, k) its zero-shot probabilities,
    uniform where it has none."""

    inputs: Sequence[Any]
    features: Floats
    prior: Floats

    def __len__(self) -> int:
        return len(self.features)

    @property
    def n_classes(self) -> int:
        return int(self.prior.shape[1])

    @cached_property
    def directions(self) -> Floats:
        """(n, d) the features as `unit` scales them, a copy that is kept; themselves if they have
        length one already, as in every problem of a data set."""
        features = np.asarray(self.features, dtype=np.float32)
        squares = np.einsum("nd,nd->n", features, features)
        return features if np.allclose(squares, 1, rtol=0, atol=2e-6) else unit(features)

    def take(self, index: Ints) -> Rows:
        """The rows with these numbers, in this order; inputs are loaded only when accessed."""
        return Rows(Picked(self.inputs, index), self.features[index], self.prior[index])


@dataclass(frozen=True)
class Picked(Sequence[Any]):
    """A view of some elements of a sequence; making it copies and decodes no image."""

    source: Sequence[Any]
    picks: Ints

    def __len__(self) -> int:
        return len(self.picks)

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self.source[int(i)] for i in self.picks[position]]
        return self.source[int(self.picks[position])]


class Model(Interface):
    """A fitted classifier."""

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities of these rows; each row sums to one."""


@runtime_checkable
class LinearModel(Interface):
    """A model that is a softmax over ``features @ weight.T + bias``: (k, d) and (k,)."""

    weight: Floats
    bias: Floats

    def predict_proba(self, rows: Rows) -> Floats: ...


class PriorModel:
    """The model before any label: the foundation model's own zero-shot probabilities."""

    def predict_proba(self, rows: Rows) -> Floats:
        return rows.prior


@dataclass(frozen=True)
class TrainingSet:
    """What a learner is given.

    rows: (m,) pool row numbers; targets: (m, k) soft labels, each row sums to one; weights: (m,)
    non-negative. beliefs: (n, k) or None, the training rule's class probabilities of every pool row
    (strategies may read them instead of computing them again). calibration_mask: (m,) or None, rows
    whose targets calibrate the model's probabilities; prior_strength: exponent of the prior in a
    model that stands on it."""

    rows: Ints
    targets: Floats
    weights: Floats
    beliefs: Floats | None = None
    calibration_mask: Bools | None = None
    prior_strength: float = 1.0


# --- answers and who gives them -------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """Answers in the order they were given: (v,) pool row numbers, annotators and classes."""

    rows: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    annotators: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    classes: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def then(self, more: Answers) -> Answers:
        """These answers followed by more."""
        return Answers(
            np.concatenate([self.rows, more.rows]),
            np.concatenate([self.annotators, more.annotators]),
            np.concatenate([self.classes, more.classes]),
        )


@dataclass(frozen=True)
class AnnotatorPool:
    """What strategies may know about several annotators; it holds no answers.

    names: (a,); has_answer: (n, a) whether an annotator has an answer about a row; prices: (a,) of
    an answer, relative to an ordinary person's; is_model: (a,) whether it is a foundation model;
    identified: whether a column is one annotator, or only a position (a row's first answer, ...).
    """

    names: tuple[str, ...]
    has_answer: Bools
    prices: Floats
    is_model: Bools
    identified: bool

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class AnnotationCost:
    """What an answer costs. human: by a person; model: by a foundation model; again: factor of a
    person's answer about a row that already has one."""

    human: float = 1.0
    model: float = 1.0
    again: float = 1.0

    def __post_init__(self) -> None:
        for name, price in vars(self).items():
            if not price > 0:
                raise ValueError(f"the annotation_cost has {name}={price}; wanted a price above 0")

    def costs(
        self, annotator_pool: AnnotatorPool | None, answers: Answers, before: Bools
    ) -> Floats:
        """(v,) cost of each answer; before: (v,) whether its row already had an answer."""
        again = np.where(before, self.again, 1.0)
        if annotator_pool is None:
            return self.human * again
        price = annotator_pool.prices[answers.annotators]
        model = annotator_pool.is_model[answers.annotators]
        return np.asarray(price * np.where(model, self.model, self.human * again))


@dataclass(frozen=True)
class Consensus:
    """The output of a label model.

    rows: (m,) labelled rows, ascending; probs: (m, k) posterior of their true class; right, asked:
    (a, k) expected number of right answers and of all answers, by annotator and true class. belief,
    believer: the label model's `Belief` and the object that computed it, or None; a training rule
    with an equal one reuses the belief instead of computing it again."""

    rows: Ints
    probs: Floats
    right: Floats
    asked: Floats
    belief: Any = None
    believer: Any = None


# --- what a run knows -----------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """A run between two steps, as strategy, training rule and learner see it, without the truth.

    labels: (n,) the annotators' class, UNLABELLED or HIDDEN; model: fitted on `training`, or the
    prior before any label; answers: all so far; allow_relabel: whether a labelled row may be
    queried again. With several annotators also annotator_pool, who they are, and consensus, the
    label model's output."""

    rows: Rows
    labels: Ints
    model: Model = field(default_factory=PriorModel)
    training: TrainingSet | None = None
    answers: Answers = field(default_factory=Answers)
    annotator_pool: AnnotatorPool | None = None
    consensus: Consensus | None = None
    allow_relabel: bool = False

    @classmethod
    def start(
        cls, rows: Rows, annotator_pool: AnnotatorPool | None = None, allow_relabel: bool = False
    ) -> State:
        """The state before any query."""
        labels = np.full(len(rows), UNLABELLED, dtype=np.int64)
        return cls(rows, labels, annotator_pool=annotator_pool, allow_relabel=allow_relabel)

    @property
    def n_classes(self) -> int:
        return self.rows.n_classes

    @cached_property
    def labelled(self) -> Ints:
        """Labelled row numbers, ascending."""
        return np.flatnonzero(self.labels >= 0)

    @cached_property
    def unlabelled(self) -> Ints:
        """Row numbers that may be queried, ascending."""
        return np.flatnonzero(self.labels == UNLABELLED)

    @cached_property
    def counts(self) -> Ints:
        """(k,) labelled rows by class."""
        return np.bincount(self.labels[self.labelled], minlength=self.n_classes)

    @cached_property
    def probs(self) -> Floats:
        """(n, k) the model's class probabilities of every pool row; computed when first read."""
        return self.model.predict_proba(self.rows)

    @cached_property
    def available(self) -> Bools:
        """(n, a) whether an annotator can still be asked about a row."""
        if self.annotator_pool is None:
            return np.asarray((self.labels == UNLABELLED)[:, None])
        free = self.annotator_pool.has_answer.copy()
        free[self.answers.rows, self.answers.annotators] = False
        free[self.labels == HIDDEN] = False
        if not self.allow_relabel:
            free[self.labels >= 0] = False
        return np.asarray(free)

    @cached_property
    def remaining(self) -> Ints:
        """(n,) how often each row can still be queried; at most once without relabelling."""
        count = self.available.sum(axis=1)
        return np.asarray(count if self.allow_relabel else np.minimum(count, 1))

    @cached_property
    def queryable(self) -> Ints:
        """Row numbers that may be queried, labelled rows with an annotator left included."""
        return np.flatnonzero(self.remaining)

    def tell(self, index: Ints, answers: Ints, annotators: Ints | None = None) -> State:
        """The state with new answers by these annotators, or by the only one. Withheld answers are
        UNLABELLED. A row's label is its last answer until a label model sets it (`agreed`)."""
        labels = self.labels.copy()
        labels[index] = answers
        by = np.zeros(len(index), dtype=np.int64) if annotators is None else annotators
        return self._with(labels, answers=self.answers.then(Answers(index, by, answers)))

    def hide(self, index: Ints) -> State:
        """The state with these rows hidden from a strategy; row numbers do not change."""
        labels = self.labels.copy()
        labels[index] = np.where(labels[index] == UNLABELLED, HIDDEN, labels[index])
        return self._with(labels)

    def without_relabeling(self) -> State:
        """The state in which labelled rows may not be queried again."""
        return self._with(self.labels, allow_relabel=False)

    def agreed(self, consensus: Consensus, rng: np.random.Generator) -> State:
        """The state labelled with the most probable classes of a consensus; ties at random."""
        best = consensus.probs >= consensus.probs.max(axis=1, keepdims=True) - 1e-9
        labels = self.labels.copy()
        labels[consensus.rows] = np.argmax(best * rng.uniform(1, 2, size=best.shape), axis=1)
        return self._with(labels, consensus=consensus)

    def _with(self, labels: Ints, **changes: Any) -> State:
        state = replace(self, labels=labels, **changes)
        if "probs" in self.__dict__:  # same model, same predictions
            state.__dict__["probs"] = self.probs
        return state


# --- the interfaces of components -----------------------------------------------------------------

Querying: TypeAlias = Generator[Ints, Ints, Ints | None]


class Strategy(Interface):
    """A query rule."""

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        """Exactly `budget` distinct rows of ``state.unlabelled``, or all of them if they are fewer;
        with ``state.allow_relabel`` of ``state.queryable``, each at most ``state.remaining`` times.

        Returns an array, or is a generator that queries in steps: ``answers = yield rows`` is one
        oracle call (answers are UNLABELLED where in-batch answers are withheld). Rows that the
        generator returns at its end are queried last."""


class LabelModel(Interface):
    """Merges several answers about a row; learns annotators' skills without the truth."""

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        """The consensus of ``state.answers``, of which there is at least one."""


class AnnotatorSelection(Interface):
    """Chooses which annotator to ask."""

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        """(b,) for each of these distinct rows, an annotator who is ``state.available``."""


class Supervision(Interface):
    """A training rule: which rows a learner is trained on, with which targets and weights."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet: ...


class Learner(Interface):
    """A task model's training procedure; the same arguments give the same model."""

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> Model: ...


class Protocol(Interface):
    """How much is queried. feedback: ``within_batch`` if a strategy that queries in steps sees the
    answers at once, ``after_batch`` if only at the end of the round; allow_relabel: whether a
    labelled row may be queried again; annotation_cost: what answers cost."""

    feedback: str
    allow_relabel: bool
    annotation_cost: AnnotationCost

    def sizes(self, n: int, k: int) -> list[int]:
        """The budget of each round, the start first, for a pool of n rows and k classes."""
