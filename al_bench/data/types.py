"""The types that make up a problem: data sets, imbalance, noise and priors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from al_bench.core.state import Bools, Floats, Ints, Picked


@dataclass(frozen=True)
class People:
    """Several people's answers: (n, a) classes, ABSENT without an answer; names: (a,) people, or ()
    if a column is a place (first answer, second, ...) and not a person."""

    answers: Ints
    names: tuple[str, ...]

    def take(self, index: Ints) -> People:
        return People(self.answers[index], self.names)


@dataclass(frozen=True)
class Split:
    """The rows of one split, in the order of their source.

    inputs: (n,) texts, images (anything PIL opens, decoded when read) or feature rows; labels: (n,)
    classes 0..k-1; columns: human answers by name: (n,) labels or (n, k) votes; ids: (n,) the
    data's own names of their rows, integers or texts, or None; people: several people's answers, by
    name."""

    inputs: Sequence[Any]
    labels: Ints
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    ids: NDArray[Any] | None = None
    people: Mapping[str, People] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Ints) -> Split:
        """The rows with these numbers, with all their columns; inputs are read only on access."""
        whole = getattr(self.inputs, "take", None)  # inputs in one array
        return Split(
            Picked(self.inputs, index) if whole is None else whole(index),
            self.labels[index],
            {name: column[index] for name, column in self.columns.items()},
            None if self.ids is None else self.ids[index],
            {name: people.take(index) for name, people in self.people.items()},
        )


@dataclass(frozen=True)
class Dataset:
    """A labelled data set before imbalance and noise.

    key: what identifies its rows and their order (name, revision, content), for the cache;
    modality: text, image or features; class_names: (k,) words for a prompt; prompts: templates with
    one ``{}`` each; aliases: (k,) other names of each class in the data, if any."""

    name: str
    key: str
    modality: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    prompts: tuple[str, ...] = ("{}",)
    aliases: tuple[tuple[str, ...], ...] = ()

    @property
    def task(self) -> Task:
        names = tuple(self.class_names)
        return Task(names, tuple(self.prompts), self.modality, self.aliases)


@dataclass(frozen=True)
class Task:
    """A classification task as a prior sees it; aliases: (k,) other names of each class."""

    class_names: tuple[str, ...]
    prompts: tuple[str, ...]
    modality: str
    aliases: tuple[tuple[str, ...], ...] = ()


class Source(Protocol):
    """The class of a ``dataset/*.yaml``: cheap to construct, reads nothing before ``load``."""

    def load(self) -> Dataset: ...


@dataclass(frozen=True)
class Kept:
    """The training rows that exist. rows: (n,) row numbers of the split, ascending; classes: (k,)
    the new class number of each old class (merging maps several to one)."""

    rows: Ints
    classes: Ints


class Imbalance(Protocol):
    """Decides which training rows exist; ratios are largest over smallest class, >= 1."""

    def keep(self, labels: Ints, n_classes: int, rng: np.random.Generator) -> Kept: ...


@dataclass(frozen=True)
class Truth:
    """The input of annotators: (n,) true classes of the pool, (n, d) features, human columns,
    several people's answers, the (n, k) prior of a foundation model that may be one of them, and a
    function that gives the (n, k) probabilities of any other."""

    labels: Ints
    n_classes: int
    features: Floats
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    people: Mapping[str, People] = field(default_factory=dict)
    prior: Floats | None = None
    ask: Callable[[Prior], Floats] | None = None


class Noise(Protocol):
    """Decides the annotator's answer to every pool row, once."""

    def answers(self, truth: Truth, rng: np.random.Generator) -> Ints: ...


@dataclass(frozen=True)
class Crowd:
    """Several annotators' answers, (n, a), ABSENT without one; the rest as in `AnnotatorPool`."""

    answers: Ints
    names: tuple[str, ...]
    prices: Floats
    is_model: Bools
    identified: bool


class Annotators(Protocol):
    """Decides the answers of several annotators to every pool row, once."""

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd: ...


class Encoder(Protocol):
    """The trunk of a frozen foundation model. key: names the weights (with their hash) and every
    option that changes the output; dim: d."""

    @property
    def key(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def embed(self, inputs: Sequence[Any]) -> Floats:
        """(b, d) float32 embeddings of one batch; the first call loads the weights."""


class Prior(Protocol):
    """A foundation model: an encoder and a rule that turns embeddings into class probabilities. It
    never gets labels. key: names the rule and its options."""

    @property
    def key(self) -> str: ...

    def encoder(self, modality: str) -> Encoder:
        """The encoder for this kind of input; ValueError if there is none."""

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k) class probabilities; each row sums to one."""
