"""The vocabulary: what a pool is, what a run knows of it, and what components are asked to do.

Everything here is a value (a frozen dataclass) or a protocol. A component is any object with the
right method; it inherits nothing of ours.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
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


@dataclass(frozen=True)
class TrainingSet:
    """What a learner is given.

    rows: (m,) pool row numbers; targets: (m, k) soft labels, each row sums to one; weights: (m,)
    non-negative. beliefs: (n, k) or None, what the training rule believes of every pool row (a
    by-product that strategies may read instead of computing it again).
    """

    rows: Ints
    targets: Floats
    weights: Floats
    beliefs: Floats | None = None


@dataclass(frozen=True)
class State:
    """One moment of a run, as strategy, training rule and learner may see it: no truth in it.

    labels: (n,) the annotator's answers, UNLABELLED or HIDDEN; model: fitted on `training`, or the
    prior before any label.
    """

    rows: Rows
    labels: Ints
    model: Model = field(default_factory=PriorModel)
    training: TrainingSet | None = None

    @classmethod
    def start(cls, rows: Rows) -> State:
        """Nothing queried yet."""
        return cls(rows, np.full(len(rows), UNLABELLED, dtype=np.int64))

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

    def tell(self, index: Ints, answers: Ints) -> State:
        """The state after the annotator's answers (answers may be UNLABELLED: withheld)."""
        labels = self.labels.copy()
        labels[index] = answers
        return self._with(labels)

    def hide(self, index: Ints) -> State:
        """The state with these rows kept from a strategy; row numbers stay what they are."""
        labels = self.labels.copy()
        labels[index] = np.where(labels[index] == UNLABELLED, HIDDEN, labels[index])
        return self._with(labels)

    def _with(self, labels: Ints) -> State:
        state = replace(self, labels=labels)
        if "probs" in self.__dict__:  # the model is the same, so are its predictions
            state.__dict__["probs"] = self.probs
        return state


Querying: TypeAlias = Generator[Ints, Ints, Ints | None]


class Strategy(Interface):
    """A query rule."""

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        """Exactly `budget` distinct rows of ``state.unlabelled``.

        Either an array, or a generator that queries as it goes: ``answers = yield rows`` is one
        oracle call (answers are UNLABELLED where in-batch answers are withheld), and what it
        returns at the end, if anything, is queried last.
        """


class Supervision(Interface):
    """A training rule: which rows a learner is trained on, with which targets and weights."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet: ...


class Learner(Interface):
    """A task model's training procedure; the same arguments give the same model."""

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> Model: ...


class Protocol(Interface):
    """How much is queried. reveal: ``sequential`` where a strategy that queries inside a round
    is given the answers, ``batch`` where they are withheld until its end."""

    reveal: str

    def sizes(self, n: int, k: int) -> list[int]:
        """Rows queried in each round, the start first, for a pool of n rows in k classes."""
