"""How much is queried in each round, and whether answers are seen inside one."""

from __future__ import annotations

from itertools import pairwise

from al_bench.state import Protocol, Tariff

REVEALS = ("batch", "sequential")


class Counts:
    """So many rows at the start, then so many in each round."""

    reask, tariff = False, Tariff()

    def __init__(self, start: int, budget: int, rounds: int, reveal: str) -> None:
        if start < 1 or budget < 1 or rounds < 0:
            raise ValueError(
                f"protocol has start={start}, budget={budget}, rounds={rounds}; "
                "wanted start >= 1, budget >= 1, rounds >= 0"
            )
        self.start, self.budget, self.rounds = start, budget, rounds
        self.reveal = checked_reveal(reveal)

    def sizes(self, n: int, k: int) -> list[int]:
        """Rows queried in each round for a pool of n rows; ValueError where it has fewer."""
        needed = self.start + self.rounds * self.budget
        if needed > n:
            raise ValueError(f"protocol asks for {needed} rows; the pool has {n}")
        return [self.start] + [self.budget] * self.rounds


class Budget:
    """A total that fits the pool, in equal rounds: `per_class` labels a class, at most `fraction`
    of the pool (either may be null, not both)."""

    reask, tariff = False, Tariff()

    def __init__(
        self, per_class: float | None, fraction: float | None, rounds: int, reveal: str
    ) -> None:
        if per_class is None and fraction is None:
            raise ValueError("protocol.per_class and protocol.fraction are both null; wanted one")
        if rounds < 1 or (per_class is not None and per_class <= 0):
            raise ValueError(
                f"protocol has per_class={per_class}, rounds={rounds}; "
                "wanted per_class > 0 and rounds >= 1"
            )
        if fraction is not None and not 0 < fraction <= 1:
            raise ValueError(
                f"protocol.fraction is {fraction}; wanted a fraction of the pool in (0, 1]"
            )
        self.per_class, self.fraction, self.rounds = per_class, fraction, rounds
        self.reveal = checked_reveal(reveal)

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


class Started:
    """A `start` of its own, a fraction of the pool, then equal rounds up to `fraction` of it."""

    reask, tariff = False, Tariff()

    def __init__(self, start: float, fraction: float, rounds: int, reveal: str) -> None:
        if not (0 < start < fraction <= 1 and rounds >= 1):
            raise ValueError(
                f"protocol has start={start}, fraction={fraction}, rounds={rounds}; "
                "wanted 0 < start < fraction <= 1 and rounds >= 1"
            )
        self.start, self.fraction, self.rounds = start, fraction, rounds
        self.reveal = checked_reveal(reveal)

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


class WholePool:
    """Every row in one round: the full-data reference (clean or noisy, as the noise says)."""

    reveal, reask, tariff = "batch", False, Tariff()

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


def checked_reveal(reveal: str) -> str:
    """ValueError unless `reveal` is batch (answers come after the round) or sequential."""
    if reveal not in REVEALS:
        raise ValueError(f"protocol.reveal is {reveal!r}; wanted batch or sequential")
    return reveal
