"""The evidence of several annotators, of different error rates, on a row's class.

An annotator errs at a rate of his own, evenly over the wrong classes; all rates are shrunk towards
a common one. Or he answers by habit, whatever the row is (MACE: Hovy et al., 2013), so that an
annotator who always names the largest class has no influence. How much annotators differ is learned
too (hierarchical: Carpenter, 2008; Paun et al., 2018). A row's only answer counts less as evidence
on its annotator, since only foundation model and task model, which err too, can contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammaln

from al_bench.core.arrays import softmax
from al_bench.core.state import Floats, Ints, State
from al_bench.crowd.consensus import places_of

SHIFTS = np.linspace(-4, 4, 17)  # logit of an annotator's error rate minus that of the common one
SPREADS = np.array([1e-3, 0.5, 1, 2])  # standard deviations of the shifts; the first means none
DEPARTURES = softmax(-0.5 * (SHIFTS / SPREADS[:, None]) ** 2)  # (t, s) P(shift | spread)
BEFORE = np.array([0.0, -1, -2, -3])  # log prior of the spreads
ALONE = 0.5  # weight of a row's only answer, as evidence on its annotator
IDLE = 0.02  # prior fraction of annotators who answer by habit
HABIT = 2.0  # pseudo-answers of an annotator's habit, spread over all classes
CERTAIN, LEAST = 30.0, 1e-300  # bound of log-odds; lower bound of a mean before its logarithm
LEAST_GAIN = 1e-3  # lower bound of an answer's gain in a regression's targets


@dataclass(frozen=True)
class AnswerTable:
    """All answers as a table. rows: (m,) labelled rows, ascending. Of each answer, (v,): place, the
    position of its row in `rows`; who, its annotator; said, its class. k classes, `annotators`
    annotators."""

    rows: Ints
    place: Ints
    who: Ints
    said: Ints
    k: int
    annotators: int

    @classmethod
    def of(cls, state: State) -> AnswerTable:
        """The answers of a state; unidentified annotators count as one."""
        assert state.annotator_pool is not None
        answers, identified = state.answers, state.annotator_pool.identified
        rows, place = places_of(answers)
        annotators = answers.annotators if identified else np.zeros_like(answers.annotators)
        count = len(state.annotator_pool) if identified else 1
        return cls(rows, place, annotators, answers.classes, state.n_classes, count)

    @cached_property
    def cells(self) -> Ints:
        """(v,) index of each answer's (row, class) pair in a flattened (m, k) array."""
        return self.place * self.k + self.said

    @cached_property
    def groups(self) -> tuple[Ints, Ints, Ints, Ints]:
        """(u,) distinct `cells`; (v,) answers sorted by cell; (u,) where each cell begins among
        these; (m,) where each row begins among the distinct cells."""
        order = np.argsort(self.cells, kind="stable")
        cells, begin = np.unique(self.cells[order], return_index=True)
        return cells, order, begin, np.unique(cells // self.k, return_index=True)[1]

    @cached_property
    def alone(self) -> Floats:
        """(v,) whether an answer is its row's only one."""
        return np.asarray(np.bincount(self.place)[self.place] == 1)

    def by_row(self, weights: Floats) -> Floats:
        """(m, k) sums of the answers' weights (v,) by row and class."""
        m, k = len(self.rows), self.k
        sums = np.bincount(self.cells, weights, minlength=m * k)
        return np.asarray(sums.reshape(m, k), dtype=float)

    def by_person(self, values: Floats) -> Floats:
        """(a, s) sums of (v, s) values by annotator."""
        columns = [np.bincount(self.who, column, minlength=self.annotators) for column in values.T]
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Skills:
    """The skill of each answer's annotator, estimated from his other answers. shifts: (v, s)
    posterior of the `SHIFTS` of his error rate; idle: (v,) probability that he answers by habit;
    habit: (v,) probability of this answer if he does."""

    shifts: Floats
    idle: Floats
    habit: Floats

    @classmethod
    def alike(cls, votes: AnswerTable) -> Skills:
        """Skills of annotators who all err at the common rate."""
        count = len(votes.said)
        shifts = np.tile((SHIFTS == 0).astype(float), (count, 1))
        return cls(shifts, np.zeros(count), np.full(count, 1 / votes.k))

    def chances(self, votes: AnswerTable, rates: Floats) -> tuple[Floats, Floats]:
        """(v, r) probability of each answer if it is the true class, and if another class is, for
        each common error rate (r,)."""
        errs = self.shifts @ shifted_rates(rates, votes.k).T
        knows, by_habit = 1 - self.idle[:, None], (self.idle * self.habit)[:, None]
        return knows * (1 - errs) + by_habit, knows * errs / (votes.k - 1) + by_habit


def shifted_rates(rates: Floats, k: int) -> Floats:
    """(r, s) error rates whose logits are shifted by `SHIFTS`; no shift makes them worse than
    chance."""
    moved = np.outer(rates / (1 - rates), np.exp(SHIFTS))
    errs = np.minimum(moved / (1 + moved), np.maximum(rates, 1 - 1 / k)[:, None])
    return np.asarray(errs)


def learned_skills(votes: AnswerTable, posterior: Floats, gain: Floats, rate: float) -> Skills:
    """Each annotator's skill, from how his other answers agree with the rest of the evidence.

    posterior: (m, k) of the rows' classes; each answer's own `gain` (v,) is subtracted from it;
    rate: the common error rate. O(v (s + k)).
    """
    sure = np.clip(posterior.take(votes.cells), 1e-12, 1 - 1e-12)
    others = np.clip(np.log(sure / (1 - sure)) - gain, -CERTAIN, CERTAIN)
    right = 1 / (1 + np.exp(-others))[:, None]
    weight = np.where(votes.alone, ALONE, 1.0)[:, None]
    errs = shifted_rates(np.array([rate]), votes.k)
    logs = weight * np.log((1 - errs) * right + errs / (votes.k - 1) * (1 - right))
    classes = weight * np.eye(votes.k)[votes.said]
    of_all, counts = votes.by_person(logs), votes.by_person(classes)
    spreads = softmax(BEFORE + weighed(of_all, counts)[2].sum(axis=0))
    rest, counts = of_all[votes.who] - logs, counts[votes.who] - classes  # his other answers
    odds, share, total, idle = weighed(rest, counts)
    shifts = odds * ((spreads / share) @ DEPARTURES)
    habit = (counts[np.arange(len(logs)), votes.said] + HABIT / votes.k) / (
        counts.sum(axis=1) + HABIT
    )
    return Skills(shifts, np.exp(idle[:, None] - total) @ spreads, habit)


def weighed(logs: Floats, counts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Likelihoods of the answers of x annotators: (x, s) by `SHIFTS`, relative to the largest; (x,
    t) their means by `SPREADS`; and as logarithms, (x, t) with habits included, and (x,) by habit
    alone (a Dirichlet multinomial).

    logs: (x, s) log-likelihoods by shift; counts: (x, k) answers by class.
    """
    most, k = logs.max(axis=1, keepdims=True), counts.shape[1]
    odds = np.exp(logs - most)
    share = np.maximum(odds @ DEPARTURES.T, LEAST)
    habit = gammaln(counts + HABIT / k).sum(axis=1) - k * gammaln(HABIT / k)
    habit += gammaln(HABIT) - gammaln(counts.sum(axis=1) + HABIT) + np.log(IDLE)
    total = np.logaddexp(np.log((1 - IDLE) * share) + most, habit[:, None])
    return odds, share, total, habit


def vote_targets(votes: AnswerTable, gain: Floats) -> tuple[Floats, Floats]:
    """(m, k) soft targets from the answers alone, and (m,) their confidence, in 0..1.

    The targets are the posterior's excess over chance, normalised: a single answer gives its class,
    two that differ give both. A spammer's answer adds no confidence.
    """
    probs = softmax(votes.by_row(np.maximum(gain, LEAST_GAIN)))
    above = np.maximum(probs - 1 / votes.k, 0)
    mass = above.sum(axis=1, keepdims=True)
    shares = votes.by_row(1 / np.bincount(votes.place)[votes.place])  # fallback: vote shares
    targets = np.where(mass > 0, above / np.maximum(mass, 1e-12), shares)
    return targets, mass[:, 0] * votes.k / (votes.k - 1)
