"""How much is queried in each round, and whether answers are seen inside one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from al_bench.core.arrays import at_least, one_of, require
from al_bench.core.state import AnnotationCost, Protocol

FEEDBACK = ("after_batch", "within_batch")  # whether answers come after a round, or inside it


class Plain:
    """What protocols share: each row once, and every answer at the price of one."""

    allow_relabel, annotation_cost = False, AnnotationCost()


def check_protocol(feedback: str, least: int, rounds: int) -> None:
    """ValueError unless these can be a protocol's, of so many rounds at least."""
    at_least("protocol", least, rounds=rounds)
    one_of("protocol", FEEDBACK, feedback=feedback)


@dataclass
class Counts(Plain):
    """So many rows at the start, then so many in each round.

        >>> labels = Counts(rounds=3).sizes(n=1000, k=10)

    Parameters
    ----------
    start, budget : rows of the start and of each later round
    rounds : after the start
    feedback : "within_batch" or "after_batch", whether answers are seen inside a round
    """

    start: int = 50
    budget: int = 50
    rounds: int = 9
    feedback: str = "within_batch"

    def __post_init__(self) -> None:
        at_least("protocol", 1, start=self.start, budget=self.budget)
        check_protocol(self.feedback, 0, self.rounds)

    def sizes(self, n: int, k: int) -> list[int]:
        """Rows queried in each round for a pool of n rows; ValueError where it has fewer."""
        needed = self.start + self.rounds * self.budget
        if needed > n:
            raise ValueError(f"protocol asks for {needed} rows; the pool has {n}")
        return [self.start] + [self.budget] * self.rounds


@dataclass
class Budget(Plain):
    """A total that fits the pool, in equal rounds.

        >>> labels = Budget(per_class=20).sizes(n=5000, k=10)

    Parameters
    ----------
    per_class : labels a class, or None
    fraction : of the pool at most, or None (not both)
    rounds : into which the total is divided
    feedback : as of `Counts`
    """

    per_class: float | None = 40
    fraction: float | None = 0.15
    rounds: int = 10
    feedback: str = "within_batch"

    def __post_init__(self) -> None:
        per_class, fraction = self.per_class, self.fraction
        if per_class is None and fraction is None:
            raise ValueError("protocol.per_class and protocol.fraction are both null; wanted one")
        wanted = "null, or labels above 0"
        require(per_class is None or per_class > 0, "protocol", wanted, per_class=per_class)
        wanted = "null, or more than 0 and at most 1"
        require(fraction is None or 0 < fraction <= 1, "protocol", wanted, fraction=fraction)
        check_protocol(self.feedback, 1, self.rounds)

    def sizes(self, n: int, k: int) -> list[int]:
        """Rows queried in each round, as equal as whole numbers are; ValueError below one a
        round."""
        limits = [n]
        if self.per_class is not None:
            limits.append(int(self.per_class * k))
        if self.fraction is not None:
            limits.append(int(self.fraction * n))
        total = min(limits)
        if total < self.rounds:
            raise ValueError(
                f"protocol has {total} labels for {self.rounds} rounds (pool of {n} rows, "
                f"{k} classes); wanted at least one a round"
            )
        return equal(total, self.rounds)


@dataclass
class Started(Plain):
    """A start of its own, then equal rounds.

        >>> labels = Started(start=0.05).sizes(n=1000, k=10)

    Parameters
    ----------
    start, fraction : parts of the pool that are labelled at the start and at the end
    rounds : after the start
    feedback : as of `Counts`
    """

    start: float = 0.02
    fraction: float = 0.2
    rounds: int = 20
    feedback: str = "within_batch"

    def __post_init__(self) -> None:
        fine, wanted = 0 < self.start < self.fraction <= 1, "0 < start < fraction <= 1"
        require(fine, "protocol", wanted, start=self.start, fraction=self.fraction)
        check_protocol(self.feedback, 1, self.rounds)

    def sizes(self, n: int, k: int) -> list[int]:
        """Rows queried in each round; ValueError below one a round."""
        start = int(self.start * n)
        rest = int(self.fraction * n) - start
        if not start or rest < self.rounds:
            raise ValueError(
                f"protocol has {start} labels for the start and {rest} for {self.rounds} rounds "
                f"(pool of {n} rows); wanted at least one each"
            )
        return [start, *equal(rest, self.rounds)]


def equal(total: int, rounds: int) -> list[int]:
    """A total in so many parts, as equal as whole numbers are."""
    ends = [total * i // rounds for i in range(rounds + 1)]
    return [end - start for start, end in pairwise(ends)]


class WholePool(Plain):
    """Every row in one round: the full-data reference (clean or noisy, as the noise says).

    >>> labels = WholePool().sizes(n=1000, k=10)
    """

    feedback = "after_batch"

    def sizes(self, n: int, k: int) -> list[int]:
        return [n]


@dataclass
class Priced:
    """Another protocol, its budget spent on answers that have prices.

        >>> labels = Priced(Counts(), survey=True).sizes(n=1000, k=10)

    Parameters
    ----------
    inner : the protocol, which says how many answers are bought
    allow_relabel : whether a labelled row may be queried again
    human, model : the price of a person's and of a foundation model's answer
    again : the factor of a person's price where the row was answered before
    survey : whether the start buys a first answer about every row of the pool
    """

    inner: Protocol = field(default_factory=Budget)
    allow_relabel: bool = True
    human: float = 1.0
    model: float = 0.03
    again: float = 1.0
    survey: bool = False

    def __post_init__(self) -> None:
        self.feedback = self.inner.feedback
        self.annotation_cost = AnnotationCost(self.human, self.model, self.again)

    def sizes(self, n: int, k: int) -> list[int]:
        """Answers bought in each round; those of `inner` after a survey."""
        return [n] * self.survey + self.inner.sizes(n, k)
