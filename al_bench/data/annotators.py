"""Several annotators: ``crowd(truth, rng)`` makes all their answers to the whole pool before a run
begins. So with one seed, all strategies have the same annotators with the same errors, and an
answer does not depend on when it is queried. All are vectorised over the pool: O(n a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import above, at_least
from al_bench.core.state import ABSENT, Ints
from al_bench.data.noise import (
    Largest,
    Symmetric,
    Uniform,
    check_rate,
    misread,
    reference_held_out,
    votes_of,
)
from al_bench.data.types import Annotators, Crowd, Noise, Prior, Truth


@dataclass(frozen=True)
class Alike:
    """Several people with the same label noise, independent of each other.

        >>> crowd = Alike(count=3).crowd(truth, rng)

    Parameters
    ----------
    count : number of people
    noise : the label noise of each
    """

    count: int = 5
    noise: Noise = field(default_factory=Symmetric)

    def __post_init__(self) -> None:
        at_least(self, 1, count=self.count)

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        answers = [self.noise.answers(truth, each) for each in rng.spawn(self.count)]
        return people([f"person {number + 1}" for number in range(self.count)], answers)


@dataclass(frozen=True)
class Individuals:
    """People with a label noise each.

        >>> crowd = Individuals({"ann": Symmetric(0.1), "bob": Uniform()}).crowd(truth, rng)

    Parameters
    ----------
    members : label noise of each person, by name; ten different people by default
    copies : further people, by name, and the person whose answers each copies (collusion)
    prices : price of an answer, by name, in units of an ordinary person's; 1 if not given
    """

    members: Mapping[str, Noise] = field(
        default_factory=lambda: {
            "expert": Symmetric(0.05),
            "careful": Symmetric(0.1),
            "good": Symmetric(0.2),
            "fair": Symmetric(0.3),
            "hasty": Symmetric(0.4),
            "poor": Symmetric(0.5),
            "spammer": Uniform(),
            "second spammer": Uniform(),
            "largest class": Largest(),
            "adversary": Symmetric(0.9),
        }
    )
    copies: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("annotators has no members; wanted one at least")
        for what, names in (("copies", self.copies.values()), ("prices", self.prices)):
            known = {*self.members, *(self.copies if what == "prices" else ())}
            unknown = sorted(set(names) - known)
            if unknown:
                raise ValueError(f"annotators.{what} names {unknown[0]!r}; there are "
                                 f"{', '.join(known)}")  # fmt: skip
        above("annotators.prices", 0, **self.prices)

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        each = rng.spawn(len(self.members))
        answers = {
            name: noise.answers(truth, own)
            for (name, noise), own in zip(self.members.items(), each, strict=True)
        }
        answers |= {name: answers[whose] for name, whose in self.copies.items()}
        return people([*answers], [*answers.values()], [self.prices.get(n, 1.0) for n in answers])


@dataclass(frozen=True)
class Misreading:
    """People with feature-dependent noise who find the same rows hard, one for each rate.

    Given the row, their errors are independent.

        >>> crowd = Misreading(rates=[0.1, 0.3]).crowd(truth, rng)

    Parameters
    ----------
    rates : fraction of wrong answers of each person, in [0, 1)
    folds : cross-fitting folds of the reference model that decides which rows are hard
    """

    rates: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5)
    folds: int = 5

    def __post_init__(self) -> None:
        for rate in self.rates:
            check_rate("feature-dependent", rate)
        if not self.rates:
            raise ValueError("annotators.rates is empty; wanted a rate for each annotator")

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        probs = reference_held_out(truth, self.folds, rng)
        each = zip(self.rates, rng.spawn(len(self.rates)), strict=True)
        answers = [misread(truth, probs, rate, own) for rate, own in each]
        return people([f"person {number + 1}" for number in range(len(answers))], answers)


@dataclass(frozen=True)
class Ballots:
    """The votes in a column of a data set, bought one by one, in random order for each row.

    So the first answer is the vote of a random rater; raters are not identified.

        >>> crowd = Ballots(most=3).crowd(truth, rng)

    Parameters
    ----------
    column : a human column of (n, k) votes
    most : largest number of a row's votes that can be bought
    """

    column: str = "votes"
    most: int = 10

    def __post_init__(self) -> None:
        at_least(self, 1, most=self.most)

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        votes = votes_of("annotators", truth, self.column)
        n, k = votes.shape
        row, cast = np.divmod(np.repeat(np.arange(n * k), votes.ravel()), k)
        order = np.lexsort((rng.random(len(row)), row))
        counts = votes.sum(axis=1)
        place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        table = np.full((n, max(int(min(counts.max(), self.most)), 1)), ABSENT, dtype=np.int64)
        kept = place < self.most
        table[row[order][kept], place[kept]] = cast[order][kept]
        return places(table)


@dataclass(frozen=True)
class Recorded:
    """The recorded answers of a data set; each person can be asked only about rows with an answer.

    If the columns of the table are places and not persons, the answers to a row come in random
    order.

        >>> crowd = Recorded().crowd(truth, rng)

    Parameters
    ----------
    people : the name of the data set's table of answers
    """

    people: str = "three"

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        if self.people not in truth.people:
            have = ", ".join(truth.people) or "none"
            raise ValueError(
                f"annotators: the data set has no people {self.people!r}; it has {have}"
            )
        known = truth.people[self.people]
        table = np.asarray(known.answers, dtype=np.int64)
        if known.names:
            seen = (table != ABSENT).any(axis=0)  # persons with an answer inside the pool
            names = [name for name, here in zip(known.names, seen, strict=True) if here]
            return people(names, list(table[:, seen].T))
        order = np.argsort(np.where(table == ABSENT, 2.0, rng.random(table.shape)), axis=1)
        return places(np.take_along_axis(table, order, axis=1))


@dataclass(frozen=True)
class OnRecord:
    """The only recorded answers of a data set: one table of people, or else one column of votes.

    If a data set has several, use `Recorded` or `Ballots` with a name.

        >>> crowd = OnRecord(most=3).crowd(only_people, rng)

    Parameters
    ----------
    most : largest number of a row's votes that can be bought
    """

    most: int = 10

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        votes = [name for name, column in truth.columns.items() if column.ndim == 2]
        if len(truth.people) == 1:
            return Recorded(next(iter(truth.people))).crowd(truth, rng)
        if not truth.people and len(votes) == 1:
            return Ballots(votes[0], self.most).crowd(truth, rng)
        have = ", ".join([*truth.people, *votes]) or "none"
        raise ValueError(
            f"annotators: the data set has several people's answers under the names {have}; wanted "
            "one name, or annotators=recorded or ballots with the name of one"
        )


@dataclass(frozen=True)
class WithModel:
    """Some annotators, and a foundation model, which answers its likeliest class.

    It has no answer if all classes are equally likely. It has the price of a model.

        >>> crowd = WithModel(Alike(count=2)).crowd(truth, rng)

    Parameters
    ----------
    inner : the other annotators
    name : name of the model
    prior : the model; null: that of the run's prior
    """

    later: ClassVar = (("prior", None),)

    inner: Annotators = field(default_factory=Alike)
    name: str = "foundation model"
    prior: Prior | None = None

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        probs = truth.prior if self.prior is None else truth.ask and truth.ask(self.prior)
        if probs is None:
            raise ValueError("annotators: there is no prior to ask")
        answers = np.where(np.ptp(probs, axis=1) == 0, ABSENT, probs.argmax(axis=1))
        return with_models(self.inner.crowd(truth, rng), [self.name], [answers])


@dataclass(frozen=True)
class WithModels:
    """Some annotators, and several foundation models with recorded samples of their answers (as
    MoLLIA: Qi et al., AAAI 2026).

    Each model gives its most frequent answer, with random ties, and no answer if none of its
    samples named a class. It has the price of a model.

        >>> crowd = WithModels(["votes"], Alike(count=2)).crowd(truth, rng)

    Parameters
    ----------
    columns : human columns of (n, k) votes, one for each model, whose name is the model's
    inner : the other annotators
    """

    columns: Sequence[str]
    inner: Annotators = field(default_factory=Alike)

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("annotators.columns is empty; wanted a column for each model")

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        others, answers = self.inner.crowd(truth, rng), []
        for column in self.columns:
            votes = votes_of("annotators", truth, column)
            best = np.argmax(votes + rng.random(votes.shape) / 2, axis=1)
            answers.append(np.where(votes.any(axis=1), best, ABSENT))
        return with_models(others, list(self.columns), answers)


def with_models(others: Crowd, names: Sequence[str], answers: Sequence[Ints]) -> Crowd:
    """Some identified persons, and foundation models with their (n,) answers."""
    if not others.identified:
        raise ValueError("annotators: a foundation model can stand beside persons alone, and "
                         "these answers are nobody's in particular")  # fmt: skip
    return Crowd(
        np.column_stack([others.answers, *answers]),
        (*others.names, *names),
        np.append(others.prices, np.ones(len(names))),
        np.append(others.is_model, np.ones(len(names), dtype=bool)),
        identified=True,
    )


def people(names: Sequence[str], answers: Sequence[Ints], prices: Sequence[float] = ()) -> Crowd:
    """Persons with their (n,) answers and their prices."""
    costs = np.array(prices or [1.0] * len(names))
    nobody = np.zeros(len(names), dtype=bool)
    return Crowd(np.column_stack(answers), tuple(names), costs, nobody, identified=True)


def places(table: Ints) -> Crowd:
    """Unidentified annotators: columns of (n, a) are first, second, ... answers, then ABSENT."""
    count = table.shape[1]
    names = tuple(f"answer {number + 1}" for number in range(count))
    return Crowd(table, names, np.ones(count), np.zeros(count, dtype=bool), identified=False)
