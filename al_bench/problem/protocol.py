"""How much is queried in each round, and whether answers are seen inside one."""

from __future__ import annotations

from itertools import pairwise

from al_bench.arithmetic import at_least, one_of, require
from al_bench.state import Protocol, Tariff

REVEALS = ("batch", "sequential")  # whether answers come after a round, or inside it


class Plain:
    """What protocols share: each row once, and every answer at the price of one."""

    reask, tariff = False, Tariff()

    def __init__(self, rounds: int, least: int, reveal: str) -> None:
        at_least("protocol", least, rounds=rounds)
        one_of("protocol", REVEALS, reveal=reveal)
        self.rounds, self.reveal = rounds, reveal


class Counts(Plain):
    """So many rows at the start, then so many in each round.

    Parameters
    ----------
    start, budget
        Rows of the start and of each later round.
    rounds
        After the start.
    reveal
        "sequential" or "batch", whether answers are seen inside a round.

    Examples
    --------
    >>> Counts(rounds=3).sizes(n=1000, k=10)
    [50, 50, 50, 50]
    """

    def __init__(
        self, start: int = 50, budget: int = 50, rounds: int = 9, reveal: str = "sequential"
    ) -> None:
        at_least("protocol", 1, start=start, budget=budget)
        super().__init__(rounds, 0, reveal)
        self.start, self.budget = start, budget

    def sizes(self, n: int, k: int) -> list[int]:
        """Rows queried in each round for a pool of n rows; ValueError where it has fewer."""
        needed = self.start + self.rounds * self.budget
        if needed > n:
            raise ValueError(f"protocol asks for {needed} rows; the pool has {n}")
        return [self.start] + [self.budget] * self.rounds


class Budget(Plain):
    """A total that fits the pool, in equal rounds.

    Parameters
    ----------
    per_class
        Labels a class, or None.
    fraction
        Of the pool at most, or None (not both).
    rounds
        Into which the total is divided.
    reveal
        As of `Counts`.

    Examples
    --------
    >>> Budget().sizes(n=5000, k=10)
    [40, 40, 40, 40, 40, 40, 40, 40, 40, 40]
    """

    def __init__(
        self,
        per_class: float | None = 40,
        fraction: float | None = 0.15,
        rounds: int = 10,
        reveal: str = "sequential",
    ) -> None:
        if per_class is None and fraction is None:
            raise ValueError("protocol.per_class and protocol.fraction are both null; wanted one")
        wanted = "null, or labels above 0"
        require(per_class is None or per_class > 0, "protocol", wanted, per_class=per_class)
        wanted = "null, or more than 0 and at most 1"
        require(fraction is None or 0 < fraction <= 1, "protocol", wanted, fraction=fraction)
        super().__init__(rounds, 1, reveal)
        self.per_class, self.fraction = per_class, fraction

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


class Started(Plain):
    """A start of its own, then equal rounds.

    Parameters
    ----------
    start, fraction
        Parts of the pool that are labelled at the start and at the end.
    rounds
        After the start.
    reveal
        As of `Counts`.

    Examples
    --------
    >>> Started(rounds=3).sizes(n=1000, k=10)
    [20, 60, 60, 60]
    """

    def __init__(
        self,
        start: float = 0.02,
        fraction: float = 0.2,
        rounds: int = 20,
        reveal: str = "sequential",
    ) -> None:
        wanted = "0 < start < fraction <= 1"
        require(0 < start < fraction <= 1, "protocol", wanted, start=start, fraction=fraction)
        super().__init__(rounds, 1, reveal)
        self.start, self.fraction = start, fraction

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

    Examples
    --------
    >>> WholePool().sizes(n=1000, k=10)
    [1000]
    """

    def __init__(self) -> None:
        super().__init__(1, 1, "batch")

    def sizes(self, n: int, k: int) -> list[int]:
        return [n]


class Priced:
    """Another protocol, its budget spent on answers that have prices.

    Parameters
    ----------
    inner
        The protocol, which says how many answers are bought; None: `Budget()`.
    reask
        Whether a labelled row may be queried again.
    human, model
        The price of a person's and of a foundation model's answer.
    again
        The factor of a person's price where the row was answered before.
    survey
        Whether the start buys a first answer about every row of the pool.

    Examples
    --------
    >>> Priced(Counts(rounds=2), survey=True).sizes(n=1000, k=10)
    [1000, 50, 50, 50]
    """

    def __init__(
        self,
        inner: Protocol | None = None,
        reask: bool = True,
        human: float = 1.0,
        model: float = 0.03,
        again: float = 1.0,
        survey: bool = False,
    ) -> None:
        self.inner, self.reask, self.survey = inner or Budget(), reask, survey
        self.human, self.model, self.again = human, model, again
        self.reveal, self.tariff = self.inner.reveal, Tariff(human, model, again)

    def sizes(self, n: int, k: int) -> list[int]:
        """Answers bought in each round; those of `inner` after a survey."""
        return [n] * self.survey + self.inner.sizes(n, k)
