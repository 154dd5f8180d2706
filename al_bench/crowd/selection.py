"""Annotator selection: whom to ask, regardless of skill or by skill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from al_bench.core.arrays import above, entropy, fraction, one_of, require, share
from al_bench.core.state import Bools, Floats, Ints, State

RULES = ("thompson", "ucb")


class AtRandom:
    """A uniformly random annotator of those who can be asked.

    >>> who = AtRandom().assign(asked, rows, rng)
    """

    title = "anyone at random"

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        free = state.available[rows]
        return np.asarray(np.argmax(free * rng.uniform(1, 2, size=free.shape), axis=1))


class InTurn:
    """Round robin; an annotator who cannot be asked about a row is skipped for it.

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
    """People only, or foundation models only, at random; the other kind where none is left.

        >>> who = Only(models=True).assign(asked, rows, rng)

    Parameters
    ----------
    models : whether to ask models rather than people
    """

    models: bool

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        return liked_first(state, rows, state.annotator_pool.is_model == self.models, rng)


class ModelFirst:
    """A foundation model for a row's first answer, random people for further answers.

    If no annotator of the wanted kind is left, one of the other kind answers.

        >>> who = ModelFirst().assign(asked, rows, rng)
    """

    title = "the model first"

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        new = state.labels[rows] < 0
        return liked_first(state, rows, state.annotator_pool.is_model == new[:, None], rng)


def liked_first(state: State, rows: Ints, liked: Bools, rng: np.random.Generator) -> Ints:
    """(b,) a random annotator of the `liked` ones who can be asked, or else of the others."""
    free = state.available[rows]
    weight = free * (1 + liked) * rng.uniform(1, 1.5, size=free.shape)
    return np.asarray(np.argmax(weight, axis=1))


def skills(state: State) -> tuple[Floats, Floats]:
    """(a, k) expected right answers and all answers of each annotator, by true class."""
    assert state.annotator_pool is not None
    if state.consensus is None:
        none = np.zeros((len(state.annotator_pool), state.n_classes))
        return none, none
    return state.consensus.right, state.consensus.asked


def believed(state: State, rows: Ints) -> Floats:
    """(b, k) the training rule's belief of some rows, or else the model's probabilities."""
    beliefs = None if state.training is None else state.training.beliefs
    return (state.probs if beliefs is None else beliefs)[rows]


