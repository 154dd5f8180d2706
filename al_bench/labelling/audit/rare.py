"""The audit of a rare class: rows are drawn by the model's score, with known probabilities, and
estimates hold under this design."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from al_bench.core.state import Bools, Floats, Ints
from al_bench.labelling.audit.estimate import ERROR, Interval

HEAD = 20  # rows of highest score that are drawn with nearly equal probabilities
NEAR = 3  # rows that are not predicted but nearly, in multiples of the predicted ones
DRAWS = 1000  # from posteriors, of which an interval's ends are quantiles
TINY = 1e-9  # in place of 0, as the shape of a distribution

Measure: TypeAlias = Callable[[Floats, Floats], Floats]  # of shares and hits, (..., 3) each


def next_drawn(
    scores: Floats, numbers: Floats, chances: Floats, asked: Ints, budget: int
) -> tuple[Ints, Floats]:
    """The rows to audit next, and the (m,) probabilities with which each row is audited by then.

    scores: (m,) of the reserve by the present model, which no audited row has trained; numbers:
    (m,) uniform in 0..1 and permanent; chances: (m,) probabilities so far; asked: positions audited
    so far. A row is audited once its number is below its probability (permanent random numbers:
    Ohlsson, 1995). Probabilities only rise: half of them is the same for all rows, half falls with
    the rank by score. The factor is that of the first row that is not audited, with which weighted
    totals are unbiased (priority sampling: Duffield, Lund and Thorup, 2007). O(m log m).
    """
    ranks = np.argsort(np.argsort(-scores, kind="stable"))
    by_rank = 1 / (ranks + HEAD)
    sizes = 0.5 / len(scores) + 0.5 * by_rank / by_rank.sum()
    due = numbers / sizes
    due[asked] = np.inf
    order = np.argsort(due, kind="stable")
    budget = min(budget, len(scores) - len(asked))
    factor = due[order[budget]] if budget < len(scores) - len(asked) else np.inf
    return order[:budget], np.maximum(chances, np.minimum(1.0, factor * sizes))


@dataclass(frozen=True)
class RareEstimate:
    """How good a model is at one rare class against all others, each value with an interval.

    prevalence: fraction of rows of the class; other_recall: of the other class; unfound: rows of
    the class without an answer yet; found: fraction of the class that has an answer; positives:
    audited rows of the class.
    """

    prevalence: Interval
    precision: Interval
    recall: Interval
    other_recall: Interval
    f1: Interval
    average_precision: Interval
    accuracy: Interval
    balanced_accuracy: Interval
    unfound: Interval
    found: Interval
    positives: int


@dataclass(frozen=True)
class Cells:
    """Audited rows by how likely the model finds them: predicted ones, the next ones, the rest.

    shares: (3,) of all rows; mean: (3,) weighted fraction of the class; size: (3,) audited rows, in
    effective numbers; weights: (a,) of each audited row in its cell, summing to one; cell: (a,).
    """

    shares: Floats
    mean: Floats
    size: Floats
    weights: Floats
    cell: Ints

    @classmethod
    def of(
        cls, scores: Floats, predicted: Bools, chances: Floats, audited: Ints, hits: Floats
    ) -> Cells:
        ranks = np.argsort(np.argsort(-np.where(predicted, scores + 2, scores), kind="stable"))
        edge = int(predicted.sum())
        cells = np.searchsorted([edge, edge + max(NEAR * edge, HEAD)], ranks, side="right")
        own, each = cells[audited], 1 / chances[audited]
        if edge and not (own == 1).any():
            cells, own = np.where(cells == 1, 2, cells), np.where(own == 1, 2, own)
        total = np.maximum(np.bincount(own, each, 3), 1e-12)
        weights = each / total[own]
        squares = np.maximum(np.bincount(own, weights**2, 3), 1e-12)
        there = np.bincount(own, minlength=3) > 0
        shares = np.asarray(np.bincount(cells, minlength=3) / len(scores), dtype=np.float64)
        mean = np.asarray(np.bincount(own, weights * hits, 3), dtype=np.float64)
        return cls(shares, mean, np.where(there, 1 / squares, 0), weights, own)

    def ends(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """(2, DRAWS, 3) the fractions of each cell, for lower and for upper ends: Jeffreys'
        posteriors, but 0 or 1 where no other outcome was seen (Brown, Cai and DasGupta, 2001); of
        predicted rows the limits of Clopper and Pearson, since precision is theirs alone."""
        hit = self.mean * self.size
        missed, more = np.maximum(self.size - hit, 0), np.array([1.0, 0.5, 0.5])
        low, high = (
            rng.beta(np.maximum(hit + a, TINY), np.maximum(missed + 1 - a, TINY), (DRAWS, 3))
            for a in (1 - more, more)
        )
        return np.where(hit > 0, low, 0.0), np.where(missed > 0, high, 1.0)


def estimate_rare(
    scores: Floats,
    predicted: Bools,
    chances: Floats,
    audited: Ints,
    hits: Floats,
    rows: int,
    found: int,
    error: float = ERROR,
) -> RareEstimate:
    """Estimates for one class with intervals, for rows that the model was not trained on.

    scores, predicted, chances: (m,) of the reserve: the model's probability of the class, whether
    it predicts it, and the probability of being audited; audited, hits: (a,) positions of audited
    rows with an answer, and whether they are of the class; rows, found: of the whole session, and
    those answered to be of the class; error: on either side of an interval. Each cell's fraction
    has a posterior at its effective number of rows (Korn and Graubard, 1998); an
    interval's lower end combines lower limits of what raises the value with upper limits of what
    lowers it (melding: Fay, Proschan and Brittain, 2015). ValueError without an audited row.
    """
    if not len(audited):
        raise ValueError("no row drawn at random has an answer yet")
    cells, rng = Cells.of(scores, predicted, chances, audited, hits), np.random.default_rng(0)
    low, high = cells.ends(rng)
    counts = np.maximum(cells.shares * len(scores), 0.5)
    shares = rng.dirichlet(counts, DRAWS)  # of new rows, of which the reserve is a sample
    worst = np.concatenate([low[:, :1], high[:, 1:]], axis=1)
    best = np.concatenate([high[:, :1], low[:, 1:]], axis=1)

    def interval(measure: Measure, lower: Floats, upper: Floats) -> Interval:
        value = float(measure(cells.shares, cells.shares * cells.mean))
        bottom = float(np.quantile(measure(shares, shares * lower), error))
        top = float(np.quantile(measure(shares, shares * upper), 1 - error))
        return Interval(value, min(bottom, value), max(top, value))

    def of_all(share: float) -> float:
        return max(rows * share, found)

    every = interval(lambda _, hit: hit.sum(axis=-1), low, high)
    ends = every.value, every.low, every.high
    ranked = average_precision(cells, scores[audited], hits, (worst, best), shares, rng, error)
    return RareEstimate(
        every,
        interval(lambda share, hit: ratio(hit[..., 0], share[..., 0]), low, high),
        interval(recall, worst, best),
        interval(specificity, worst, best),
        interval(f1, worst, best),
        ranked,
        interval(accuracy, worst, best),
        interval(lambda *x: (recall(*x) + specificity(*x)) / 2, worst, best),
        Interval(*(of_all(x) - found for x in ends)),
        Interval(*(found / max(of_all(x), 1) for x in (every.value, every.high, every.low))),
        round(float(hits.sum())),
    )


def ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(above / np.maximum(below, 1e-12))


def accuracy(shares: Floats, hits: Floats) -> Floats:
    return np.asarray(1 - shares[..., 0] + 2 * hits[..., 0] - hits.sum(axis=-1))


def recall(shares: Floats, hits: Floats) -> Floats:
    return ratio(hits[..., 0], hits.sum(axis=-1))


def specificity(shares: Floats, hits: Floats) -> Floats:
    """Recall of the other class; shares, hits: (..., 3) fractions of all rows that are in each
    cell, and that are of the rare class there."""
    wrong = shares[..., 0] - hits[..., 0]
    return 1 - ratio(wrong, 1 - hits.sum(axis=-1))


def f1(shares: Floats, hits: Floats) -> Floats:
    return ratio(2 * hits[..., 0], hits.sum(axis=-1) + shares[..., 0])


def average_precision(
    cells: Cells,
    scores: Floats,
    hits: Floats,
    ends: tuple[Floats, Floats],
    shares: Floats,
    rng: np.random.Generator,
    error: float,
) -> Interval:
    """Average precision of the ranking by score. Within a cell rows have random weights (Bayesian
    bootstrap: Rubin, 1981), scaled to the cell's fraction of the class at its limits; what a cell
    has of the class beyond the audited rows is ranked last in it."""
    if not hits.any():
        return Interval(0.0, 0.0, 1.0)
    order = np.lexsort((hits, -scores))
    own, hit, base = cells.cell[order], hits[order], cells.weights[order]
    draws = rng.exponential(size=(DRAWS, len(order)))

    def at(means: Floats, share: Floats, luck: Floats) -> Floats:
        """(d,) average precisions."""
        weights = base * luck
        positive, negative = weights * hit, weights * (1 - hit)
        lost = np.zeros(len(means))
        for cell in range(3):
            inside, goal = own == cell, share[:, cell] * means[:, cell]
            for part, wanted in ((positive, goal), (negative, share[:, cell] - goal)):
                total = part[:, inside].sum(axis=1)
                part[:, inside] *= ratio(wanted, total)[:, None]
                if part is positive:
                    lost += np.where(total > 0, 0, wanted)
        above = np.cumsum(positive, axis=1)
        precision = ratio(above, above + np.cumsum(negative, axis=1))
        whole = positive.sum(axis=1) + lost
        # lost rows come at the end: their precision is the prevalence
        return ratio((positive * precision).sum(axis=1) + lost * whole, whole)

    even = np.ones((1, len(order)))
    value = float(at(cells.mean[None], cells.shares[None], even)[0])
    bottom = float(np.quantile(at(ends[0], shares, draws), error))
    top = float(np.quantile(at(ends[1], shares, draws), 1 - error))
    return Interval(value, min(bottom, value), max(top, value))
