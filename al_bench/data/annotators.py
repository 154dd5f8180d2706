"""Who answers, where several can be asked: ``crowd(truth, rng)``, once for the whole pool before a
run begins.

So every strategy of one seed meets the same people with the same mistakes, and an answer does not
depend on when it was asked for. All are vectorised over the pool: O(n a) time and memory beside
what a single annotator takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from al_bench.core.arrays import above, at_least
from al_bench.core.state import ABSENT, Ints
from al_bench.data.noise import Largest, Symmetric, Uniform, check_rate, misread, votes_of
from al_bench.data.reference import reference_held_out
from al_bench.data.types import Annotators, Crowd, Noise, Truth


@dataclass(frozen=True)
class Alike:
    """So many people who err alike and each for himself.

        >>> crowd = Alike(count=3).crowd(truth, rng)

    Parameters
    ----------
    count : of people
    noise : how each errs
    """

    count: int = 5
    noise: Noise = field(default_factory=Symmetric)

    def __post_init__(self) -> None:
        at_least(self, 1, count=self.count)

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        said = [self.noise.answers(truth, each) for each in rng.spawn(self.count)]
        return people([f"person {number + 1}" for number in range(self.count)], said)


@dataclass(frozen=True)
class Individuals:
    """People who err each in his own way.

        >>> crowd = Individuals({"ann": Symmetric(0.1), "bob": Uniform()}).crowd(truth, rng)

    Parameters
    ----------
    members : by name, how each errs; ten of all sorts by default
    copies : by name, whose answers one repeats (a colluding pair makes the same mistakes)
    prices : by name, what an answer costs in those of a plain person, 1 where nothing is said
    """

    members: Mapping[str, Noise] = field(default_factory=lambda: mixed())
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
        said = {
            name: noise.answers(truth, own)
            for (name, noise), own in zip(self.members.items(), each, strict=True)
        }
        said |= {name: said[whose] for name, whose in self.copies.items()}
        return people(list(said), list(said.values()), [self.prices.get(n, 1.0) for n in said])


def mixed() -> dict[str, Noise]:
    """Ten people from an expert to an adversary."""
    rates = {"expert": 0.05, "careful": 0.1, "good": 0.2, "fair": 0.3, "hasty": 0.4, "poor": 0.5}
    found: dict[str, Noise] = {name: Symmetric(rate) for name, rate in rates.items()}
    found |= {"spammer": Uniform(), "second spammer": Uniform(), "largest class": Largest()}
    return found | {"adversary": Symmetric(0.9)}


@dataclass(frozen=True)
class Misreading:
    """People who find the same rows hard (as feature-dependent noise), one for each rate.

    Given the row they err independently.

        >>> crowd = Misreading(rates=[0.1, 0.3]).crowd(truth, rng)

    Parameters
    ----------
    rates : each one's fraction of wrong answers, in [0, 1)
    folds : of the reference model that says which rows are hard
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
        said = [misread(truth, probs, rate, own) for rate, own in each]
        return people([f"person {number + 1}" for number in range(len(said))], said)


@dataclass(frozen=True)
class Ballots:
    """The votes of a data set's column, one by one, in an order drawn for each row.

    A first answer is thus one rater's of several; raters have no names.

        >>> crowd = Ballots(most=3).crowd(truth, rng)

    Parameters
    ----------
    column : a human column of (n, k) votes
    most : so many of a row's votes can be bought at most
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
    """What people said who are on record in a data set; each can be asked about his rows alone.

    Where the columns of the table are places and no persons, a row's answers come in an order drawn
    for it.

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
            seen = (table != ABSENT).any(axis=0)  # not who answered rows outside the pool alone
            names = [name for name, here in zip(known.names, seen, strict=True) if here]
            return people(names, list(table[:, seen].T))
        order = np.argsort(np.where(table == ABSENT, 2.0, rng.random(table.shape)), axis=1)
        return places(np.take_along_axis(table, order, axis=1))


@dataclass(frozen=True)
class OnRecord:
    """Whatever several answers a data set has: a table of people, or else a column of votes.

    It has one of them only, or else it is to be named.

        >>> crowd = OnRecord(most=3).crowd(only_people, rng)

    Parameters
    ----------
    most : of votes so many a row can be bought
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
    """Some annotators and the foundation model beside them, which answers its likeliest class.

    It has no answer where all classes are alike to it. Its price is a model's.

        >>> crowd = WithModel(Alike(count=2)).crowd(truth, rng)

    Parameters
    ----------
    inner : the others
    name : what the model is called
    """

    inner: Annotators = field(default_factory=Alike)
    name: str = "foundation model"

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        if truth.prior is None:
            raise ValueError("annotators: there is no prior to ask")
        flat = np.ptp(truth.prior, axis=1) == 0
        said = np.where(flat, ABSENT, truth.prior.argmax(axis=1))
        return with_models(self.inner.crowd(truth, rng), [self.name], [said])


@dataclass(frozen=True)
class WithModels:
    """Some annotators and several foundation models beside them, whose sampled answers are on
    record (as MoLLIA: Qi et al., AAAI 2026).

    Each gives its most frequent answer, of equally frequent ones one at random, and none about a
    row where none of its answers named a class. Its price is that of a model.

        >>> crowd = WithModels(["votes"], Alike(count=2)).crowd(truth, rng)

    Parameters
    ----------
    columns : human columns of (n, k) votes, one for each model, named like it
    inner : the others
    """

    columns: Sequence[str]
    inner: Annotators = field(default_factory=Alike)

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("annotators.columns is empty; wanted a column for each model")

    def crowd(self, truth: Truth, rng: np.random.Generator) -> Crowd:
        others, said = self.inner.crowd(truth, rng), []
        for column in self.columns:
            votes = votes_of("annotators", truth, column)
            best = np.argmax(votes + rng.random(votes.shape) / 2, axis=1)
            said.append(np.where(votes.any(axis=1), best, ABSENT))
        return with_models(others, list(self.columns), said)


def with_models(others: Crowd, names: Sequence[str], said: Sequence[Ints]) -> Crowd:
    """Some persons, and foundation models with their (n,) answers; ValueError for others than
    persons."""
    if not others.identified:
        raise ValueError("annotators: a foundation model can stand beside persons alone, and "
                         "these answers are nobody's in particular")  # fmt: skip
    return Crowd(
        np.column_stack([others.answers, *said]),
        (*others.names, *names),
        np.append(others.prices, np.ones(len(names))),
        np.append(others.is_model, np.ones(len(names), dtype=bool)),
        identified=True,
    )


def people(names: Sequence[str], said: Sequence[Ints], prices: Sequence[float] = ()) -> Crowd:
    """Persons with their (n,) answers."""
    costs = np.array(prices or [1.0] * len(names))
    nobody = np.zeros(len(names), dtype=bool)
    return Crowd(np.column_stack(said), tuple(names), costs, nobody, identified=True)


def places(table: Ints) -> Crowd:
    """First answers, second answers, ...: (n, a), a row's answers before what is ABSENT."""
    count = table.shape[1]
    names = tuple(f"answer {number + 1}" for number in range(count))
    return Crowd(table, names, np.ones(count), np.zeros(count, dtype=bool), identified=False)
