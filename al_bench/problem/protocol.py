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
    """So many rows at the start, then so many in each round."""

    def __init__(self, start: int, budget: int, rounds: int, reveal: str) -> None:
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
    """A total that fits the pool, in equal rounds: `per_class` labels a class, at most `fraction`
    of the pool (either may be null, not both)."""

    def __init__(
        self, per_class: float | None, fraction: float | None, rounds: int, reveal: str
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
    """A `start` of its own, a fraction of the pool, then equal rounds up to `fraction` of it."""

    def __init__(self, start: float, fraction: float, rounds: int, reveal: str) -> None:
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
    """Every row in one round: the full-data reference (clean or noisy, as the noise says)."""

    def __init__(self) -> None:
        super().__init__(1, 1, "batch")

    def sizes(self, n: int, k: int) -> list[int]:
        return [n]


class Priced:
    """Another protocol, its budget spent on answers that have prices.

    inner: the protocol, which says how many answers are bought; reask: whether a labelled row may
    be queried again; human, model: the price of a person's and of a foundation model's answer;
    again: the factor of a person's price where the row was answered before; survey: whether the
    start buys a first answer about every row of the pool.
    """

    def __init__(
        self,
        inner: Protocol,
        reask: bool,
        human: float,
        model: float,
        again: float,
        survey: bool,
    ) -> None:
        self.inner, self.reask, self.survey = inner, reask, survey
        self.reveal, self.tariff = inner.reveal, Tariff(human, model, again)

    def sizes(self, n: int, k: int) -> list[int]:
        """Answers bought in each round; those of `inner` after a survey."""
        return [n] * self.survey + self.inner.sizes(n, k)
