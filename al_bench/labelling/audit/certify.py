"""Which labels of a model may stay, so that few of each class are wrong with stated confidence, and
which rows people answer instead."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np

from al_bench.core.state import Bools, Floats, Ints

SIZES = (0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.88, 0.94, 1.0)  # parts that are tried
FOUND = (0, 1, 2, 4, 7, 12, 20)  # numbers of wrong labels that are tried
POINTS = 200  # rows at which the expected end is computed
SLIPPED = 30  # more wrong labels than these never pass one check
LEADS = 9  # the largest lead


@dataclass(frozen=True)
class Part:
    """The labels of one class that the model may keep.

    rows: in order of falling confidence; drawn: of these, those that people check; left: wrong
    labels that may stay; tolerated: wrong labels that the check may find; answers: rows that people
    are expected to answer, outside of this part too.
    """

    rows: Ints
    drawn: Ints
    left: int
    tolerated: int
    answers: float

    def kept(self, wrong: Bools) -> Ints:
        """The rows that keep the model's label; wrong: (n,) whether people found a row's label to
        be wrong. All before the first wrong one that is not tolerated."""
        found = np.flatnonzero(wrong[self.rows])
        return self.rows[: found[self.tolerated]] if len(found) > self.tolerated else self.rows


def slip(error: float, k: int, lead: int) -> float:
    """The largest probability that people settle on one given wrong class of k, if they err in this
    fraction of answers, independently and evenly over the other classes, and a row is asked about
    until one class leads by `lead` answers (Wald's bound of the likelihood ratio, 1945)."""
    return (error / ((k - 1) * (1 - error))) ** lead


def most_errors(differ: int, pairs: int, k: int, risk: float) -> float:
    """An upper limit of people's error rate, by how many of these pairs of answers about a row
    differ; wrong with probability `risk` (exact: Clopper and Pearson, 1934)."""
    from scipy.stats import beta

    same = 1 - float(beta.ppf(1 - risk, differ + 1, pairs - differ)) if differ < pairs else 0.0
    return float(1 - (1 + np.sqrt(max((k - 1) * (k * same - 1), 0.0))) / k)


def slips(people: int, rate: float, risk: float) -> int:
    """An upper limit of how many of so many rows slip at this rate."""
    from scipy.stats import binom

    return int(binom.ppf(1 - risk, people, rate)) if people and rate else 0


def chance(rows: int, left: int, found: int, drawn: int, missed: float = 0.0) -> float:
    """The largest probability that more than `left` of so many labels stay wrong, where `drawn`
    random ones are checked and the rows before wrong one number `found` + 1 keep their labels.

    missed: the probability that a wrong label passes the check. More than `left` can stay only if,
    of the first `found` + `left` + 1 wrong labels in the rows' order, the check finds `found` at
    most. Their number in the check is hypergeometric whatever the labels and the order are, and the
    rule is fixed before the check, so that this is one test.
    """
    from scipy.special import bdtr, betaln

    wrong = found + left + 1
    if wrong > rows:
        return 0.0
    least, most = max(drawn - rows + wrong, 0), min(wrong, drawn, found + SLIPPED * (missed > 0))
    hits = np.arange(least, most + 1)

    def ways(of: Ints | int, some: Ints | int) -> Floats:
        return np.asarray(-betaln(of - some + 1, some + 1) - np.log(of + 1))

    chances = np.exp(ways(wrong, hits) + ways(rows - wrong, drawn - hits) - ways(rows, drawn))
    return float(chances @ bdtr(np.minimum(found, hits), hits, 1 - missed))


def designed(
    rows: Ints, right: Floats, left: int, risk: float, missed: float, rng: np.random.Generator
) -> Part:
    """The part of these rows and the check with which people are expected to answer the fewest
    rows. right: of each row, the probability that its label is right, which only decides how many
    answers it takes. O(n) for each of some ninety designs."""
    from scipy.special import pdtrc

    order = np.lexsort((rows, -right))
    rows, n = rows[order], len(rows)
    wrong = np.cumsum(1 - right[order])
    best, check = Part(rows[: min(left, n)], rows[:0], left, 0, float(max(n - left, 0))), 0
    for size in sorted({int(np.ceil(n * part)) for part in SIZES} - {0}, reverse=True):
        if wrong[size - 1] > 2 * left + 3:  # it would not stay
            continue
        at = np.linspace(0, size - 1, min(size, POINTS)).astype(np.int64)
        for found in FOUND:
            most = int(min(size, np.ceil(best.answers) - (n - size)))  # else it is no better
            drawn = bisect_left(
                range(most), True, key=lambda m: chance(size, left, found, m, missed) <= risk
            )
            if drawn >= most:
                break
            ended = pdtrc(found, wrong[at] * drawn / size).mean()
            answers = drawn + n - size + (size - drawn) * float(ended)
            if answers < best.answers:
                best, check = Part(rows[:size], rows[:0], left, found, answers), drawn
    drawn_rows = np.sort(rng.choice(best.rows, check, replace=False))
    return replace(best, drawn=drawn_rows)


@dataclass(frozen=True)
class Plan:
    """How labels are certified.

    parts: of each class; lead: by how many answers a class must lead before a row counts as
    settled by people; slip: see `slip`; rows, answers: how many people are expected to settle, and
    to give.
    """

    parts: tuple[Part, ...]
    lead: int
    slip: float
    rows: float
    answers: float


def planned(
    labels: Ints,
    right: Floats,
    leads: Ints,
    k: int,
    error: float,
    risk: float,
    people: float,
    rng: np.random.Generator,
    target: int | None = None,
) -> Plan:
    """The plan with the fewest answers that is expected to certify that at most a fraction `error`
    of the labels of each class is wrong.

    labels: (n,) of all rows, right: (n,) their probabilities of being right; leads: (n,) by how
    many answers people settled on the label, 0 where nobody did; risk: that a class's statement is
    wrong; people: their error rate; target: a class of two of which a fraction 1 - `error` is to be
    found, too. Half of the risk is the check's, a quarter that of people's slips.
    """
    each = 1 - people - people / (k - 1)  # by which an answer raises the lead
    plans = []
    for lead in range(1, LEADS + 1) if people else (1,):
        rate = slip(people, k, lead) if people else 0.0
        if rate > error / 2:
            continue
        settled = leads >= lead
        asked, fits, parts = len(labels), True, list[Part]()
        for _ in range(2):  # how many rows people settle tells how many slip, and so again
            false = slips(asked, rate, risk / 4)
            whole, parts = budgets(labels, right, settled, k, error, target), []
            # rows that change their label come to a class too
            fits = bool((false * np.where(settled, 1.0, right).mean() <= whole).all())
            for c in range(k):
                rows = np.flatnonzero((labels == c) & ~settled)
                if c == target:  # people read each of them
                    parts.append(Part(rows[:0], rows[:0], 0, 0, len(rows)))
                    continue
                design = max(int(whole[c]) - false, 0), risk / 2 if people else risk, rate, rng
                parts.append(designed(rows, right[rows], *design))
            answers = sum(part.answers for part in parts)
            asked = min(int(settled.sum() + 1.2 * answers), len(labels))
        plans.append((not fits, Plan(tuple(parts), lead, rate, answers, answers * lead / each)))
        if [short for short, _ in plans].count(False) == 2:  # larger leads take more answers
            break
    if not plans:
        raise ValueError(
            f"people err in {people:.0%} of answers, too many for an error of {error:.1%}"
        )
    return min(plans, key=lambda plan: (plan[0], plan[1].answers))[1]


def budgets(
    labels: Ints, right: Floats, settled: Bools, k: int, error: float, target: int | None
) -> Ints:
    """(k,) how many of the labels of each class may be wrong, if those of the rows that are not
    settled are right with these probabilities; of a target only those that people found count."""
    true = np.bincount(labels, np.where(settled, 1.0, right), minlength=k)
    allowed = error * true
    if target is not None:
        found = np.count_nonzero(settled & (labels == target))
        allowed[1 - target] = min(allowed[1 - target], error / (1 - error) * found)
    return np.asarray(np.floor(allowed), dtype=np.int64)


@dataclass(frozen=True)
class Certificate:
    """What is certified of a session's labels.

    labels: (n,) class of every row; certified: (n,) whether the label is covered: people settled
    it, or it may stay the model's; answers: about how many more people are to give; limits: by
    class, the largest fraction of its labels that is wrong, and missed: of the rare class that is
    not found, each with 95 % confidence, empty and None while answers are missing; people: the
    fraction of people's answers that may be wrong.
    """

    labels: Ints
    certified: Bools
    answers: int
    error: float
    people: float
    limits: dict[str, float]
    missed: float | None = None

    def __str__(self) -> str:
        believed = f"if at most {self.people:.1%} of people's answers are wrong"
        if not self.limits:
            return (
                f"labels with at most {self.error:.1%} wrong in each class take about "
                f"{self.answers:,} more answers, {believed}; rows that wait for one are suggested"
            )
        each = ", ".join(f"{name} {limit:.1%}" for name, limit in self.limits.items())
        found = "" if self.missed is None else f"; at least {1 - self.missed:.1%} of it are found"
        held = max(*self.limits.values(), self.missed or 0) <= self.error
        head = "certified" if held else f"not certified to {self.error:.1%}"
        return (
            f"{head}: with 95 % confidence, and {believed}, wrong labels are at most, of "
            f"{each}{found}"
        )
