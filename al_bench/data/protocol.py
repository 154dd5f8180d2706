"""How many rows each round queries, and whether a strategy sees answers within a round."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from al_bench.core.arrays import at_least, one_of, require
from al_bench.core.state import AnnotationCost, Protocol

FEEDBACK = ("after_batch", "within_batch")  # whether answers come after a round, or within it


class Plain:
    """Defaults of protocols: each row is queried once, and every answer costs 1."""

    allow_relabel, annotation_cost = False, AnnotationCost()


def check_protocol(feedback: str, least: int, rounds: int) -> None:
    """ValueError unless feedback is known and there are at least `least` rounds."""
    at_least("protocol", least, rounds=rounds)
    one_of("protocol", FEEDBACK, feedback=feedback)


@dataclass
class Counts(Plain):
    """A fixed number of rows at the start, and one in each later round.

        >>> labels = Counts(rounds=3).sizes(n=1000, k=10)

    Parameters
    ----------
    start, budget : rows of the start and of each later round
    rounds : number of rounds after the start
    feedback : "within_batch" or "after_batch", whether answers are seen within a round
    """

    start: int = 50
    budget: int = 50
    rounds: int = 9
    feedback: str = "within_batch"

    def __post_init__(self) -> None:
        at_least("protocol", 1, start=self.start, budget=self.budget)
        check_protocol(self.feedback, 0, self.rounds)

    def sizes(self, n: int, k: int) -> list[int]:
        """Rows queried in each round; n: size of the pool. ValueError if the pool is too small."""
        needed = self.start + self.rounds * self.budget
        if needed > n:
            raise ValueError(f"protocol asks for {needed} rows; the pool has {n}")
        return [self.start] + [self.budget] * self.rounds


@dataclass
class Budget(Plain):
    """A total budget that depends on the pool, in equal rounds.

        >>> labels = Budget(per_class=20).sizes(n=5000, k=10)

    Parameters
    ----------
    per_class : labels per class, or None
    fraction : largest fraction of the pool, or None (not both None)
    rounds : number of rounds into which the total is divided
    feedback : as in `Counts`
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
        """Rows queried in each round, equal up to rounding; ValueError if below one per round."""
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
    """A start of a given size, then equal rounds.

        >>> labels = Started(start=0.05).sizes(n=1000, k=10)

    Parameters
    ----------
    start, fraction : fractions of the pool that are labelled after the start and at the end
    rounds : number of rounds after the start
    feedback : as in `Counts`
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
        """Rows queried in each round; ValueError if below one per round."""
        start = int(self.start * n)
        rest = int(self.fraction * n) - start
        if not start or rest < self.rounds:
            raise ValueError(
                f"protocol has {start} labels for the start and {rest} for {self.rounds} rounds "
                f"(pool of {n} rows); wanted at least one each"
            )
        return [start, *equal(rest, self.rounds)]


def equal(total: int, rounds: int) -> list[int]:
    ends = [total * i // rounds for i in range(rounds + 1)]
    return [end - start for start, end in pairwise(ends)]


class WholePool(Plain):
    """Every row in one round: the full-data reference, with the label noise of the run.

    >>> labels = WholePool().sizes(n=1000, k=10)
    """

    feedback = "after_batch"

    def sizes(self, n: int, k: int) -> list[int]:
        return [n]


@dataclass
class Priced:
    """Another protocol whose answers have different prices.

        >>> labels = Priced(Counts(), survey=True).sizes(n=1000, k=10)

    Parameters
    ----------
    inner : the protocol that decides how many answers are bought
    allow_relabel : whether a labelled row may be queried again
    human, model : the price of an answer by a person and by a foundation model
    again : the factor on a person's price if the row was answered before
    survey : whether round 1 buys one answer for every row of the pool
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
        """Answers bought in each round: the survey, if any, then those of `inner`."""
        return [n] * self.survey + self.inner.sizes(n, k)
