"""The vocabulary: what a pool is, what a run knows of it, and what components are asked to do.

Everything here is a value (a frozen dataclass) or a protocol. A component is any object with the
right method; it inherits nothing of ours. The seams of a round, in their order::

    Strategy.select            State              -> rows to query
    AnnotatorSelection.assign  State, rows        -> whom to ask (several annotators)
    State.tell                 rows, answers      -> State
    LabelModel.infer           State              -> Consensus (several annotators)
    Supervision.training_set   State              -> TrainingSet
    Learner.fit                Rows, TrainingSet  -> Model
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias, runtime_checkable
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

UNLABELLED = -1  # in State.labels: this row was not queried
HIDDEN = -2  # in State.labels: a wrapper keeps this row from the strategy inside it
ABSENT = -1  # in a table of answers: this annotator has none for this row


# --- rows, models and what they are trained on ----------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """All that is known of some rows apart from their labels.

    inputs: (n,) images or texts, for learners that read them; features: (n, d) embeddings by the
    foundation model; prior: (n, k) its class probabilities, uniform where it has none.
    """

    inputs: Sequence[Any]
    features: Floats
    prior: Floats

    def __len__(self) -> int:
        return len(self.features)

    @property
    def n_classes(self) -> int:
        return int(self.prior.shape[1])

    def take(self, index: Ints) -> Rows:
        """The rows of these numbers, in this order; inputs are read only when asked for."""
        return Rows(Picked(self.inputs, index), self.features[index], self.prior[index])


@dataclass(frozen=True)
class Picked(Sequence[Any]):
    """A view of some elements of a sequence: images of a large pool are never copied or decoded."""

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


@dataclass(frozen=True, eq=False)
class Prequential:
    """What model and belief predicted of rows before these were labelled (Dawid, 1984).

    rows: (h,) pool row numbers; model, belief: (h, k) log-probabilities of each of the two.
    """

    rows: Ints
    model: Floats
    belief: Floats


@dataclass(frozen=True)
class TrainingSet:
    """What a learner is given.

    rows: (m,) pool row numbers; targets: (m, k) soft labels, each row sums to one; weights: (m,)
    non-negative. beliefs: (n, k) or None, the training rule's class probabilities of every pool row
    (a by-product that strategies may read instead of computing it again); belief_fn: the same for
    any rows, (m, k), without their answers, or None. calibration_mask: (m,) or None, the rows whose
    targets calibrate the model's probabilities; blend_weight: exponent of the belief in its
    log-linear pool with the model; prequential: what that exponent was learned from, or None.
    """

    rows: Ints
    targets: Floats
    weights: Floats
    beliefs: Floats | None = None
    belief_fn: Callable[[Rows], Floats] | None = None
    calibration_mask: Bools | None = None
    blend_weight: float = 0.0
    prequential: Prequential | None = None


# --- answers and who gives them -------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """Answers that were bought, in their order: (v,) pool row numbers, annotators and classes."""

    rows: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    annotators: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    classes: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def then(self, more: Answers) -> Answers:
        """These answers, and after them some more."""
        return Answers(
            np.concatenate([self.rows, more.rows]),
            np.concatenate([self.annotators, more.annotators]),
            np.concatenate([self.classes, more.classes]),
        )


@dataclass(frozen=True)
class AnnotatorPool:
    """Several annotators, as far as everybody may know them; it holds no answers.

    names: (a,); has_answer: (n, a) whether one has an answer about a row; prices: (a,) of an
    answer, in those of a plain person; is_model: (a,) whether it is a foundation model; identified:
    whether a column is one annotator throughout, or a place only (a row's first answer, ...).
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
    """What an answer costs: a plain person's, a foundation model's, and by which factor a person's
    costs more or less where the row was answered before."""

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
        """(v,) what each answer costs; before: (v,) whether its row had an answer already."""
        again = np.where(before, self.again, 1.0)
        if annotator_pool is None:
            return self.human * again
        price = annotator_pool.prices[answers.annotators]
        model = annotator_pool.is_model[answers.annotators]
        return np.asarray(price * np.where(model, self.model, self.human * again))


@dataclass(frozen=True)
class Consensus:
    """What a label model makes of several answers.

    rows: (m,) with an answer, ascending; probs: (m, k) of their true class; right, asked: (a, k) by
    annotator and true class, how many answers were right and how many there are, as expected.
    belief, believer: what the label model believes of the pool, and by which rule: a by-product
    that a training rule of an equal one reads instead of computing it again, or None.
    """

    rows: Ints
    probs: Floats
    right: Floats
    asked: Floats
    belief: Any = None
    believer: Any = None


# --- what a run knows -----------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """One moment of a run, as strategy, training rule and learner may see it: no truth in it.

    labels: (n,) the class by the annotators' answers, UNLABELLED or HIDDEN; model: fitted on
    `training`, or the prior before any label; answers: all that were bought; allow_relabel: whether
    a labelled row may be queried again. With several annotators also annotator_pool, who they are,
    and consensus, what the label model makes of their answers.
    """

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
        """Nothing queried yet."""
        labels = np.full(len(rows), UNLABELLED, dtype=np.int64)
        return cls(rows, labels, annotator_pool=annotator_pool, allow_relabel=allow_relabel)

    @property
    def n_classes(self) -> int:
        return self.rows.n_classes

    @cached_property
    def labelled(self) -> Ints:
        """Row numbers with an answer, ascending."""
        return np.flatnonzero(self.labels >= 0)

    @cached_property
    def unlabelled(self) -> Ints:
        """Row numbers that may be queried, ascending."""
        return np.flatnonzero(self.labels == UNLABELLED)

    @cached_property
    def counts(self) -> Ints:
        """(k,) answers so far by class."""
        return np.bincount(self.labels[self.labelled], minlength=self.n_classes)

    @cached_property
    def probs(self) -> Floats:
        """(n, k) the model's class probabilities of every pool row; computed when first read."""
        return self.model.predict_proba(self.rows)

    @cached_property
    def available(self) -> Bools:
        """(n, a) whether an annotator can still be asked about a row: never about a hidden one, nor
        about a labelled one unless relabelling is allowed."""
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
        """(n,) how often each row can still be queried: once, or as often as annotators remain."""
        count = self.available.sum(axis=1)
        return np.asarray(count if self.allow_relabel else np.minimum(count, 1))

    @cached_property
    def queryable(self) -> Ints:
        """Row numbers that may be queried, labelled ones too where somebody is left to ask."""
        return np.flatnonzero(self.remaining)

    def tell(self, index: Ints, answers: Ints, annotators: Ints | None = None) -> State:
        """The state after some answers of these annotators, or of the only one (answers may be
        UNLABELLED: withheld). A row's label is its last answer until a label model is asked."""
        labels = self.labels.copy()
        labels[index] = answers
        who = np.zeros(len(index), dtype=np.int64) if annotators is None else annotators
        return self._with(labels, answers=self.answers.then(Answers(index, who, answers)))

    def hide(self, index: Ints) -> State:
        """The state with these rows kept from a strategy; row numbers stay what they are."""
        labels = self.labels.copy()
        labels[index] = np.where(labels[index] == UNLABELLED, HIDDEN, labels[index])
        return self._with(labels)

    def without_relabeling(self) -> State:
        """The state in which no labelled row may be queried again."""
        return self._with(self.labels, allow_relabel=False)

    def agreed(self, consensus: Consensus, rng: np.random.Generator) -> State:
        """The state whose labels are the likeliest classes of a consensus; ties fall at random."""
        best = consensus.probs >= consensus.probs.max(axis=1, keepdims=True) - 1e-9
        labels = self.labels.copy()
        labels[consensus.rows] = np.argmax(best * rng.uniform(1, 2, size=best.shape), axis=1)
        return self._with(labels, consensus=consensus)

    def _with(self, labels: Ints, **changes: Any) -> State:
        state = replace(self, labels=labels, **changes)
        if "probs" in self.__dict__:  # the model is the same, so are its predictions
            state.__dict__["probs"] = self.probs
        return state


# --- what components are asked to do --------------------------------------------------------------

Querying: TypeAlias = Generator[Ints, Ints, Ints | None]


class Strategy(Interface):
    """A query rule."""

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        """Exactly `budget` distinct rows of ``state.unlabelled``, as far as there are any; where
        ``state.allow_relabel``, of ``state.queryable``, each ``state.remaining`` times at most.

        Either an array, or a generator that queries as it goes: ``answers = yield rows`` is one
        oracle call (answers are UNLABELLED where in-batch answers are withheld), and what it
        returns at the end, if anything, is queried last.
        """


class LabelModel(Interface):
    """What several answers about a row come to; skill is learned from agreement alone."""

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        """The consensus of ``state.answers``, which hold one at least."""


class AnnotatorSelection(Interface):
    """Whom to ask."""

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        """(b,) an annotator who is ``state.available`` for each of these distinct rows."""


class Supervision(Interface):
    """A training rule: which rows a learner is trained on, with which targets and weights."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet: ...


class Learner(Interface):
    """A task model's training procedure; the same arguments give the same model."""

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> Model: ...


class Protocol(Interface):
    """How much is queried. feedback: ``within_batch`` where a strategy that queries inside a round
    is given the answers, ``after_batch`` where they are withheld until its end; allow_relabel:
    whether a labelled row may be queried again; annotation_cost: what answers cost."""

    feedback: str
    allow_relabel: bool
    annotation_cost: AnnotationCost

    def sizes(self, n: int, k: int) -> list[int]:
        """Answers bought in each round, the start first, for a pool of n rows in k classes."""