@dataclass(frozen=True)
class BySkill:
    """The most accurate annotator, with exploration (Thompson, 1933; Auer et al., 2002).

    O(b a k).

        >>> who = BySkill(rule="ucb").assign(asked, rows, rng)

    Parameters
    ----------
    rule : ``thompson`` draws an accuracy for each annotator and row from its posterior; ``ucb``
        takes its mean plus `width` standard deviations
    right, wrong : pseudo-counts of the beta prior of an accuracy, above 0; by default as if
        everybody had been right twice and wrong once
    width : factor of the posterior's standard deviation, in either rule
    by_class : whether accuracy is estimated per class and averaged by the row's class probabilities
    per_cost : whether accuracy above chance is divided by the price
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
    """Upper reference, not a method: the annotator of highest true accuracy; reads the truth.

    It knows each annotator's accuracy over the whole pool, but no answer.

        >>> who = KnownSkill().given(accuracies).assign(asked, rows, rng)

    Parameters
    ----------
    per_cost : whether accuracy above chance is divided by the price
    """

    title = "the known best"
    reads_truth: ClassVar = True
    per_cost: bool = False
    accuracy: Floats = field(init=False, repr=False, default_factory=lambda: np.empty(0))

    def given(self, accuracies: Floats) -> Self:
        """A copy that knows the true accuracies (a,), NaN of annotators without an answer."""
        other = type(self)(self.per_cost)
        other.accuracy = np.nan_to_num(accuracies)
        return other

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        accuracy = np.broadcast_to(self.accuracy, (len(rows), len(self.accuracy)))
        return best(state, rows, accuracy, self.per_cost, rng)


def best(
    state: State, rows: Ints, accuracy: Floats, per_cost: bool, rng: np.random.Generator
) -> Ints:
    """(b,) the most accurate annotator left to ask, with `per_cost` per price; ties at random."""
    assert state.annotator_pool is not None
    worth = np.maximum(accuracy - 1 / state.n_classes, 1e-6)
    if per_cost:
        worth = worth / state.annotator_pool.prices
    worth = worth * rng.uniform(1, 1 + 1e-9, size=worth.shape)
    return np.asarray(np.argmax(np.where(state.available[rows], worth, -1.0), axis=1))


@dataclass(frozen=True)
class CoAnnotating:
    """People for the rows of highest prior entropy, models for the others
    (CoAnnotating: Li et al., EMNLP 2023).

    Rows are ranked by the prior's entropy over the whole pool, queried or not; ties at random. The
    authors take the entropy of answers to several prompts, which is the same if the prior is
    recorded votes. If no annotator of the wanted kind is left, one of the other kind answers.
    O(n k + n log n).

        >>> who = CoAnnotating(people=0.5).assign(asked, rows, rng)

    Parameters
    ----------
    people : fraction of the pool for people, 0 to 1
    """

    title = "CoAnnotating"
    people: float = 0.2

    def __post_init__(self) -> None:
        fraction(self, people=self.people)

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        unsure = np.round(entropy(state.rows.prior), 6)
        order = np.sort(unsure)
        upper = np.searchsorted(order, unsure[rows], side="right")
        equal = upper - np.searchsorted(order, unsure[rows], side="left")
        above = len(order) - upper + equal * rng.random(len(rows))
        liked = state.annotator_pool.is_model == (above >= self.people * len(order))[:, None]
        return liked_first(state, rows, liked, rng)


@dataclass(frozen=True)
class PACLabels:
    """Foundation models for rows of low uncertainty, people for the others, with a bound on the
    label error (PAC Labels: Candès, Ilyas and Zrnic, ICML 2026).

    People answer first, until `checked` of the pool is labelled; the bound assumes that these rows
    are drawn at random. Then models answer the rows whose uncertainty, 1 - max of the prior, is
    under a threshold: the largest at which, with confidence 1 - `alpha`, prior and people disagree
    on at most a fraction `error` of the pool. If people are right, at most `error` of all labels
    are wrong; people's errors count against the model. Differs from the authors' code in the bound
    (exact for 0/1 loss, Clopper and Pearson, 1934; theirs is by betting, for any loss) and in
    sampling without replacement. If no annotator of the wanted kind is left, one of the other kind
    answers. O(n k).

        >>> who = PACLabels(error=0.1).assign(asked, rows, rng)

    Parameters
    ----------
    error : fraction of the pool's labels that may be wrong, between 0 and 1
    alpha : probability that more are wrong, between 0 and 1
    checked : fraction of the pool that people answer first, above 0 to 1
    """

    title = "PAC Labels"
    error: float = 0.05
    alpha: float = 0.05
    checked: float = 0.1

    def __post_init__(self) -> None:
        for name, part in {"error": self.error, "alpha": self.alpha}.items():
            require(0 < part < 1, self, "one between 0 and 1", **{name: part})
        share(self, checked=self.checked)

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        assert state.annotator_pool is not None
        needed = max(int(self.checked * len(state.rows)), 1)
        human = np.flatnonzero(~state.annotator_pool.is_model[state.answers.annotators])[:needed]
        prior, rows_of = state.rows.prior, state.answers.rows[human]
        unlike = prior[rows_of].argmax(axis=1) != state.answers.classes[human]
        unsure = np.sort((1 - prior[rows_of].max(axis=1))[unlike])
        wrong = allowed(needed, self.error, self.alpha)
        bar = -np.inf  # models answer rows of uncertainty below it
        if len(human) == needed and wrong >= 0:
            bar = unsure[wrong] if wrong < len(unsure) else np.inf
        sure = 1 - prior[rows].max(axis=1) < bar
        return liked_first(state, rows, state.annotator_pool.is_model == sure[:, None], rng)


def allowed(count: int, error: float, alpha: float) -> int:
    """The largest number of errors in `count` draws at which the error rate is at most `error` with
    confidence 1 - `alpha`; -1 if zero errors are too many (Clopper and Pearson, 1934)."""
    from scipy.stats import binom

    return int(np.searchsorted(binom.cdf(np.arange(count + 1), count, error), alpha, "right")) - 1
