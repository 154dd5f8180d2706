"""Whom to ask: without a thought of who is good, or by how good they are, as far as the label
model's consensus shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from al_bench.core.arrays import above, one_of
from al_bench.core.state import Bools, Floats, Ints, State


class AtRandom:
    """Anybody who can be asked, each alike.

    >>> who = AtRandom().assign(asked, rows, rng)
    """

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        free = state.available[rows]
        return np.asarray(np.argmax(free * rng.uniform(1, 2, size=free.shape), axis=1))


class InTurn:
    """One after the other; whoever cannot be asked about a row is passed over for it.

    >>> who = InTurn().assign(asked, rows, rng)
    """

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        count = state.available.shape[1]
        turn = (len(state.answers) + np.arange(len(rows)))[:, None]
        order = (turn + np.arange(count)) % count
        first = np.argmax(np.take_along_axis(state.available[rows], order, axis=1), axis=1)
        return np.asarray(order[np.arange(len(rows)), first])


@dataclass(frozen=True)
class Only:
    """People alone, or foundation models alone, at random; whoever is there where none is left.

        >>> who = Only(models=True).assign(asked, rows, rng)

    Parameters
    ----------
    models : whether models, or people
    """

    models: bool

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        return liked_first(state, rows, state.annotator_pool.is_model == self.models, rng)


class ModelFirst:
    """Foundation models for a first answer, people at random for further ones.

    Where no model is left to ask, or nobody else, whoever is there.

        >>> who = ModelFirst().assign(asked, rows, rng)
    """

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        new = state.labels[rows] < 0
        return liked_first(state, rows, state.annotator_pool.is_model == new[:, None], rng)


def liked_first(state: State, rows: Ints, liked: Bools, rng: np.random.Generator) -> Ints:
    """(b,) somebody at random of those who are left to ask and liked, (a,) or (b, a), else of the
    others."""
    free = state.available[rows]
    weight = free * (1 + liked) * rng.uniform(1, 1.5, size=free.shape)
    return np.asarray(np.argmax(weight, axis=1))


RULES = ("thompson", "ucb")


def skills(state: State) -> tuple[Floats, Floats]:
    """(a, k) answers of each annotator that were right and that were given, by true class, as
    expected by the consensus; zeros before any answer."""
    assert state.annotator_pool is not None
    if state.consensus is None:
        none = np.zeros((len(state.annotator_pool), state.n_classes))
        return none, none
    return state.consensus.right, state.consensus.asked


def believed(state: State, rows: Ints) -> Floats:
    """(b, k) what the training rule believes of some rows, else what the model predicts."""
    beliefs = None if state.training is None else state.training.beliefs
    return (state.probs if beliefs is None else beliefs)[rows]


@dataclass(frozen=True)
class BySkill:
    """The annotator who is likeliest right, with exploration (Thompson, 1933; Auer et al., 2002).

    O(b a k).

        >>> who = BySkill(rule="ucb").assign(asked, rows, rng)

    Parameters
    ----------
    rule : ``thompson`` draws an accuracy for each annotator and row from its posterior; ``ucb``
        takes its mean and `width` standard deviations
    right, wrong : answers that everybody is taken to have given before, above 0
    width : of the posterior that is drawn from, in its own widths
    by_class : whether accuracy is that in each class, weighed by what the row is believed to be
    per_cost : whether it is accuracy above chance for the money
    """

    rule: str = "thompson"
    right: float = 2.0
    wrong: float = 1.0
    width: float = 0.5
    by_class: bool = False
    per_cost: bool = False

    def __post_init__(self) -> None:
        one_of(self, RULES, rule=self.rule)
        above(self, 0, right=self.right, wrong=self.wrong)

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        right, asked = skills(state)
        if not self.by_class:
            right, asked = right.sum(axis=1, keepdims=True), asked.sum(axis=1, keepdims=True)
        good, bad = self.right + right, self.wrong + np.maximum(asked - right, 0.0)
        if self.rule == "thompson":
            sharp = self.width**-2
            drawn = rng.beta(good * sharp, bad * sharp, size=(len(rows), *good.shape))
        else:
            mean = good / (good + bad)
            spread = np.sqrt(mean * (1 - mean) / (good + bad + 1))
            drawn = np.broadcast_to(mean + self.width * spread, (len(rows), *good.shape))
        accuracy: Floats = drawn[:, :, 0]
        if self.by_class:
            accuracy = np.einsum("bak,bk->ba", drawn, believed(state, rows))
        return best(state, rows, accuracy, self.per_cost, rng)


@dataclass(eq=False)
class KnownSkill:
    """The annotator who is best in truth: an upper reference that no strategy may be held against.

    It knows each one's accuracy over the whole pool, and no answer.

        >>> who = KnownSkill().given(accuracies).assign(asked, rows, rng)

    Parameters
    ----------
    per_cost : whether best for the money
    """

    reads_truth: ClassVar = True
    per_cost: bool = False
    accuracy: Floats = field(init=False, repr=False, default_factory=lambda: np.empty(0))

    def given(self, accuracies: Floats) -> Self:
        """A copy that knows how good they are: (a,), NaN of those without an answer."""
        other = type(self)(self.per_cost)
        other.accuracy = np.nan_to_num(accuracies)
        return other

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        accuracy = np.broadcast_to(self.accuracy, (len(rows), len(self.accuracy)))
        return best(state, rows, accuracy, self.per_cost, rng)


def best(
    state: State, rows: Ints, accuracy: Floats, per_cost: bool, rng: np.random.Generator
) -> Ints:
    """(b,) who is most accurate of those left to ask, or most for the money; ties at random."""
    assert state.annotator_pool is not None
    worth = np.maximum(accuracy - 1 / state.n_classes, 1e-6)
    if per_cost:
        worth = worth / state.annotator_pool.prices
    worth = worth * rng.uniform(1, 1 + 1e-9, size=worth.shape)
    return np.asarray(np.argmax(np.where(state.available[rows], worth, -1.0), axis=1))
